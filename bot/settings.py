"""Settings: environment, then `.maf/maf.env` (contract.md section 2).

The only reader of the environment, but for bot/home.py, which must not cost the import of pydantic.
"""

from __future__ import annotations

import io
import os
import re
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv.parser import parse_stream  # pydantic-settings reads maf.env with it
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.clock import span
from bot.errors import WrongSetting, reason_of
from bot.home import Home


def parse_duration(value: object) -> object:
    """What `span` reads -> timedelta; what is no text is left for pydantic to refuse."""
    return span(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class Settings(BaseSettings):
    """Every setting of the program, each with its variable name as in contract.md."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, case_sensitive=True, populate_by_name=True)

    bot_token: SecretStr | None = Field(None, validation_alias="MAF_BOT_TOKEN")
    supervisor_chat: int | None = Field(None, validation_alias="MAF_SUPERVISOR_CHAT")
    database_url: SecretStr | None = Field(None, validation_alias="MAF_DATABASE_URL")
    telegram_api: str = Field("https://api.telegram.org", validation_alias="MAF_TELEGRAM_API")
    webhook_url: str | None = Field(None, validation_alias="MAF_WEBHOOK_URL")
    webhook_secret: SecretStr | None = Field(None, validation_alias="MAF_WEBHOOK_SECRET")
    # Where the proxy in front of us hands the webhook's requests on to.
    webhook_listen: Annotated[tuple[str, int], NoDecode] = Field(
        ("127.0.0.1", 8443), validation_alias="MAF_WEBHOOK_LISTEN"
    )
    tmux_socket: str = Field("maf", validation_alias="MAF_TMUX_SOCKET")
    tmux_session: str = Field("maf", validation_alias="MAF_TMUX_SESSION")
    project_root: Path | None = Field(None, validation_alias="MAF_PROJECT_ROOT")
    log_level: str = Field("info", validation_alias="MAF_LOG_LEVEL")
    max_agents: int = Field(50, ge=1, le=500, validation_alias="MAF_MAX_AGENTS")
    # Before a start: megabytes of memory that must stay free, and the most load per processor; 0 asks nothing.
    min_free_memory: int = Field(300, ge=0, validation_alias="MAF_MIN_FREE_MEMORY")
    max_load: float = Field(12.0, ge=0, validation_alias="MAF_MAX_LOAD")
    draft_ttl: Duration = Field(timedelta(minutes=30), ge=timedelta(seconds=1), validation_alias="MAF_DRAFT_TTL")
    # How long Codex, which shows no dialog meanwhile, waits for an answer from the chat; its hook may wait 100 s.
    permission_wait: Duration = Field(
        timedelta(seconds=90), le=timedelta(seconds=95), validation_alias="MAF_PERMISSION_WAIT"
    )
    permission_reminder: Duration = Field(
        timedelta(minutes=10), ge=timedelta(minutes=1), validation_alias="MAF_PERMISSION_REMINDER"
    )
    timezone: str = Field("UTC", validation_alias="MAF_TIMEZONE")
    quiet_hours: Annotated[tuple[time, time] | None, NoDecode] = Field(None, validation_alias="MAF_QUIET_HOURS")
    quota_enforcement: bool = Field(True, validation_alias="MAF_QUOTA_ENFORCEMENT")
    codex_profile: str | None = Field(None, validation_alias="CODEX_PROFILE")
    quota_cache_ttl: Duration | None = Field(None, validation_alias="QUOTA_CACHE_TTL")
    debug_quota: bool = Field(False, validation_alias="DEBUG_QUOTA")
    quota_status_format: Literal["tmux", "compact", "table", "json"] = Field(
        "table", validation_alias="QUOTA_STATUS_FORMAT"
    )
    enable_agent_mail: bool = Field(False, validation_alias="ENABLE_AGENT_MAIL")
    enable_beads: bool = Field(True, validation_alias="ENABLE_BEADS_INTEGRATION")
    debug_mode: bool = Field(False, validation_alias="DEBUG_MODE")
    agent_mail_url: str = Field("http://127.0.0.1:8765", validation_alias="MAF_AGENT_MAIL_URL")
    agent_mail_token: SecretStr | None = Field(None, validation_alias="MAF_AGENT_MAIL_TOKEN")
    # Where MAF_AGENT is set we run inside an agent: CODEX_PROFILE then only names its profile and forces nothing.
    inside_agent: str | None = Field(None, validation_alias="MAF_AGENT")

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        right = "use postgresql://user:password@host/database or sqlite:////path/to/file"
        if value and not re.match(
            r"(sqlite(\+aiosqlite)?:///|postgres(ql)?(\+asyncpg)?://)\S", value.get_secret_value()
        ):
            raise ValueError(right)
        try:
            _ = urlsplit(value.get_secret_value()).port if value else None
        except ValueError:
            raise ValueError(f"{right}; its port is no number") from None
        return value

    @field_validator("telegram_api", "agent_mail_url", "webhook_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is not None and not _is_address(value):
            raise ValueError("write a whole address, like http://127.0.0.1:8081")
        return value

    @field_validator("webhook_listen", mode="before")
    @classmethod
    def _listen(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(?:\[?([^\s\]]+?)\]?:)?(\d{1,5})", value.strip())
        if not match or int(match[2]) > 65535:
            raise ValueError("write HOST:PORT, like 127.0.0.1:8443")
        return match[1] or "127.0.0.1", int(match[2])

    @field_validator("webhook_secret")
    @classmethod
    def _webhook_secret(cls, value: SecretStr | None) -> SecretStr | None:
        # As setWebhook takes it: https://core.telegram.org/bots/api#setwebhook
        if value and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value.get_secret_value()):
            raise ValueError("use letters, digits, _ and -, at most 256 of them")
        return value

    @field_validator("tmux_socket")
    @classmethod
    def _socket(cls, value: str) -> str:
        # A socket's path may have 107 bytes (sun_path, unix(7)); tmux puts a name into a folder of its own.
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}|/[^\x00-\x1f]{1,106}", value):
            raise ValueError("use a short name (at most 60 letters, digits, - and _) or the whole path of a socket")
        return value

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.lower() not in {"debug", "info", "warning", "error"}:
            raise ValueError("use debug, info, warning or error")
        return value.lower()

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder, like Europe
            raise ValueError("use a name like Europe/Berlin or UTC") from error
        return value

    @field_validator("tmux_session")
    @classmethod
    def _session(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", value):
            raise ValueError("use at most 40 letters, digits, - and _ (tmux does not allow . and :)")
        return value

    @field_validator("quiet_hours", mode="before")
    @classmethod
    def _quiet(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*", value)
        if not match:
            raise ValueError("write them like 22:00-07:30")
        h1, m1, h2, m2 = (int(g) for g in match.groups())
        try:
            return time(h1, m1), time(h2, m2)
        except ValueError:
            raise ValueError("write them like 22:00-07:30") from None

    @property
    def log_detail(self) -> str:
        """How much is logged."""
        return "debug" if self.debug_mode else self.log_level

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def secrets(self) -> list[str]:
        """What must never be printed, logged or stored; for the log's redaction."""
        held = (self.bot_token, self.database_url, self.webhook_secret, self.agent_mail_token)
        known = [s.get_secret_value() for s in held if s is not None]
        # An error of the driver may quote the password without the address around it.
        password = urlsplit(self.database_url.get_secret_value()).password if self.database_url else None
        return [*known, password, unquote(password)] if password else known

    def database(self, home: Home) -> str:
        """The SQLAlchemy URL of the store, SQLite in the home unless set; contains the password if it has one."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{home.database}"
        # asyncpg's word for what libpq, and so most addresses that one is given, calls sslmode.
        url = re.sub(r"([?&])sslmode=", r"\1ssl=", self.database_url.get_secret_value())
        for plain in ("postgresql://", "postgres://"):
            if url.startswith(plain):
                return "postgresql+asyncpg://" + url.removeprefix(plain)
        if url.startswith("sqlite:///"):
            return "sqlite+aiosqlite:///" + url.removeprefix("sqlite:///")
        return url

    def root(self, home: Home) -> Path:
        """The project that the home belongs to."""
        folder = home.root.parent
        return (folder / self.project_root.expanduser() if self.project_root else folder).resolve()


def tool_environment() -> dict[str, str]:
    """What a tool of the person's (git, bd, npm) gets to see when we run it: our environment without our own settings,
    the secrets among them, because such a tool may run hooks that lie in a repo."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAF_")}


# Never printed, logged, stored, or handed on to an agent.
SECRET = frozenset({"MAF_BOT_TOKEN", "MAF_DATABASE_URL", "MAF_WEBHOOK_SECRET", "MAF_AGENT_MAIL_TOKEN"})


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(re.fullmatch(r"https?://[^\s/]+(/\S*)?", text)) and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half of an IPv6 address
        return False


def load_settings(home: Home, **overrides: Any) -> Settings:
    """Read the settings of a home. Raises WrongSetting, which names the variable, the value and what would be right."""
    hint = f"Set it in the environment or in {home.env_file}."
    try:
        settings = Settings(_env_file=_env_file(home), **overrides)
    except ValidationError as error:
        raise WrongSetting("; ".join(map(_wrong, error.errors())), hint=hint) from error
    if settings.project_root and "project_root" not in overrides and not settings.root(home).is_dir():
        raise WrongSetting(f"MAF_PROJECT_ROOT='{settings.project_root}': there is no such folder", hint=hint)
    return settings


def _env_file(home: Home) -> Path | None:
    """The home's maf.env, if there is one. Raises WrongSetting for one that cannot be read, line by line."""
    path = home.env_file
    try:
        text = path.read_text(encoding="utf8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise WrongSetting(f"{path} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    except OSError as error:
        hint = f"Make it yours: sudo chown -R $USER {home.root}" if isinstance(error, PermissionError) else ""
        raise WrongSetting(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    wrong = [str(one.original.line) for one in parse_stream(io.StringIO(text)) if one.error]
    if wrong:
        raise WrongSetting(f"{path}, line {', '.join(wrong)}: write NAME=value, or # before a note.")
    return path


def _wrong(problem: ErrorDetails) -> str:
    """One wrong setting in words: its variable, its value, what would be right."""
    name = str(problem["loc"][0]) if problem["loc"] else "?"
    value, limits = problem["input"], problem.get("ctx", {})
    shown = f"'{value.total_seconds():g}s'" if isinstance(value, timedelta) else repr(value)
    words = {
        "int_parsing": "write a whole number",
        "float_parsing": "write a number",
        "bool_parsing": "write true or false",
        "literal_error": f"use {limits.get('expected')}",
        "greater_than_equal": f"write {_plain(limits.get('ge'))} or more",
        "less_than_equal": f"write {_plain(limits.get('le'))} or less",
    }
    right = words.get(problem["type"], reason_of(problem))
    return f"{name}={'(secret)' if name in SECRET else shown}: {right}"


def _plain(limit: object) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)

"""Settings: a wrong value names the variable, the value and what would be right; a secret is never shown."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.errors import WRONG_USAGE, WrongSetting
from bot.home import Home
from bot.settings import load_settings

# variable, wrong value, what would be right
WRONG = [
    ("MAF_SUPERVISOR_CHAT", "me", "a whole number"),
    ("MAF_TELEGRAM_API", "nonsense", "http://127.0.0.1:8081"),
    ("MAF_WEBHOOK_URL", "example.org/hook", "a whole address"),
    ("MAF_WEBHOOK_LISTEN", "here", "127.0.0.1:8443"),
    ("MAF_TMUX_SOCKET", "../maf", "a short name"),
    ("MAF_TMUX_SOCKET", "a b", "a short name"),
    ("MAF_TMUX_SESSION", "a.b", "letters, digits"),
    ("MAF_TMUX_SESSION", "m" * 60, "at most 40"),
    ("MAF_TMUX_SOCKET", "m" * 61, "at most 60"),
    ("MAF_PROJECT_ROOT", "/no/such/folder", "no such folder"),
    ("MAF_LOG_LEVEL", "loud", "debug, info, warning or error"),
    ("MAF_MAX_AGENTS", "0", "1 or more"),
    ("MAF_MAX_AGENTS", "501", "500 or less"),
    ("MAF_MAX_AGENTS", "many", "a whole number"),
    ("MAF_MAX_LOAD", "-1", "0 or more"),
    ("MAF_DRAFT_TTL", "soon", "90s, 30m or 2h"),
    ("MAF_DRAFT_TTL", "99999999999999d", "90s, 30m or 2h"),
    ("MAF_DRAFT_TTL", "0s", "1 second or more"),
    ("MAF_PERMISSION_WAIT", "200s", "1 minute and 35 seconds or less"),
    ("MAF_TIMEZONE", "Mars/Base", "Europe/Berlin"),
    ("MAF_TIMEZONE", "Europe", "Europe/Berlin"),
    ("MAF_QUIET_HOURS", "night", "22:00-07:30"),
    ("MAF_QUIET_HOURS", "25:00-07:00", "22:00-07:30"),
    ("MAF_QUOTA_ENFORCEMENT", "maybe", "true or false"),
    ("QUOTA_CACHE_TTL", "long", "90s, 30m or 2h"),
    ("QUOTA_STATUS_FORMAT", "wide", "'table' or 'json'"),
    ("DEBUG_MODE", "2", "true or false"),
    ("ENABLE_AGENT_MAIL", "si", "true or false"),
    ("ENABLE_BEADS_INTEGRATION", "si", "true or false"),
    ("MAF_AGENT_MAIL_URL", "127.0.0.1:8765", "a whole address"),
    ("MAF_AGENT_MAIL_URL", "http://127.0.0.1:mail", "a whole address"),
    ("MAF_AGENT_MAIL_URL", "http://[::1", "a whole address"),
    ("MAF_TELEGRAM_API", "http://127.0.0.1:80810", "a whole address"),
]

# Every variable of the contract (section 2), with a value that is not its default and what the settings make of it.
RIGHT = [
    ("MAF_BOT_TOKEN", "123:abc", "bot_token", SecretStr("123:abc")),
    ("MAF_SUPERVISOR_CHAT", "-1001234", "supervisor_chat", -1001234),
    ("MAF_DATABASE_URL", "sqlite:////srv/maf.db", "database_url", SecretStr("sqlite:////srv/maf.db")),
    ("MAF_TELEGRAM_API", "http://127.0.0.1:8081", "telegram_api", "http://127.0.0.1:8081"),
    ("MAF_WEBHOOK_URL", "https://example.org/hook", "webhook_url", "https://example.org/hook"),
    ("MAF_WEBHOOK_SECRET", "a_b-9", "webhook_secret", SecretStr("a_b-9")),
    ("MAF_TMUX_SOCKET", "/run/user/1000/maf tmux", "tmux_socket", "/run/user/1000/maf tmux"),
    ("MAF_TMUX_SESSION", "shop", "tmux_session", "shop"),
    ("MAF_PROJECT_ROOT", "/", "project_root", Path("/")),
    ("MAF_LOG_LEVEL", "DEBUG", "log_level", "debug"),
    ("MAF_MAX_AGENTS", "7", "max_agents", 7),
    ("MAF_DRAFT_TTL", "2h", "draft_ttl", timedelta(hours=2)),
    ("MAF_TIMEZONE", "Europe/Berlin", "timezone", "Europe/Berlin"),
    ("MAF_QUIET_HOURS", "22:00-07:30", "quiet_hours", (time(22), time(7, 30))),
    ("MAF_QUOTA_ENFORCEMENT", "false", "quota_enforcement", False),
    ("CODEX_PROFILE", "work", "codex_profile", "work"),
    ("QUOTA_CACHE_TTL", "90", "quota_cache_ttl", timedelta(seconds=90)),
    ("DEBUG_QUOTA", "1", "debug_quota", True),
    ("QUOTA_STATUS_FORMAT", "compact", "quota_status_format", "compact"),
    ("ENABLE_AGENT_MAIL", "true", "enable_agent_mail", True),
    ("ENABLE_BEADS_INTEGRATION", "off", "enable_beads", False),
    ("DEBUG_MODE", "yes", "debug_mode", True),
    ("MAF_AGENT_MAIL_URL", "http://127.0.0.1:9", "agent_mail_url", "http://127.0.0.1:9"),
    ("MAF_AGENT_MAIL_TOKEN", "t0ken", "agent_mail_token", SecretStr("t0ken")),
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, *_ in RIGHT:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("name", "value", "right"), WRONG)
def test_a_wrong_value_is_named(home: Home, name: str, value: str, right: str) -> None:
    home.env_file.write_text(f"{name}={value}\n", "utf8")
    with pytest.raises(WrongSetting) as raised:
        load_settings(home)
    shown, _, words = raised.value.message.partition(": ")
    assert shown == f"{name}='{value}'"
    assert right in words
    assert str(home.env_file) in raised.value.hint
    assert raised.value.exit_code == WRONG_USAGE


@pytest.mark.parametrize(("name", "value", "field", "becomes"), RIGHT)
def test_the_environment_wins_over_the_file(
    home: Home, monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, becomes: object
) -> None:
    assert getattr(load_settings(home), field) != becomes
    home.env_file.write_text(f'{name}="{value}"\n', "utf8")
    assert getattr(load_settings(home), field) == becomes
    home.env_file.write_text(f"{name}=not this\n", "utf8")
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(home), field) == becomes


@pytest.mark.parametrize("secret", ["not allowed!", "ü", "x" * 257])
def test_a_wrong_webhook_secret_is_not_shown(home: Home, secret: str) -> None:
    home.env_file.write_text(f'MAF_WEBHOOK_SECRET="{secret}"\n', "utf8")
    with pytest.raises(WrongSetting, match=r"MAF_WEBHOOK_SECRET=\(secret\): use letters") as raised:
        load_settings(home)
    assert secret not in str(raised.value.as_dict())


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"MAF_TIMEZONE=UTC\nMAF_BOT_TOKEN 123:secret\n", "line 2: write NAME=value"), (b"A=\xff\n", "is not UTF-8 text")],
)
def test_a_file_that_does_not_read_is_said(home: Home, content: bytes, said: str) -> None:
    home.env_file.write_bytes(content)
    with pytest.raises(WrongSetting) as raised:
        load_settings(home)
    assert f"{home.env_file}" in raised.value.message
    assert said in raised.value.message
    assert "secret" not in raised.value.message


def test_the_project_is_named_from_where_the_home_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop" / "site").mkdir(parents=True)
    home = Home(tmp_path / "shop" / ".maf")
    assert load_settings(home).root(home) == tmp_path / "shop"
    monkeypatch.setenv("MAF_PROJECT_ROOT", "site")
    assert load_settings(home).root(home) == tmp_path / "shop" / "site"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:hunter2@host/db",
        "postgresql://ann:hunter2@host:x/db",
        "hunter2",
        "postgresql:hunter2",
        "sqlite://hunter2",
    ],
)
def test_a_wrong_database_is_not_shown(home: Home, url: str) -> None:
    home.env_file.write_text(f"MAF_DATABASE_URL={url}\n", "utf8")
    with pytest.raises(WrongSetting) as raised:
        load_settings(home)
    assert "MAF_DATABASE_URL=(secret): use postgresql://" in raised.value.message
    assert "hunter2" not in str(raised.value.as_dict())


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("postgresql://ann:x@host/db", "postgresql+asyncpg://ann:x@host/db"),
        ("postgres://ann:x@host/db", "postgresql+asyncpg://ann:x@host/db"),
        ("postgresql+asyncpg://ann:x@host/db", "postgresql+asyncpg://ann:x@host/db"),
        ("postgres://ann:x@host/db?sslmode=require", "postgresql+asyncpg://ann:x@host/db?ssl=require"),
        ("sqlite:////srv/maf.db", "sqlite+aiosqlite:////srv/maf.db"),
    ],
)
def test_the_usual_spellings_of_a_database(home: Home, url: str, becomes: str) -> None:
    home.env_file.write_text(f"MAF_DATABASE_URL={url}\n", "utf8")
    assert load_settings(home).database(home) == becomes


def test_an_empty_line_is_no_value(home: Home) -> None:
    home.env_file.write_text("MAF_BOT_TOKEN=\nMAF_DRAFT_TTL=90s\n", "utf8")
    settings = load_settings(home)
    assert settings.bot_token is None
    assert settings.draft_ttl.total_seconds() == 90


def test_the_secrets_are_known_to_the_log(home: Home) -> None:
    home.env_file.write_text(
        "MAF_BOT_TOKEN=123:abc\nMAF_DATABASE_URL=postgresql://ann:hunter%402@host/db\n"
        "MAF_WEBHOOK_SECRET=hook\nMAF_AGENT_MAIL_TOKEN=mail\n",
        "utf8",
    )
    secrets = load_settings(home).secrets
    assert set(secrets) >= {"123:abc", "postgresql://ann:hunter%402@host/db", "hunter%402", "hunter@2", "hook", "mail"}
    shown = repr(load_settings(home)) + str(load_settings(home))
    assert not [secret for secret in secrets if secret in shown and len(secret) > 4]

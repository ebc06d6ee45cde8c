"""`.maf/config/default-agent-config.json` and `monitoring-config.json`, in the shape of the first product's README.

Both load unchanged from there. A wrong key or value names file, path and reason; whoever holds a configuration keeps
the last good one. Meanings that the names do not tell stand beside the fields.
"""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from bot.errors import MafError, reason_of
from bot.excerpt import clipped
from bot.foreign import read_json

DEFAULT_ALERT_PERCENT = 75.0
MAX_CONFIG_BYTES = 1_000_000
NEARLY = 0.8

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
NAMING = "use letters, digits, . _ and - (at most 40)"

Model = TypeVar("Model", bound=BaseModel)  # AgentConfig or MonitoringConfig


class ConfigError(MafError):
    """A configuration file does not fit."""

    code = "config"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Shared(BaseModel):
    """Keys of others beside ours are left alone; one that is nearly ours is a slip of the pen, and would otherwise be
    a section that counts for nothing.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _no_slips(cls, value: Any) -> Any:
        for key in value if isinstance(value, dict) else ():
            near = difflib.get_close_matches(str(key), cls.model_fields, n=1, cutoff=NEARLY)
            if near and key not in cls.model_fields:
                raise ValueError(f"{key}: no such key; did you mean {near[0]}?")
        return value


class QuotaLimits(_Strict):
    """Our own counters, in requests (one model response each); none means no limit of ours."""

    daily: int | None = Field(None, ge=0)
    weekly: int | None = Field(None, ge=0)
    monthly: int | None = Field(None, ge=0)


class ProfileConfig(_Strict):
    """One account."""

    name: str = ""
    priority: int = Field(1, ge=0)  # 1 is the highest
    quota_limits: QuotaLimits = QuotaLimits()
    quota_tracking_enabled: bool = True  # false: never read, never alerted
    active: bool = True  # false: never selected, still shown
    environment: dict[str, str] = {}
    kind: Literal["codex", "claude"] = "codex"
    home: str | None = None  # default: .maf/profiles/NAME
    alert_percent: float = Field(DEFAULT_ALERT_PERCENT, gt=0, le=100)


class Selection(_Strict):
    """How a profile is chosen."""

    algorithm: Literal["round-robin", "priority"] = "round-robin"
    enforce_rate_limit: bool = True
    fallback_priority: int = 5  # profiles at this number or above serve only when all others are exhausted


class CodexProfiles(_Strict):
    enable: bool = True
    default_profile: str | None = None
    selection: Selection = Selection()
    rotation_monitoring: float = Field(5, gt=0)  # minutes between rotation checks
    max_rotation_attempts: int = Field(3, ge=1)


class AgentConfig(_Shared):
    """default-agent-config.json."""

    codex_profiles: CodexProfiles = CodexProfiles()
    profiles: dict[str, ProfileConfig] = {}

    @field_validator("profiles")
    @classmethod
    def _plain_names(cls, value: dict[str, ProfileConfig]) -> dict[str, ProfileConfig]:
        for name in value:
            if not NAME.fullmatch(name):  # it names a folder, a file of secrets, a choice in the chat
                raise ValueError(f"{clipped(name, 40)!r} is no name for a profile: {NAMING}")
        return value

    def warnings(self) -> list[str]:
        """What is legal but probably not meant."""
        default = self.codex_profiles.default_profile
        if default and self.profiles and default not in self.profiles:
            return [f"default_profile {default} names no profile; the highest priority is used"]
        return []


class Thresholds(_Strict):
    """Percent at which a level begins: warning 50, alert 75, critical 90, emergency 95."""

    warning_percent: float = Field(50, gt=0, le=100)
    alert_percent: float = Field(DEFAULT_ALERT_PERCENT, gt=0, le=100)
    critical_percent: float = Field(90, gt=0, le=100)
    emergency_percent: float = Field(95, gt=0, le=100)

    @model_validator(mode="after")
    def _rising(self) -> Thresholds:
        steps = (self.warning_percent, self.alert_percent, self.critical_percent, self.emergency_percent)
        if list(steps) != sorted(set(steps)):
            raise ValueError("thresholds must rise: warning < alert < critical < emergency")
        return self


class CodexQuota(_Strict):
    enabled: bool = True
    status_update_interval_seconds: float = Field(30, ge=1)
    quota_thresholds: Thresholds = Thresholds()
    cache_ttl_seconds: float = Field(30, ge=0)


class Monitoring(_Shared):
    codex_quota: CodexQuota = CodexQuota()


class MonitoringConfig(_Shared):
    """monitoring-config.json."""

    monitoring: Monitoring = Monitoring()

    @property
    def quota(self) -> CodexQuota:
        return self.monitoring.codex_quota


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(f"{path.name} is larger than 1 MB.", hint=f"Is {path} the right file?")
        return read_json(path.read_text(encoding="utf8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} cannot be read: {error}") from error
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path.name} line {error.lineno}: {error.msg}", hint=f"Mend {path}.") from error
    except ValueError as error:
        raise ConfigError(f"{path.name}: {error}.", hint=f"Mend {path}.") from error


def _reason(problem: ErrorDetails) -> str:
    """What is wrong, in the words of JSON."""
    if problem["type"] in {"model_type", "dict_type"}:
        return "should be an object"
    if problem["type"] == "extra_forbidden":
        return "no such key"
    return reason_of(problem)


def load(model: type[Model], path: Path) -> Model:
    """Read a file; a missing one has the defaults. Raises ConfigError."""
    return check(model, _read(path), path)


def check(model: type[Model], raw: Any, path: Path) -> Model:
    """The configuration that `raw` says. Raises ConfigError, which names the file, the place in it and the reason."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top"
        more = f" (and {len(error.errors()) - 1} more)" if len(error.errors()) > 1 else ""
        raise ConfigError(f"{path.name}: {where}: {_reason(first)}{more}", hint=f"Mend {path}.") from error

"""The profiles: accounts with a home and an environment of their own, kept in default-agent-config.json.

The person may edit the file at any time; see bot/profiles/held.py. Credentials are never read, copied or moved.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import atomic
from bot.clis.login import how_to_log_in
from bot.errors import NotFound, Refused, WrongUsage
from bot.home import Home
from bot.profiles.config import NAME, NAMING, AgentConfig, ConfigError, ProfileConfig, QuotaLimits, check, load
from bot.profiles.held import Held


@dataclass(frozen=True, slots=True)
class Profile:
    """One account. `home` is its CODEX_HOME or CLAUDE_CONFIG_DIR; `own_home` is false for a home that was the
    person's. `secrets` is the file of its agents' tokens and keys, which need not be there."""

    name: str
    title: str
    kind: str
    priority: int
    active: bool
    tracked: bool
    limits: QuotaLimits
    environment: Mapping[str, str]
    home: Path
    secrets: Path
    own_home: bool
    alert_percent: float


class ProfileBook:
    """Reads and edits the profiles of one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.file = Held(AgentConfig, home.agent_config, home.last_good / home.agent_config.name)

    @property
    def path(self) -> Path:
        return self.file.path

    def config(self) -> AgentConfig:
        """The configuration in force."""
        return self.file.value()

    def all(self) -> list[Profile]:
        """Every profile, highest priority first."""
        profiles = [self._profile(name, entry) for name, entry in self.config().profiles.items()]
        return sorted(profiles, key=lambda p: (p.priority, p.name))

    def get(self, name: str) -> Profile:
        """Raises NotFound with the nearest names."""
        entries = self.config().profiles
        if name not in entries:
            raise NotFound.of("profile", name, entries)
        return self._profile(name, entries[name])

    def find(self, name: str | None) -> Profile | None:
        """The profile of that name, if there is one."""
        entry = self.config().profiles.get(name) if name else None
        return self._profile(name, entry) if name and entry is not None else None

    def of_home(self, home: str) -> str | None:
        """The profile whose CODEX_HOME or CLAUDE_CONFIG_DIR this is."""
        if not home:
            return None
        here = Path(home).expanduser().resolve()
        return next((p.name for p in self.all() if p.home.resolve() == here), None)

    def _profile(self, name: str, entry: ProfileConfig) -> Profile:
        home = Path(entry.home).expanduser() if entry.home else self._home.profile(name)
        return Profile(
            name=name,
            title=entry.name or name,
            kind=entry.kind,
            priority=entry.priority,
            active=entry.active,
            tracked=entry.quota_tracking_enabled,
            limits=entry.quota_limits,
            environment=entry.environment,
            home=home,
            secrets=self._home.secrets / f"{name}.env",
            own_home=entry.home is None,
            alert_percent=entry.alert_percent,
        )

    def add(self, name: str, *, kind: str = "codex", path: Path | None = None, priority: int | None = None) -> Profile:
        """Make the entry, and the home unless `path` names one that exists. An entry that was written by hand has its
        home made. Raises WrongUsage or Refused."""
        if not NAME.fullmatch(name):
            raise WrongUsage(f"{name!r} is no name for a profile.", hint=f"{NAMING.capitalize()}.")
        raw = self._raw()
        known = self.find(name)
        if known is not None and known.own_home and known.kind == kind and path is None and not known.home.exists():
            return self._with_home(known)
        if name in raw["profiles"]:
            raise Refused(f"There is a profile named {name} already.", hint=f"maf quota profile edit {name}")
        if path is not None and not path.expanduser().is_dir():
            raise Refused(f"{path} is no folder.", hint="Leave --path out to have a new home made.")
        entry: dict[str, Any] = {
            "name": name,
            "priority": priority if priority is not None else 1 + max((p.priority for p in self.all()), default=0),
            "quota_tracking_enabled": True,
            "active": True,
            "kind": kind,
            "environment": {"CODEX_PROFILE": name},
        }
        if path is not None:
            entry["home"] = str(path.expanduser().resolve())
        raw["profiles"][name] = entry
        self._write(raw)
        return self.get(name) if path is not None else self._with_home(self.get(name))

    def _with_home(self, profile: Profile) -> Profile:
        profile.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return profile

    def edit(self, name: str, changes: Mapping[str, Any]) -> Profile:
        """Change keys of an entry; a change that does not fit is refused and leaves the file as it was."""
        self.get(name)
        if changes.get("home") and not Path(changes["home"]).expanduser().is_dir():
            raise Refused(f"{changes['home']} is no folder.", hint="Make it first, or leave --path out.")
        raw = self._raw()
        raw["profiles"][name].update(changes)
        self._write(raw)
        return self.get(name)

    def remove(self, name: str, *, used_by: Sequence[str]) -> Profile:
        """Take the entry out; its home stays, for it holds a login. Refused while agents run on it."""
        profile = self.get(name)
        if used_by:
            raise Refused(
                f"{name} is in use by {', '.join(used_by)}.",
                hint=f"Move or stop them first: maf agent stop {used_by[0]}",
            )
        raw = self._raw()
        del raw["profiles"][name]
        if raw.get("codex_profiles", {}).get("default_profile") == name:
            raw["codex_profiles"]["default_profile"] = None
        self._write(raw)
        return profile

    def _raw(self) -> dict[str, Any]:
        """The file as it stands, so that keys of others survive an edit. Raises ConfigError if it does not fit."""
        load(AgentConfig, self.path)
        raw = json.loads(self.path.read_text(encoding="utf8")) if self.path.is_file() else {}
        raw.setdefault("profiles", {})
        return dict(raw)

    def _write(self, raw: Mapping[str, Any]) -> None:
        """Validate, keep the old file beside it as .bak, replace it in one step."""
        try:
            check(AgentConfig, raw, self.path)
        except ConfigError as error:
            raise ConfigError(error.message, hint="Nothing was changed.") from error
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.is_file():
            shutil.copy2(self.path, self.path.with_suffix(".json.bak"))
        atomic.write(self.path, json.dumps(raw, indent=2, ensure_ascii=False) + "\n")
        self.file.read_again()


def login_steps(profile: Profile) -> list[str]:
    """How to log in there, with a browser on that machine and without one."""
    first = how_to_log_in(profile.kind, profile.home)
    if profile.kind == "codex":
        return [first, f"{first} --device-auth   (no browser on this machine)"]
    return [
        first,
        "claude setup-token   (no browser on this machine; write the token into"
        f" {profile.secrets} as CLAUDE_CODE_OAUTH_TOKEN=…, a file for you alone: chmod 600)",
    ]

"""What the sandbox keeps in a home, and how it makes way for real work.

`.maf/sandbox/` marks a home that the sandbox made: server.json (token, key, port), chats.json, project/ (the sample).
Its store is the home's own SQLite file. Once a token is set, all of it is moved to `.maf/sandbox-DATE/`, whole.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot import atomic
from bot.home import Home
from bot.settings import Settings, load_settings

# What the sandbox writes, in the home. Its folder comes last: it marks the home, so that a crash before that finds a
# sandbox home again and moves the rest.
ITS_FILES = (
    "demo",
    "agents.json",
    "maf.db",
    "maf.db-wal",
    "maf.db-shm",
    "backups",
    "logs/agents/*",
    "monitoring/quota-state.json*",
    "sandbox",
)


@dataclass(frozen=True, slots=True)
class Server:
    """What the sandbox server was started with, kept so that its address and its chats outlive a restart."""

    token: str
    key: str
    port: int

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def folder(home: Home) -> Path:
    return home.root / "sandbox"


def project(home: Home) -> Path:
    return folder(home) / "project"


def is_sandbox(home: Home) -> bool:
    """Whether the sandbox made this home."""
    return folder(home).is_dir()


def saved(home: Home) -> Server | None:
    """The server of the last run; None when there was none or its file does not read."""
    try:
        raw = json.loads((folder(home) / "server.json").read_text(encoding="utf8"))
        return Server(str(raw["token"]), str(raw["key"]), int(raw["port"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(home: Home, server: Server) -> None:
    atomic.write(folder(home) / "server.json", json.dumps(asdict(server)))


def settings_of(home: Home) -> Settings:
    """The settings of a home; in one that the sandbox made, and while no token is set, those of the sandbox."""
    settings = load_settings(home)
    server = saved(home)
    if settings.bot_token is None and server is not None:
        return sandbox_settings(home, server)
    return settings


def sandbox_settings(home: Home, server: Server) -> Settings:
    """The person's settings, but for where the bot speaks, what it stores and which project it works on."""
    overrides: dict[str, Any] = {
        "bot_token": SecretStr(server.token),
        "telegram_api": server.origin,
        "database_url": None,
        "supervisor_chat": None,
        "webhook_url": None,
        "project_root": project(home),
    }
    return load_settings(home, **overrides)


def move_aside(home: Home, now: datetime) -> Path:
    """Move everything of the sandbox to `.maf/sandbox-DATE/` and return that folder. Its agents must have ended."""
    target = home.root / f"sandbox-{now:%Y%m%dT%H%M%S}"
    target.mkdir(mode=0o700)
    for path in [path for pattern in ITS_FILES for path in sorted(home.root.glob(pattern))]:
        there = target / path.relative_to(home.root)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, there)
    return target

"""Claude Code's own word on its state: `$CLAUDE_CONFIG_DIR/sessions/<pid>.json` (2.1.328, undocumented).

The file outlives a killed process, so that it counts only while that very process is alive: pid and start time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from bot.clis.homes import home_of
from bot.clis.program import start_ticks
from bot.clis.tail import decode, string


@dataclass(frozen=True, slots=True)
class Session:
    """A running Claude Code. `waiting_for` says on what ("permission prompt"), `updated_at` when it changed."""

    pid: int
    session: str
    cwd: str
    status: Literal["idle", "busy", "waiting", ""]
    waiting_for: str
    updated_at: datetime | None
    pane: str


def read_session(home: Path | None, pid: int) -> Session | None:
    """The session of the living process `pid`; None if there is no file or it is of an earlier process."""
    try:
        raw = session_file(home, pid).read_bytes()
    except OSError:
        return None
    record = decode(raw)
    if record is None or record.get("pid") != pid:
        return None
    started = start_ticks(pid)
    if Path("/proc/self").exists() and (started is None or string(record.get("procStart")) not in {"", started}):
        return None
    status = record.get("status")
    pane = string(record.get("tmux")).rpartition(".")[2]
    return Session(
        pid=pid,
        session=string(record.get("sessionId")),
        cwd=string(record.get("cwd")),
        status=status if status in {"idle", "busy", "waiting"} else "",
        waiting_for=string(record.get("waitingFor")),
        updated_at=_epoch_ms(record.get("statusUpdatedAt") or record.get("updatedAt")),
        pane=pane if pane.startswith("%") else "",
    )


def session_file(home: Path | None, pid: int) -> Path:
    """Where the process `pid` writes it."""
    return home_of("claude", home) / "sessions" / f"{pid}.json"


def _epoch_ms(value: object) -> datetime | None:
    if not isinstance(value, int | float) or not 0 < value < 1e14:
        return None
    return datetime.fromtimestamp(value / 1000, UTC)

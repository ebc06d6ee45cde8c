"""Files for other programs: `monitoring/quota-state.json` in the shape of the first product, and the status line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot import atomic
from bot.foreign import read_json
from bot.quota.lines import status_bar
from bot.quota.status import ProfileStatus, as_dict
from bot.store.tables import QuotaEventRow

MAX_EVENTS = 100
OLD_KEYS = ("profileName", "limits", "status", "rollingWindows")
_MOVES = frozenset({"start", "end", "windowStart"})  # they move with the clock and are no change


def state_of(statuses: Sequence[ProfileStatus], events: Mapping[str, Sequence[QuotaEventRow]]) -> list[dict[str, Any]]:
    """One entry per profile; `events` are its newest, oldest first."""
    found = []
    for status in statuses:
        whole = as_dict(status, None)
        entry = {key: whole[key] for key in OLD_KEYS}
        found.append({**entry, "events": [_event(row) for row in events.get(status.profile.name, ())]})
    return found


def _event(row: QuotaEventRow) -> dict[str, Any]:
    return {
        "id": row.key,
        "type": "request",
        "timestamp": round(row.at * 1000),
        "requestDetails": {"model": row.model, "tokens": row.tokens},
    }


def write_state(path: Path, state: Sequence[Mapping[str, Any]]) -> bool:
    """Replace the file in one step, the one before beside it as .bak; False if nothing changed: it stays as it is."""
    if path.is_file():
        try:
            if _still(read_json(path.read_text(encoding="utf8"))) == _still(state):
                return False
        except (OSError, ValueError):
            pass  # it was damaged: it is replaced, and kept as .bak
        shutil.copy2(path, path.with_name(path.name + ".bak"))
    _replace(path, json.dumps(state, indent=2, ensure_ascii=False) + "\n")
    return True


def write_line(path: Path, statuses: Sequence[ProfileStatus], until: float) -> bool:
    """The line for tmux's status bar; False if it stands there already.

    The file's time of change is set to `until` (epoch s), when what it says is old: so whoever shows it can tell by
    this one file, also after a crash.
    """
    line = status_bar(statuses) + "\n" if statuses else ""
    try:
        new = path.read_text(encoding="utf8") != line
    except (OSError, UnicodeDecodeError):
        new = True  # not there yet
    if new:
        _replace(path, line)
    os.utime(path, (until, until))
    return new


def _still(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _still(v) for k, v in value.items() if k not in _MOVES}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_still(v) for v in value]
    return value


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, text, mode=0o644)

"""What the entries of a conversation say about its present turn. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from bot.clis.entry import Entry

Phase = Literal["", "working", "idle", "limited"]


@dataclass(frozen=True, slots=True)
class Turn:
    """The last turn as far as it was read. `at` is when the phase began, by the file's own clock; `resets_at` (epoch s)
    is when the limit that ended it ends, where its CLI wrote that down. `aborted`: somebody stopped it."""

    phase: Phase = ""
    at: datetime | None = None
    says: str = ""
    resets_at: float | None = None
    aborted: bool = False


def follow(turn: Turn, entries: Iterable[Entry]) -> Turn:
    """The turn after these entries, which came in the order they were written."""
    for entry in entries:
        turn = _step(turn, entry)
    return turn


def _step(turn: Turn, entry: Entry) -> Turn:
    at = entry.at or turn.at
    if entry.kind == "model" and entry.text.strip():
        turn = replace(turn, says=entry.text.strip()[:400])
    if entry.kind in ("user", "turn_start", "model", "tool"):
        # A limit ends with the next prompt, not with a late line of the turn that met it.
        if turn.phase == "limited" and entry.kind in ("model", "tool"):
            return turn
        begins = entry.kind in ("user", "turn_start")  # also where the last turn was cut off without an end
        return replace(turn, phase="working", at=at, aborted=False) if begins or turn.phase != "working" else turn
    if entry.kind == "limit":
        return replace(turn, phase="limited", at=at, resets_at=_epoch(entry.data.get("resets_at")))
    if entry.kind in ("turn_end", "aborted"):
        over = turn.phase in ("limited", "idle")
        return turn if over else replace(turn, phase="idle", at=at, aborted=entry.kind == "aborted")
    return turn


def _epoch(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None

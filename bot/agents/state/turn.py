"""What the entries of a conversation say about its present turn. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from bot.clis.entry import Entry
from bot.clock import reset_epoch

Phase = Literal["", "working", "idle", "limited"]


CallEnd = Literal["", "done", "failed", "refused"]

CALLS = 20  # of a turn that are kept
SAYS = 20_000  # characters of the last words of the model that are kept


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; `text` is what its CLI wrote of its input. `end` is empty while it waits or runs; a call that a hook
    denied has failed, one that a person refused, or stopped while it ran, is refused. `by`: who let it run, or not, in
    the CLI's own word, where it writes that down. `path`: the file that it edits; `folder`: where its CLI was then,
    empty for its workspace."""

    id: str
    text: str = ""
    end: CallEnd = ""
    name: str = ""
    by: str = ""
    path: str = ""
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """The last turn as far as it was read. `at` is when the phase began, by the file's own clock; `says` are the last
    words of the model; `resets_at` (epoch s) is when the limit that ended it ends, where its CLI wrote that down.
    `aborted`: somebody stopped it. `calls`: its newest tool calls, in order."""

    phase: Phase = ""
    at: datetime | None = None
    says: str = ""
    resets_at: float | None = None
    aborted: bool = False
    calls: tuple[Call, ...] = ()


def follow(turn: Turn, entries: Iterable[Entry]) -> Turn:
    """The turn after these entries, which came in the order they were written."""
    for entry in entries:
        turn = _step(turn, entry)
    return turn


def _step(turn: Turn, entry: Entry) -> Turn:
    at = entry.at or turn.at
    if entry.kind == "model" and entry.text.strip():
        turn = replace(turn, says=entry.text.strip()[:SAYS])
    if entry.kind == "tool":
        turn = replace(turn, calls=_calls(turn.calls, entry))
    if entry.kind in ("user", "turn_start", "model", "tool"):
        # A limit ends with the next prompt, not with a late line of the turn that met it.
        if turn.phase == "limited" and entry.kind in ("model", "tool"):
            return turn
        begins = entry.kind in ("user", "turn_start")  # also where the last turn was cut off without an end
        if begins:
            return replace(turn, phase="working", at=at, aborted=False, calls=())
        return turn if turn.phase == "working" else replace(turn, phase="working", at=at, aborted=False)
    if entry.kind == "limit":
        return replace(turn, phase="limited", at=at, resets_at=_reset(entry))
    if entry.kind in ("turn_end", "aborted", "blocked"):
        over = turn.phase in ("limited", "idle")
        return turn if over else replace(turn, phase="idle", at=at, aborted=entry.kind == "aborted")
    return turn


def _calls(calls: tuple[Call, ...], entry: Entry) -> tuple[Call, ...]:
    if not entry.data.get("result"):
        name, path, folder = (str(entry.data.get(key) or "") for key in ("name", "path", "cwd"))
        return (*calls, Call(entry.id, entry.text, name=name, path=path, folder=folder))[-CALLS:]
    end: CallEnd = "failed" if entry.data.get("error") else "done"
    if entry.data.get("refused"):
        end = "refused"
    by = str(entry.data.get("by") or "")
    return tuple(replace(call, end=end, by=by) if call.id == entry.id else call for call in calls)


def _reset(entry: Entry) -> float | None:
    """When the limit of this line ends (epoch s), as far as its CLI wrote down a time that can be."""
    return reset_epoch(entry.data.get("resets_at"), near=entry.at.timestamp()) if entry.at else None

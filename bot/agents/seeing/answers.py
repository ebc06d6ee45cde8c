"""What an agent answered last, in full, from the file in which its CLI keeps the conversation. Blocking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.clis.entry import Entry
from bot.clis.kinds import cli_for
from bot.clis.tail import last_entries

_TAIL = 2 * 1024 * 1024  # bytes of the end of a conversation in which its last answer is looked for


@dataclass(frozen=True, slots=True)
class Answer:
    """The words of the model to one prompt, and when the last of them were written. `before`: a newer prompt has no
    answer yet."""

    text: str
    at: datetime | None
    before: bool = False


def last_answer(kind: str, path: Path) -> Answer | None:
    """None when it has not said anything yet, or not within the last 2 MB of its conversation."""
    return answer_in(last_entries(path, _TAIL, cli_for(kind).entries))


def answer_in(entries: Iterable[Entry]) -> Answer | None:
    """The words since the last prompt that got any: while it works on a new one, the answer before that stands."""
    said: list[str] = []
    fresh, at = True, None
    for entry in entries:
        if entry.kind == "user":
            fresh = True
        elif entry.kind == "model" and (text := entry.text.strip()):
            if fresh:
                said, fresh = [], False
            if text not in said[-1:]:  # some CLIs write the last words twice
                said.append(text)
            at = entry.at or at
    return Answer("\n\n".join(said), at, fresh) if said else None

"""What became of a question that is gone: did the agent take our yes, or was it refused or stopped at the pane in the
same moment? Pure.

The CLI's own file tells for sure: the result of the call that was asked for, or how the turn ended. A call that runs
for long has none yet; then a sign of work on the screen counts once it has held and was drawn anew, for a CLI draws one
for a moment after an Esc too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.agents.permissions.question import just_the_same
from bot.agents.state.look import Look
from bot.agents.state.turn import Call, CallEnd, Turn
from bot.clis.model import ScreenReading, State

Outcome = Literal["taken", "stopped", ""]  # "": it cannot be told yet

WORKS_S = 1.0  # a sign of work that is no remains of a turn that was stopped: those are gone within 0.2 s
HOLDS_S = 3.0  # an agent that works on without a sign on its screen; of one that was stopped its CLI knows it by then
_LAST = 14  # lines: the composer, what stands below it, and the end of the turn


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a look tells the outcome: the screen, what was read on it, the turn in the CLI's own file, and the state
    by all that is known of it."""

    text: str = ""
    reading: ScreenReading | None = None
    turn: Turn = field(default_factory=Turn)
    state: State | None = None


def seen(look: Look | None) -> Seen:
    """Of an agent that is gone nothing."""
    if look is None:
        return Seen()
    return Seen(look.screen.plain if look.screen is not None else "", look.reading, look.files.turn, look.view.state)


class Aftermath:
    """The looks after a yes, one by one. `command` is what was asked for, `words` what the CLI writes below a turn that
    was stopped, `before` the look before the answer."""

    def __init__(self, command: str, words: str, before: Seen) -> None:
        self._words = words
        self._before = before
        self._call = asked_call(command, before.turn.calls)
        self._works: tuple[float, str] | None = None  # since when there is a sign of work, and the screen then

    def follow(self, now: Seen, waited: float) -> Outcome:
        """What all looks so far tell; `waited` seconds after the question was gone."""
        working = now.reading is not None and now.reading.state is State.WORKING
        if not working:
            self._works = None
        elif self._works is None:
            self._works = (waited, now.text)
        if told := self._told(now):
            return told
        if self._works is not None:
            since, screen = self._works
            return "taken" if waited - since >= WORKS_S and now.text != screen else ""
        return "taken" if now.state is State.WORKING and waited >= HOLDS_S else ""

    def end(self, now: Seen) -> CallEnd:
        """How the call ended that was asked for; empty while it is not known to have."""
        call = self._call
        return next((one.end for one in now.turn.calls if call is not None and one.id == call.id), "")

    def _told(self, now: Seen) -> Outcome:
        """What one look alone tells."""
        if end := self.end(now):
            return "stopped" if end == "refused" else "taken"
        if now.turn.phase == "idle" and now.turn.at != self._before.turn.at:
            return "stopped" if now.turn.aborted else "taken"
        if now.reading is None:
            return ""
        if now.reading.dialog is not None:
            return "taken"  # it has gone on to the next question
        return "stopped" if was_stopped(self._words, self._before.text, now.text) else ""


def asked_call(command: str, calls: Sequence[Call]) -> Call | None:
    """The call that waits for the answer: the one in these words, or the only one that has no result."""
    waiting = [call for call in calls if not call.end]
    quoted = json.dumps(command)
    named = [call for call in waiting if command and (just_the_same(call.text, command) or quoted in call.text)]
    found = named or waiting
    return found[0] if len(found) == 1 else None


def was_stopped(words: str, before: str, after: str) -> bool:
    """Was the turn interrupted between these two screens? `words`: what the CLI writes then; older ones may stand
    further up."""
    lines = [line for line in after.splitlines() if line.strip()]
    new = bool(words) and after.count(words) > before.count(words)
    return new and any(words in line for line in lines[-_LAST:])

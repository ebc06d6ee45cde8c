"""What became of a question that is gone: did the agent take our yes, or was its turn stopped in the same moment? Pure.

Each look is one of an agent after its question has gone, compared with the look before the answer. The CLI's own file
tells for sure how a turn ended; while it works on, its screen does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bot.agents.state.look import Look
from bot.agents.state.turn import Turn
from bot.clis.model import ScreenReading, State

Outcome = Literal["taken", "stopped", ""]  # "": it cannot be told yet

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


def outcome(words: str, before: Seen, now: Seen, waited: float = 0.0) -> Outcome:
    """What this look tells, `waited` seconds after the question was gone. `words`: what the CLI writes below a turn
    that was stopped."""
    if now.reading is None:
        return ""
    if now.reading.dialog is not None:
        return "taken"  # it has gone on to the next question
    if now.turn.phase == "idle" and now.turn.at != before.turn.at:
        return "stopped" if now.turn.aborted else "taken"
    if now.reading.state is State.WORKING:
        return "taken"  # a stopped turn shows no sign of work
    if was_stopped(words, before.text, now.text):
        return "stopped"
    return "taken" if now.state is State.WORKING and waited >= HOLDS_S else ""


def was_stopped(words: str, before: str, after: str) -> bool:
    """Was the turn interrupted between these two screens? `words`: what the CLI writes then; older ones may stand
    further up."""
    lines = [line for line in after.splitlines() if line.strip()]
    new = bool(words) and after.count(words) > before.count(words)
    return new and any(words in line for line in lines[-_LAST:])

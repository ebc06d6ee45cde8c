"""What became of a question that is gone: did the agent take our yes, or was it refused or stopped at the pane in the
same moment? Pure.

The CLI's own file tells for sure: the result of the call that was asked for, or how the turn ended. A call that runs
for long has none yet; then a sign of work on the screen counts once it has held and was drawn anew, for a CLI draws one
for a moment after an Esc too.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bot.agents.permissions.rows import Ask
from bot.agents.state.look import Look
from bot.agents.state.turn import Call, Turn
from bot.clis.kinds import cli_for
from bot.clis.model import ScreenReading, State

Outcome = Literal["taken", "stopped", ""]  # "": it cannot be told yet

WORKS_S = 1.0  # a sign of work that is no remains of a turn that was stopped: those are gone within 0.2 s
NEXT_S = 0.5  # the next question: what became of the one before is written down by then, where an Esc came first
HOLDS_S = 3.0  # an agent that works on without a sign on its screen; of one that was stopped its CLI knows it by then
PERSON = "user"  # how Claude Code 2.1.328 calls who decided at its own dialog: user_temporary, user_permanent, …
_COMMAND = re.compile(r'"(?:cmd|command)"\s*:\s*')
_LAST = 14  # lines: the composer, what stands below it, and the end of the turn


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a look tells the outcome: the screen, what was read on it, the turn in the CLI's own file, the state by
    all that is known of it, and how a command is drawn there."""

    text: str = ""
    reading: ScreenReading | None = None
    turn: Turn = field(default_factory=Turn)
    state: State | None = None
    drawn: Callable[[str], list[str] | None] = lambda _command: None


def seen(look: Look | None) -> Seen:
    """Of an agent that is gone nothing."""
    if look is None:
        return Seen()
    text, width = (look.screen.plain, look.screen.width) if look.screen is not None else ("", 0)
    cli = cli_for(look.view.agent.kind)
    return Seen(text, look.reading, look.files.turn, look.view.state, lambda command: cli.drawn(command, width))


class Aftermath:
    """The looks after a yes, one by one. `words`: what the CLI writes below a turn that was stopped; `before`: the look
    before the answer; `hook`: it went through the hook, and what a person did at the pane was not it."""

    def __init__(self, ask: Ask, words: str, before: Seen, *, hook: bool) -> None:
        self._words = words
        self._before = before
        self._hook = hook
        self._ours = ask.fingerprint
        self.asked = frozenset(call.id for call in asked_calls(ask, before))
        self._works: tuple[float, str] | None = None  # since when there is a sign of work, and the screen then

    def follow(self, now: Seen, waited: float) -> Outcome:
        """What all looks so far tell; `waited` seconds after the question was gone."""
        working = now.reading is not None and now.reading.state is State.WORKING
        if not working:
            self._works = None
        elif self._works is None:
            self._works = (waited, now.text)
        if told := self._told(now, waited):
            return told
        if self._works is not None:
            since, screen = self._works
            return "taken" if waited - since >= WORKS_S and now.text != screen else ""
        return "taken" if now.state is State.WORKING and waited >= HOLDS_S else ""

    def ends(self, now: Seen) -> tuple[list[Call], list[Call]]:
        """(those of the calls in these words that have ended by now; those of them that our answer may have ended)."""
        ended = [call for call in now.turn.calls if call.id in self.asked and call.end]
        return ended, [call for call in ended if not (self._hook and call.by.startswith(PERSON))]

    def _told(self, now: Seen, waited: float) -> Outcome:
        """What one look alone tells."""
        ended, ours = self.ends(now)
        if any(call.end != "refused" for call in ours):
            return "taken"
        if ended and len(ended) == len(self.asked):
            return "stopped"
        if now.turn.phase == "idle" and now.turn.at != self._before.turn.at:
            return "stopped" if now.turn.aborted else "taken"
        if now.reading is None:
            return ""
        if now.reading.dialog is not None:  # has it gone on to the next question?
            return "taken" if self._ours not in ("", now.reading.dialog.fingerprint) and waited >= NEXT_S else ""
        return "stopped" if was_stopped(self._words, self._before.text, now.text) else ""


def asked_calls(ask: Ask, now: Seen) -> list[Call]:
    """The calls that wait for this answer: those in just these words, of which there may be several. Of an edit, whose
    words the CLI writes down otherwise, the only one that has no result."""
    waiting = [call for call in now.turn.calls if not call.end]
    found = [call for call in waiting if _in_words_of(ask, call, now)]
    return waiting if not found and ask.tool != "Bash" and len(waiting) == 1 else found


def ended_call(ask: Ask, now: Seen) -> Call | None:
    """The last call in just these words, once all of them have a result."""
    found = [call for call in now.turn.calls if _in_words_of(ask, call, now)]
    return found[-1] if found and all(call.end for call in found) else None


def is_by_person(call: Call, now: Seen) -> bool:
    """Did somebody at the pane decide this call? Where the CLI does not say: one that ran, and one that was refused
    alone. When the turn is stopped all that wait are refused, and nobody has answered them."""
    if call.end == "refused" and sum(one.end == "refused" for one in now.turn.calls) > 1:
        return False
    return not call.by or call.by.startswith(PERSON)


def _in_words_of(ask: Ask, call: Call, now: Seen) -> bool:
    """A question from the screen has the rows of the screen."""
    told = commands_of(call)
    if not ask.command or ask.command in told:
        return bool(ask.command)
    return ask.source == "screen" and any("\n".join(now.drawn(one) or ()).rstrip() == ask.command for one in told)


def commands_of(call: Call) -> set[str]:
    """What a call runs: its text, and the commands in it where that is JSON, or a program that calls tools with such
    (Codex 0.169.0: exec_command, shell, exec)."""
    found = {call.text}
    for named in _COMMAND.finditer(call.text):
        with contextlib.suppress(ValueError, RecursionError):
            given, _ = json.JSONDecoder().raw_decode(call.text, named.end())
            words = given if isinstance(given, list) else [given]
            found |= {str(words[-1]), " ".join(map(str, words))} if words else set()
    return found - {""}


def was_stopped(words: str, before: str, after: str) -> bool:
    """Was the turn interrupted between these two screens? `words`: what the CLI writes then; older ones may stand
    further up."""
    lines = [line for line in after.splitlines() if line.strip()]
    new = bool(words) and after.count(words) > before.count(words)
    return new and any(words in line for line in lines[-_LAST:])

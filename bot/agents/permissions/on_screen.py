"""The question that stands on an agent's screen, and whether it is one that is known. Pure.

Words are compared in full, never by how they begin: of what a hook told it is computed in which rows its CLI draws that
at this width, and just those rows must stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.agents.permissions.question import Question, from_dialog
from bot.agents.permissions.rows import Ask
from bot.agents.state.look import Look
from bot.clis.kinds import cli_for
from bot.clis.model import Dialog, ScreenReading, State
from bot.clis.unknown import unknown_dialog

Rows = Callable[[str, int], list[str] | None]


@dataclass(frozen=True, slots=True)
class OnScreen:
    """A dialog, the question that it asks (in the words of the screen, or of its CLI's record where that has more),
    `bare` the same by the screen alone, the columns of the terminal, and how its CLI draws a command there."""

    dialog: Dialog
    question: Question
    bare: Question
    width: int
    drawn: Rows

    def asks(self, ask: Ask) -> bool:
        """Are its words those of this question, all of them and no more?"""
        return ask.question == self.question.question if ask.source == "screen" else self.asks_what(ask)

    def asks_what(self, told: Ask | Question) -> bool:
        """The same for the words that a hook told."""
        if told.kind != "permission" or self.question.kind != "permission" or self.question.note:
            return False
        if told.tool == self.question.tool == "Bash":
            rows = self.drawn(told.command, self.width)
            return rows is not None and "\n".join(rows).rstrip() == self.dialog.command != ""
        return told.command == self.question.command != ""

    def the_one(self, known: Sequence[Ask]) -> Ask | None:
        """The question among these that it is; None where there is none, or where two commands look alike here."""
        same = [ask for ask in known if self.asks(ask)]
        if len({ask.command for ask in same if ask.source != "screen"}) > 1:
            same = [ask for ask in same if ask.source == "screen"]
        return next((ask for ask in same if ask.fingerprint == self.dialog.fingerprint), same[0] if same else None)


# Where the agent is neither at work nor on its way up or down, a screen that no rule reads may be a question.
_AT_REST = frozenset({State.IDLE, State.UNKNOWN})


def _is_unread(look: Look, reading: ScreenReading) -> bool:
    """True where neither a composer nor a sign of any state stands on the screen of a CLI that has a composer."""
    seen = reading.composer.kind != "absent" or reading.state is not None
    return not seen and look.view.state in _AT_REST and cli_for(look.view.agent.kind).takes_prompts


def on_screen(look: Look | None) -> OnScreen | None:
    """What an agent that runs asks on its screen now."""
    if look is None or not look.clis or look.reading is None or look.screen is None:
        return None
    dialog = look.reading.dialog or (unknown_dialog(look.screen.plain) if _is_unread(look, look.reading) else None)
    if dialog is None:
        return None
    agent = look.view.agent
    bare = from_dialog(dialog, workspace=str(agent.workdir))
    asked = from_dialog(dialog, workspace=str(agent.workdir), turn=look.files.turn)
    return OnScreen(dialog, asked, bare, look.screen.width, cli_for(agent.kind).drawn)

"""What one look at an agent says about its open questions: which are over, which one stands there, is it new. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.agents.hooks.events import HookEvent
from bot.agents.permissions.question import Question, just_the_same, same_question
from bot.agents.permissions.risk import Risk
from bot.agents.permissions.rows import Ask
from bot.clis.model import Dialog

# Seconds for a CLI to draw its own dialog after its hook was let go (Codex: 1 s after the last key).
GRACE_S = 5.0
# Claude draws its dialog while its hook waits; a dialog this soon after the hook's only question is that question's.
TOGETHER_S = 5.0

TURN_ENDS = frozenset({"Stop", "StopFailure", "Interrupt", "SessionEnd"})


@dataclass(frozen=True, slots=True)
class Standing:
    """An open question; `held`: its hook waits now; `age_s`: since it was asked, or since its hook was let go."""

    ask: Ask
    held: bool
    age_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """`over`: ids that nobody has to answer any more. `joins`: the id that the dialog belongs to and has to learn of
    it, or of what is new in it.
    `new`: the dialog is one that was not known."""

    over: tuple[str, ...] = ()
    joins: str = ""
    new: bool = False

    @property
    def nothing(self) -> bool:
        return not (self.over or self.joins or self.new)


def conclude(
    standing: Sequence[Standing], dialog: Dialog | None, *, running: bool, shown: Question | None = None
) -> Verdict:
    """`dialog` is what stands on the screen, `shown` the question that it asks; `running`: the agent's CLI is there."""
    if not running:
        return Verdict(over=tuple(s.ask.id for s in standing if not s.held))
    if dialog is None:
        return Verdict(over=tuple(s.ask.id for s in standing if _is_over(s)))
    mine = _belongs(standing, dialog)
    over = tuple(s.ask.id for s in standing if s is not mine and (s.ask.fingerprint or _is_over(s)))
    if mine is None:
        return Verdict(over=over, new=True)
    return Verdict(over=over, joins="" if _is_known(mine.ask, dialog, shown) else mine.ask.id)


def _is_known(ask: Ask, dialog: Dialog, shown: Question | None) -> bool:
    """The marks in it may change, and what the CLI writes down of it may come later. What a hook told is exact."""
    if ask.fingerprint != dialog.fingerprint:
        return False
    return shown is None or (
        shown.choices == ask.choices and (ask.source != "screen" or shown.question == ask.question)
    )


def outlived(ask: Ask, started_at: datetime | None) -> bool:
    """Has the program that asked ended since? The one that runs now, started later, was never asked to answer it."""
    return started_at is not None and started_at > ask.created_at


def ends(standing: Sequence[Standing], event: HookEvent, asked: str) -> tuple[str, ...]:
    """The questions that are over because of what the CLI told: it used the tool that was asked for (`asked` names the
    words of the event as a question), or its turn has ended. One with a dialog on the screen is left to the screen."""
    older = [s for s in standing if not s.ask.fingerprint and s.ask.created_at < event.at]
    if event.name == "PostToolUse":
        return tuple(s.ask.id for s in older if s.ask.question == asked)
    return tuple(s.ask.id for s in older) if event.name in TURN_ENDS else ()


def _is_over(standing: Standing) -> bool:
    """No dialog of it is on the screen: is it answered?"""
    if standing.held:
        # Codex shows none while its hook waits; Claude does, so one that was seen and is gone was answered there.
        return standing.ask.cli != "codex" and bool(standing.ask.fingerprint)
    return bool(standing.ask.fingerprint) or standing.age_s > GRACE_S


def _belongs(standing: Sequence[Standing], dialog: Dialog) -> Standing | None:
    for one in standing:
        if one.ask.fingerprint == dialog.fingerprint:
            return one
    unseen = [one for one in standing if not one.ask.fingerprint]
    # Two may be held at once, one of them the beginning of the other.
    unseen.sort(key=lambda one: not just_the_same(one.ask.command, dialog.command))
    for one in unseen:
        if same_question(as_question(one.ask), dialog):
            return one
    # A tool whose dialog does not show its input in our words: the two come together.
    told_apart = bool(dialog.command) and any(one.ask.tool == "Bash" for one in unseen)
    together = len(unseen) == 1 and dialog.kind == "permission" and unseen[0].age_s < TOGETHER_S
    return unseen[0] if together and not told_apart else None


def as_question(ask: Ask) -> Question:
    """The words of an open question, to compare."""
    return Question(
        kind=ask.kind,
        tool=ask.tool,
        title=ask.title,
        command=ask.command,
        risk=Risk(),
        choices=ask.choices,
        question=ask.question,
        fingerprint=ask.fingerprint,
    )

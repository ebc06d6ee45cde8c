"""What one look at an agent says about its open questions: which are over, which one stands there, is it new. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.agents.hooks.events import HookEvent
from bot.agents.permissions.on_screen import OnScreen
from bot.agents.permissions.rows import Ask

# Seconds for a CLI to draw its own dialog after its hook was let go (Codex: 1 s after the last key).
GRACE_S = 5.0
TURN_ENDS = frozenset({"Stop", "StopFailure", "Interrupt", "SessionEnd"})
DIFFERS = (
    "⚠️ Its screen asks in other words, and whether that is this question cannot be told. Look at it before you answer."
)


@dataclass(frozen=True, slots=True)
class Standing:
    """An open question; `held`: its hook waits now; `age_s`: since it was asked, or since its hook was let go; `owner`:
    the conversation, and the subagent in it, whose hook told of it; `width`: columns of the terminal it was last seen
    on."""

    ask: Ask
    held: bool
    age_s: float
    owner: str = ""
    width: int = 0

    @property
    def draws(self) -> bool:
        """Does its CLI draw a dialog while its hook waits? Codex 0.169.0 does not."""
        return self.held and self.ask.cli != "codex"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`over`: ids of what is not asked any more. `joins`: the id that the dialog belongs to and has to learn of it, or
    of what is new in it. `new`: the dialog is one that was not known. `notes`: (id, what is to be said of it from now
    on)."""

    over: tuple[str, ...] = ()
    joins: str = ""
    new: bool = False
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def nothing(self) -> bool:
        return self == Verdict()


def conclude(standing: Sequence[Standing], shown: OnScreen | None, *, running: bool) -> Verdict:
    """`shown`: what stands on the screen; `running`: the agent's CLI is there."""
    if not running:
        return Verdict(over=tuple(s.ask.id for s in standing if not s.held))
    if shown is None:
        said = tuple((s.ask.id, "") for s in standing if s.ask.note == DIFFERS)
        return Verdict(over=tuple(s.ask.id for s in standing if _is_over(s)), notes=said)
    mine = shown.the_one([s.ask for s in standing]) or _drawn_anew(standing, shown)
    over = tuple(
        s.ask.id for s in standing if s.ask is not mine and not shown.asks(s.ask) and (s.ask.fingerprint or _is_over(s))
    )
    if mine is not None:
        return Verdict(over, joins="" if _is_known(mine, shown) else mine.id)
    unseen = [s.ask for s in standing if s.draws and not s.ask.fingerprint]
    if unseen and shown.dialog.kind == "permission":
        # It is the dialog of one of these, or of something else: which, its words do not prove. None gets keys.
        return Verdict(over, notes=tuple((ask.id, DIFFERS) for ask in unseen if ask.note != DIFFERS))
    return Verdict(over, new=True)


def _drawn_anew(standing: Sequence[Standing], shown: OnScreen) -> Ask | None:
    """A question known from the screen whose words are other ones because the terminal has another width, or its CLI
    wrote down more of it meanwhile. A screen that no rule knows stays one question, whatever is drawn on it."""
    if shown.dialog.kind == "unknown":
        return next((s.ask for s in standing if s.ask.kind == "unknown"), None)
    found = (s for s in standing if s.ask.source == "screen" and s.ask.fingerprint == shown.dialog.fingerprint)
    asked, bare = shown.question.command, shown.bare.question  # the words, with and without what was written down
    return next(
        (s.ask for s in found if s.width != shown.width or s.ask.question == bare or s.ask.command == asked), None
    )


def _is_known(ask: Ask, shown: OnScreen) -> bool:
    """The marks in it may change, and what the CLI writes down of it may come later."""
    return (
        ask.fingerprint == shown.dialog.fingerprint
        and ask.choices == shown.question.choices
        and (ask.source != "screen" or ask.question == shown.question.question)
    )


def outlived(ask: Ask, started_at: datetime | None) -> bool:
    """Has the program that asked ended since? The one that runs now, started later, was never asked to answer it."""
    return started_at is not None and started_at > ask.created_at


def owner_of(event: HookEvent) -> str:
    """Whose hook it is: the conversation, and the subagent in it (Claude Code 2.1.328 names it in `agent_id`)."""
    subagent = event.payload.get("agent_id")
    return f"{event.conversation}/{subagent if isinstance(subagent, str) else ''}"


def ends(standing: Sequence[Standing], event: HookEvent, asked: str) -> tuple[str, ...]:
    """The questions that are over because of what the CLI told: it used the tool that was asked for (`asked` names the
    words of the event as a question), or the turn of the one that asked has ended. One with a dialog on the screen is
    left to the screen."""
    mine = [
        s.ask
        for s in standing
        if not s.ask.fingerprint and s.ask.created_at < event.at and s.owner in ("", owner_of(event))
    ]
    if event.name == "PostToolUse":
        return tuple(ask.id for ask in mine if ask.question == asked)[:1]
    return tuple(ask.id for ask in mine) if event.name in TURN_ENDS else ()


def _is_over(standing: Standing) -> bool:
    """No dialog of it is on the screen: is it asked no more?"""
    if standing.held:
        return standing.draws and bool(standing.ask.fingerprint)
    return bool(standing.ask.fingerprint) or standing.age_s > GRACE_S

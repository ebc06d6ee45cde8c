"""One state out of many signals. Pure.

Two kinds of witnesses disagree now and then. What was *told* (hook events, the CLI's own files) names the state
exactly, but only when something happened: an interrupted turn fires no Stop, a PreToolUse may come late, a killed CLI
leaves its last word standing. What is *seen* (pane title, screen) is always of now, but some looks are those of two
states. So:

- what the processes and the registry say comes first: there is nothing to see or to tell where no CLI runs; that of a
  shell, who is in front of it, is a look like a screen;
- a dialog on a fresh screen is always `waiting`, and a spinner always `working`;
- of the things told only the newest counts, and it yields to a clear look that is fresher by more than a moment;
- a look that does not tell never outvotes anything.

Text in the composer is a fact beside the state; it is shown as `composing` only where the agent would else be idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.clis.model import ScreenReading, State, Trust

Source = Literal["hook", "file", "title", "screen", "process", "registry"]

# Seconds.
FRESH_S = 10.0  # a title or screen older than this is no look at all
SETTLE_S = 2.0  # a CLI draws what it told within this time; until then its word is newer than its looks
RACE_S = 2.0  # hook events of one moment may arrive in any order

_GATES = (State.FROZEN, State.DEAD, State.STARTING, State.STOPPED)
_SEEN = (State.WAITING, State.WORKING, State.LIMITED, State.ERROR, State.IDLE)


@dataclass(frozen=True, slots=True)
class Signal:
    """One witness. `vote` None: it was asked and cannot tell. `age_s` is how long ago the thing happened that it speaks
    of (a screen: when it was captured; a hook or a line of a file: when it was written; a permission hook that still
    waits for an answer: 0). `draft` is the text seen in the composer."""

    source: Source
    vote: State | None
    age_s: float
    detail: str = ""
    trust: Trust = "high"
    draft: str | None = None

    def as_dict(self) -> dict[str, object]:
        """For `maf agent explain`: {"source","vote","age_s","trust","detail"}."""
        return {
            "source": self.source,
            "vote": str(self.vote) if self.vote else None,
            "age_s": round(self.age_s, 1),
            "trust": self.trust,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Fused:
    """The state, the rule that decided it, the text seen in the composer (None: none seen), and all that was asked."""

    state: State
    rule: str
    draft: str | None
    signals: tuple[Signal, ...]


def from_reading(reading: ScreenReading, kind: str = "") -> tuple[Signal, ...]:
    """The reading of a screen captured just now, as a signal; the `kind` of its agent stands in what `explain` says."""
    draft = reading.composer.text if reading.composer.holds_text else None
    vote = reading.state
    detail = f"{kind} screen: {reading.rule}" if kind else reading.rule
    return (Signal("screen", vote, 0.0, detail, reading.trust, draft),)


def fuse(signals: Sequence[Signal], *, previous: State | None = None) -> Fused:
    """The state that these signals give together; `previous` is the state of the last look, for looks that do not tell.

    >>> fuse([Signal("hook", State.WORKING, 0.1), Signal("screen", State.WAITING, 0.4)]).state
    <State.WAITING: 'waiting'>
    """
    asked = tuple(signals)
    if (gate := _gate(asked)) is not None:
        return Fused(gate[0], gate[1], None, asked)
    looks = [s for s in asked if s.source in ("title", "screen", "process") and s.age_s <= FRESH_S]
    look, told = _seen(looks), _told(asked)
    state, rule = _weigh(told, look, previous)
    draft = next((s.draft for s in sorted(looks, key=lambda s: s.age_s) if s.draft is not None), None)
    if draft is not None and state in (State.IDLE, State.UNKNOWN):
        state, rule = State.COMPOSING, "text in the composer"
    return Fused(state, rule, draft, asked)


def _gate(signals: Sequence[Signal]) -> tuple[State, str] | None:
    """What makes every other witness void: no CLI runs there, or it is held."""
    votes = {s.vote: s for s in signals if s.source == "process" and s.vote in _GATES}
    registry = next((s for s in signals if s.source == "registry" and s.vote in _GATES), None)
    alive = any(s.source == "process" and s.vote is None for s in signals)
    if registry is not None and registry.vote is State.STOPPED and not alive and State.FROZEN not in votes:
        return State.STOPPED, registry.detail or "stopped on purpose"
    for gate in (State.FROZEN, State.STARTING, State.DEAD):
        if gate in votes:
            return gate, votes[gate].detail or f"its processes say {gate}"
    if registry is not None and registry.vote is State.FROZEN:
        return State.FROZEN, registry.detail or "frozen on purpose"
    return None


def _seen(looks: Sequence[Signal]) -> Signal | None:
    """The one look that counts: the state that asks for most care; of two alike the fresher and surer one."""
    plain = [_without_draft(s) for s in looks if s.vote is not None]
    known = [s for s in plain if s.vote in _SEEN]
    if not known:
        return None
    order = {state: rank for rank, state in enumerate(_SEEN)}
    return min(known, key=lambda s: (order[s.vote or State.IDLE], s.trust == "low", s.age_s))


def _without_draft(signal: Signal) -> Signal:
    if signal.vote is not State.COMPOSING:
        return signal
    return Signal(signal.source, State.IDLE, signal.age_s, signal.detail, signal.trust, signal.draft)


def _told(signals: Sequence[Signal]) -> Signal | None:
    """The newest word of hooks and files. A question outlives events of the same moment: a late one answers none."""
    words = [s for s in signals if s.source in ("hook", "file") and s.vote is not None]
    if not words:
        return None
    newest = min(words, key=lambda s: (s.age_s, s.source != "hook"))
    for care in (State.WAITING, State.LIMITED):
        held = [s for s in words if s.vote is care and s.age_s <= newest.age_s + RACE_S]
        if held:
            return min(held, key=lambda s: s.age_s)
    return newest


def _weigh(told: Signal | None, look: Signal | None, previous: State | None) -> tuple[State, str]:
    if look is None:
        if told is not None and told.vote is not None:
            return told.vote, _because(told)
        if previous is State.WORKING:
            return State.WORKING, "the screen cannot tell, and it was working"
        return State.UNKNOWN, "nothing tells"
    if told is None or told.vote is look.vote:
        return look.vote or State.UNKNOWN, _because(look)
    winner = told if _word_holds(told, look) else look
    return winner.vote or State.UNKNOWN, _because(winner)


def _word_holds(told: Signal, look: Signal) -> bool:
    """Does the newest thing told outvote a look that says something else?"""
    if look.vote is State.WAITING:
        return False
    newer = told.age_s < look.age_s
    if told.vote is State.WAITING:
        return newer or told.age_s < SETTLE_S or look.trust == "low"
    if look.vote is State.WORKING:
        return newer and look.trust == "low"
    if told.vote is State.WORKING:
        return newer or told.age_s < SETTLE_S or look.trust == "low"
    if look.vote in (State.LIMITED, State.ERROR):
        return told.vote is State.LIMITED
    return told.vote in (State.LIMITED, State.ERROR) or look.trust == "low"


def _because(signal: Signal) -> str:
    return f"{signal.source}: {signal.detail}" if signal.detail else str(signal.source)

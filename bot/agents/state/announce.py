"""When a change of state is worth telling: it has to hold for a moment. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.clis.model import State

# Seconds. Between two tools an agent looks idle for a moment; a CLI that restarts is gone for a moment.
_HOLD: dict[State, float] = {
    State.IDLE: 1.5,
    State.WAITING: 0.3,
    State.WORKING: 0.3,
    State.DEAD: 2.0,
    State.UNKNOWN: 5.0,
}
_HOLD_ELSE = 0.7


@dataclass(frozen=True, slots=True)
class Held:
    """What was told last, and what is seen since when (monotonic seconds)."""

    told: State
    seen: State
    since: float


def hold(state: State) -> float:
    """How long a state must have been seen before it is told, in seconds."""
    return _HOLD.get(state, _HOLD_ELSE)


def step(held: Held | None, state: State, now: float, *, new: bool = False) -> tuple[Held, bool]:
    """The next memory, and whether to tell `state` now. The first state ever seen is not a change, but for an agent
    that is `new`: it was starting, and may have died before anybody looked."""
    if held is None:
        return Held(State.STARTING if new else state, state, now), False
    if state != held.seen:
        held = Held(held.told, state, now)
    if state != held.told and now - held.since >= hold(state):
        return Held(state, state, held.since), True
    return held, False

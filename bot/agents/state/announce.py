"""Telling changes of state: when one is worth it (it has to hold for a moment), and to whom."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.agents.model import AgentView
from bot.agents.state.look import Change
from bot.agents.state.signals import STARTING_S
from bot.clis.model import State

log = logging.getLogger(__name__)

Subscriber = Callable[[Change], Awaitable[None] | None]

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


class Announcer:
    """Remembers what was told of each agent, and passes on what has changed and held."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._subscribers: list[Subscriber] = []
        self._told: set[asyncio.Future[None]] = set()

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Returns what ends it. An awaitable that the callback returns runs by itself."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def heed(self, views: Mapping[str, AgentView], now: float) -> list[str]:
        """What all agents are seen to do at `now` (monotonic seconds). Returns the ids of those that are no more."""
        for agent_id, view in views.items():
            before = self._held.get(agent_id)
            self._held[agent_id], tell = step(before, view.state, now, new=_just_started(view))
            if tell and before is not None:
                self._tell(Change(agent_id, before.told, view.state, view))
        gone = [agent_id for agent_id in self._held if agent_id not in views]
        for agent_id in gone:
            del self._held[agent_id]
        return gone

    async def close(self) -> None:
        """Wait for what is being told."""
        await asyncio.gather(*self._told, return_exceptions=True)

    def _tell(self, change: Change) -> None:
        for callback in list(self._subscribers):
            result = callback(change)
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(result)
                self._told.add(task)
                task.add_done_callback(self._heard)

    def _heard(self, task: asyncio.Future[None]) -> None:
        self._told.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a change of state could not be passed on", exc_info=error)


def _just_started(view: AgentView) -> bool:
    started = view.agent.started_at
    return started is not None and (view.at - started).total_seconds() < STARTING_S

"""What each agent has done so far: tasks, prompts, errors, restarts, and how it spent its time. Kept in its row."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import func, select

from bot.agents.delivery.model import PROVEN
from bot.agents.model import Agent, AgentView
from bot.agents.registry import Registry
from bot.agents.state.watch import Watch
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import NotFound
from bot.store import Store
from bot.store.tables import AgentRow, ClaimRow, DeliveryRow

TIMED = {
    State.WORKING: "working_s",
    State.WAITING: "waiting_s",
    State.IDLE: "idle_s",
    State.COMPOSING: "idle_s",
    State.LIMITED: "limited_s",
}
_LONGEST_S = 30.0  # of one step: the time of a machine that slept is nobody's


class Statistics:
    """Adds up in memory; `save` writes to the rows now and then, so that a crash costs minutes of counting at most."""

    def __init__(self, store: Store, registry: Registry, watch: Watch, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._watch = watch
        self._clock = clock
        self._last: float | None = None
        self._spent: dict[str, dict[str, float]] = {}  # since the last save

    def count(self) -> None:
        """Add the time since the last call to what every agent is doing now."""
        now = self._clock.monotonic()
        seconds = min(now - self._last, _LONGEST_S) if self._last is not None else 0.0
        self._last = now
        for view in self._watch.views():
            if (name := TIMED.get(view.state)) is not None:
                spent = self._spent.setdefault(view.id, {})
                spent[name] = spent.get(name, 0.0) + seconds

    async def now(self, views: Collection[AgentView]) -> dict[str, dict[str, Any]]:
        """The statistics of these agents as they are at this moment, by id."""
        facts = await self._facts()
        return {view.id: added(view.agent, self._spent.get(view.id, {}), facts.get(view.id, {})) for view in views}

    async def save(self) -> None:
        """Write what has been counted into the rows."""
        facts = await self._facts()
        agents = await self._registry.all()
        for gone in self._spent.keys() - {agent.id for agent in agents}:
            del self._spent[gone]
        for agent in agents:
            counted = dict(self._spent.get(agent.id, {}))
            with contextlib.suppress(NotFound):  # deleted meanwhile
                await self._registry.update(agent.id, stats=added(agent, counted, facts.get(agent.id, {})))
            for name, seconds in counted.items():  # more may have been counted while it was written
                self._spent[agent.id][name] -= seconds

    async def _facts(self) -> dict[str, dict[str, int]]:
        """Prompts that were taken and beads that were done, by agent, as the rows have them."""
        # Only its own: another agent may have had its name before.
        prompts = (
            select(DeliveryRow.agent, func.count())
            .join(AgentRow, AgentRow.id == DeliveryRow.agent)
            .where(DeliveryRow.status.in_(PROVEN), DeliveryRow.created_at >= AgentRow.created_at)
            .group_by(DeliveryRow.agent)
        )
        tasks = (
            select(ClaimRow.agent, func.count())
            .join(AgentRow, AgentRow.id == ClaimRow.agent)
            .where(ClaimRow.reason == "done", ClaimRow.claimed_at >= AgentRow.created_at)
            .group_by(ClaimRow.agent)
        )
        found: dict[str, dict[str, int]] = {}
        async with self._store.begin() as tx:
            for name, query in (("prompts", prompts), ("tasks", tasks)):
                for agent, count in (await tx.execute(query)).all():
                    found.setdefault(agent, {})[name] = count
        return found


def added(agent: Agent, spent: Mapping[str, float], facts: Mapping[str, int]) -> dict[str, Any]:
    """The statistics in an agent's row with what has come since. Numbers of the rows never go down."""
    stats = dict(agent.stats)
    for name in ("tasks", "prompts"):
        stats[name] = max(int(stats.get(name, 0)), facts.get(name, 0))
    stats["errors"], stats["restarts"] = agent.errors, agent.restarts
    for name in dict.fromkeys(TIMED.values()):
        stats[name] = round(float(stats.get(name, 0)) + spent.get(name, 0.0), 1)
    return stats

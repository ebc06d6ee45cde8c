"""Moves between accounts that nobody is waiting for: what the accounts ask for, and what a person wants done as soon as
an agent is idle. Each is announced and can be declined until it begins."""

from __future__ import annotations

import logging
from datetime import timedelta

from bot.agents.model import Agent
from bot.agents.registry import Registry
from bot.agents.state.watch import Watch
from bot.clis.homes import HOMES
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import MafError, NotFound
from bot.fleet.accounts import HOME_KEY, Accounts
from bot.fleet.move import Move, NotIdle
from bot.fleet.rotation import Rotation
from bot.fleet.self_action import MOVE, SelfAction
from bot.fleet.self_actions import SelfActions
from bot.notices import post
from bot.quota.service import Quota
from bot.store import Store
from bot.store.audit import BOT

log = logging.getLogger(__name__)

KEPT = timedelta(hours=6)  # how long an agent is waited for that a person wants moved
NOT_AGAIN = timedelta(minutes=30)  # after a move that the accounts asked for and that failed
NOTICE = "wish"


class Moves:
    """At most one for each agent."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        registry: Registry,
        rotation: Rotation,
        watch: Watch,
        accounts: Accounts,
        quota: Quota,
        actions: SelfActions,
    ) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self._rotation = rotation
        self._watch = watch
        self._accounts = accounts
        self._quota = quota
        self._actions = actions

    async def wish(self, agent: str, by: str, off: str, *, to: str | None = None) -> None:
        """Move it off the profile `off` when it is idle (to `to`): a person says so, and what was to be done with it
        before is over."""
        for before in (await self._actions.standing(MOVE, agent)).values():
            await self._actions.drop(before, f"{by} wants it moved")
        wanted = {"source": off, "target": to, "why": f"{by} asked for it", "asked_by": by}
        await self._actions.announce(MOVE, agent, agent, data=wanted)

    async def check(self) -> list[SelfAction]:
        """Every `rotation_monitoring` minutes: announce who is to move off a used-up profile, and who may go home."""
        await self._quota.fresh()
        announced = []
        standing = await self._actions.standing(MOVE)
        for agent in await self._registry.all():
            before = standing.get(agent.id)
            if before is not None and before.asked_by:
                continue
            wanted = self._wanted(agent)
            since = self._clock.now() - NOT_AGAIN
            if wanted is not None and not await self._actions.failed_since(MOVE, agent.id, since):
                announced.append(await self._actions.announce(MOVE, agent.id, agent.id, data=wanted))
        return announced

    def _wanted(self, agent: Agent) -> dict[str, str | bool | None] | None:
        """Where the accounts want this agent to be, and why; None: where it is."""
        status = self._quota.status(agent.profile)
        if not self._quota.book.config().codex_profiles.enable or agent.desired != "running" or agent.adopted:
            return None
        if agent.kind not in HOMES or status is None or self._accounts.pinned(agent):
            return None
        home = agent.stats.get(HOME_KEY)
        if why := self._accounts.objection(status):
            target = self._accounts.target(agent).profile
            return None if target is None else _move(agent, target, f"{agent.profile}: {why}", home=False)
        if isinstance(home, str) and not self._accounts.against(agent, home):
            return _move(agent, home, f"{home} has room again", home=True)
        return None

    async def tick(self) -> list[Move]:
        """Do what may be done now; what is not needed any more is over."""
        moves = []
        for action in (await self._actions.standing(MOVE)).values():
            try:
                agent = await self._registry.get(action.agent)
            except NotFound:
                await self._actions.drop(action, f"{action.agent} is gone")
                continue
            why = await self._over(action, agent)
            if why is not None:
                await self._actions.drop(action, why)
            elif self._actions.ready(action) and self._is_idle(agent.id) and (move := await self._do(action)):
                moves.append(move)
        return moves

    async def _over(self, action: SelfAction, agent: Agent) -> str | None:
        """Why it is not to be done any more; None: it stands, done or declined."""
        if agent.profile != action.data["source"]:
            return f"it runs on {agent.profile} now"
        if not action.asked_by:
            return None if self._wanted(agent) is not None else "there is no reason for it any more"
        if action.declined:
            return ""
        if self._clock.now() - action.announced_at > KEPT:
            hours = KEPT.total_seconds() / 3600
            await self._stays(agent.id, f"{agent.id} stays on {agent.profile}: it was not idle for {hours:.0f} hours.")
            return "it was not idle"
        return None

    def _is_idle(self, agent: str) -> bool:
        look = self._watch.last(agent)
        return look is not None and look.view.state in (State.IDLE, State.LIMITED)

    async def _do(self, action: SelfAction) -> Move | None:
        agent, wished = action.agent, action.asked_by
        if not await self._actions.begun(action):
            return None
        to = action.data["target"] if wished or action.data.get("home") else None
        try:
            move = await self._rotation.rotate(
                agent, wished or BOT, to=to, reason="asked for" if wished else str(action.data["why"]), key=action.key
            )
        except NotIdle as error:
            await self._actions.again(action, error.message)
            return None
        except MafError as error:
            log.warning("%s was not moved: %s", agent, error.message)
            await self._actions.end(action, failed=True, outcome=error.message)
            if wished:
                await self._stays(agent, error.message)
            return None
        moved = move.outcome == "moved"
        data = {"moved_to": move.target} if moved else {}
        await self._actions.end(action, failed=not moved, outcome=move.detail, data=data)
        return move

    async def _stays(self, agent: str, why: str) -> None:
        """The person was told that it would move."""
        async with self._store.begin() as tx:
            await post(tx, NOTICE, {"agent": agent, "why": why})


def _move(agent: Agent, target: str, why: str, *, home: bool) -> dict[str, str | bool | None]:
    return {"source": agent.profile, "target": target, "why": why, "home": home}

"""Watches over the agents that should run: a crash is mended, a lost tmux server is told once, a fleet is restored."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.agents.life.service import ROOM_S, Life, Restored
from bot.agents.model import Agent, AgentView
from bot.agents.registry import Registry, natural
from bot.agents.resources.diary import Diary
from bot.agents.state.announce import hold
from bot.agents.state.watch import Change, Look, Watch
from bot.agents.types import Restart
from bot.clis.kinds import cli_for
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import MafError, NotFound
from bot.fleet.alert import FleetAlert
from bot.fleet.crash import how_it_ended, judge, let_go
from bot.fleet.self_action import RESTART, RESTORE, SelfAction
from bot.fleet.self_actions import SelfActions
from bot.notices import post
from bot.store import Store
from bot.store.errors import explained, trouble
from bot.store.patience import kept
from bot.tmux.panes import Panes

log = logging.getLogger(__name__)


class Guardian:
    """One for each running bot; `attach` makes it listen. Without a bot only `restore` is of use."""

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        life: Life,
        watch: Watch,
        panes: Panes,
        diary: Diary,
        actions: SelfActions,
        clock: Clock,
    ) -> None:
        self._store = store
        self._registry = registry
        self._life = life
        self._watch = watch
        self._panes = panes
        self._diary = diary
        self._actions = actions
        self._alert = FleetAlert(store)
        self._clock = clock
        self._server = 0
        self._lost_at: datetime | None = None
        self._lock = asyncio.Lock()
        self._seen: dict[str, tuple[datetime, datetime | None]] = {}  # deaths that were seen to
        self._restarts: dict[str, asyncio.Task[None]] = {}

    def attach(self) -> None:
        self._server = self._panes.control.server_pid
        self._watch.subscribe(self.changed)

    async def close(self) -> None:
        """Leave off; who waits to be started again is restored by the next start."""
        tasks = list(self._restarts.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def changed(self, change: Change) -> None:
        """A state that has held: kept in the agent's log, an error also counted; the end of one that should run is seen
        to."""
        await self._diary.write(change.agent_id, f"{change.before} -> {change.after} ({change.view.rule})")
        gone = change.before in (State.STOPPED, State.DEAD)
        if gone and change.view.agent.desired == "stopped" and change.after is not State.STOPPED:
            # Not where it never left: a stop that was cut off is no start.
            await self._taken_up(change.agent_id)
        if change.after is State.ERROR:
            await self._count_error(change.agent_id)
        if change.after is State.DEAD:
            await self._see_to(change.view)

    async def sweep(self) -> None:
        """Deaths that no change told of: an agent that dies right after it was started again was dead before and is."""
        for view in self._watch.views():
            if view.state is State.DEAD and (view.at - view.since).total_seconds() >= hold(State.DEAD):
                await self._see_to(view)

    async def restore(self, patience: float = ROOM_S, *, asked: bool = False) -> Restored:
        """Bring back all that should run; told in the alert that said it was lost, else in one quiet message.

        `patience`: seconds to wait for room on this machine before each. `asked`: a person said so; else it is the
        start of the bot.
        """
        action = None if asked else await self._announce_restore()
        before = {agent.id: agent.profile for agent in await self._registry.all()}
        restored = await self._life.restore(patience)
        moved = await self._moved(restored.started, before)
        for agent in restored.started:
            await self._diary.write(agent, "restored")
        if action is not None:
            told = {"back": list(restored.started), "failed": dict(restored.failed), "moved": moved}
            why = "; ".join(restored.failed)
            await self._actions.end(action, failed=bool(why), outcome=f"not started: {why}" if why else "", data=told)
        if restored.started or restored.failed:
            await kept(lambda: self._alert.back(restored, moved, told=action is not None))
        elif action is not None:
            await self._alert.coming(False)
        return restored

    async def _moved(self, started: Sequence[str], before: Mapping[str, str | None]) -> dict[str, str]:
        """Who of these runs on another profile than before, and on which."""
        now = {agent.id: agent.profile for agent in await self._registry.all()}
        return {one: str(now[one]) for one in started if one in now and now[one] != before.get(one)}

    async def _announce_restore(self) -> SelfAction | None:
        """What is left of an earlier run of the bot: who was not to be started again stays stopped."""
        for action in (await self._actions.standing(RESTART)).values():
            if action.declined:
                await self._stays_stopped(action)
            else:
                await self._actions.drop(action, "The bot was restarted, and brings it back with the others.")
        await self._actions.cut_off(RESTORE)
        lost = [agent.id for agent in await self._life.lost()]
        if not lost:
            return None
        alert = await self._alert.coming(True)
        action = await self._actions.announce(RESTORE, "", "start", data={"agents": lost}, tell=not alert)
        if alert:
            await self._alert.coming(True, action.id)
        await self._actions.begun(action)
        return action

    async def _taken_up(self, agent_id: str) -> None:
        with contextlib.suppress(NotFound):  # deleted meanwhile
            if await self._life.taken_up(agent_id):
                await self._diary.write(agent_id, "started again in its pane")

    async def _count_error(self, agent_id: str) -> None:
        with contextlib.suppress(NotFound):  # deleted meanwhile
            agent = await self._registry.get(agent_id)
            await kept(lambda: self._registry.update(agent_id, errors=agent.errors + 1))

    async def _see_to(self, view: AgentView) -> None:
        """Each death once."""
        async with self._lock:
            death = (view.since, view.agent.started_at)
            known = self._seen.get(view.id) == death or view.id in self._restarts
            if not known and not self._life.busy(view.id):
                await self._died(view.id)
                self._seen[view.id] = death  # only then: what fails is tried again by the next sweep

    async def _died(self, agent_id: str) -> None:
        try:
            agent = await self._registry.get(agent_id)
        except NotFound:
            return
        # Anew: once somebody has brought it back, what was seen last is of before.
        look = (await self._watch.look([agent_id])).get(agent_id)
        runs = look is not None and (bool(look.clis) or look.view.state is not State.DEAD)
        if agent.desired != "running" or runs or self._life.busy(agent_id):
            return
        server = self._panes.control.server_pid
        if self._server and server != self._server:
            await self._server_lost()
        self._server = server
        if (
            not agent.adopted
            and self._lost_at is not None
            and agent.started_at is not None
            and agent.started_at <= self._lost_at
        ):
            return  # told already, with all the others
        await self._ended(agent, _how(look))

    async def _server_lost(self) -> None:
        """One alert for all that can be brought back, however many there were."""
        at = self._clock.now()
        looks = await self._watch.look()
        lost = [
            look.view.agent.id
            for look in looks.values()
            if look.view.agent.desired == "running"
            and not look.view.agent.adopted
            and not look.clis
            and look.pane is None
        ]
        if not lost:
            return
        lost.sort(key=natural)
        log.error("the tmux server ended, and with it %s", ", ".join(lost))
        await kept(lambda: self._alert.lost(lost, at))
        self._lost_at = at  # only now: an alert that failed is tried again

    async def _ended(self, agent: Agent, how: str) -> None:
        if agent.adopted or let_go(how, shell=not cli_for(agent.kind).takes_prompts):
            # Somebody let it leave, at the terminal: to start it again would be to fight that person.
            await self._life.left(agent.id)
            await self._diary.write(agent.id, "left by itself")
            await self._post("ended", {"agent": agent.id, "state": "left", "how": how}, silent=True)
            return
        rule = await self._rule(agent)
        verdict = judge(agent.crashes, self._clock.now(), times=rule.times, within=rule.within)
        agent = await self._registry.update(agent.id, crashes=verdict.crashes, errors=agent.errors + 1)
        await self._diary.write(agent.id, f"crashed ({how or 'its pane is gone'})")
        told = {"agent": agent.id, "how": how, "times": len(verdict.crashes), "minutes": round(rule.within / 60)}
        if verdict.pause is None:
            await self._diary.write(agent.id, "not started again: it crashed too often")
            await self._post("ended", {**told, "state": "given up"})
        elif agent.id not in self._restarts:
            due = self._clock.now() + timedelta(seconds=verdict.pause)
            told["pause"] = verdict.pause
            action = await self._actions.announce(RESTART, agent.id, agent.id, due_at=due, data=told)
            task = asyncio.create_task(self._again(action, verdict.pause, told), name=f"restart {agent.id}")
            self._restarts[agent.id] = task
            task.add_done_callback(lambda done: self._over(agent.id, done))

    def _over(self, agent_id: str, restart: asyncio.Task[None]) -> None:
        self._restarts.pop(agent_id, None)
        if not restart.cancelled() and (error := restart.exception()) is not None:
            log.error("it could not be told how the restart of %s ended", agent_id, exc_info=error)

    async def _rule(self, agent: Agent) -> Restart:
        try:
            types = await asyncio.to_thread(self._life.types)
        except MafError:  # a file of types with a mistake in it must not leave a crashed agent lying
            return Restart()
        return types[agent.type].restart if agent.type in types else Restart()

    async def _again(self, action: SelfAction, pause: float, told: Mapping[str, Any]) -> None:
        await asyncio.sleep(pause)
        agent_id = action.agent
        try:
            look = (await self._watch.look([agent_id])).get(agent_id)
            if look is None or look.view.agent.desired != "running" or look.clis:
                # A person was faster: it is deleted, stopped, or runs.
                runs = look is not None and bool(look.clis)
                await self._actions.drop(action, "It runs again." if runs else "It was stopped since.")
                return
            if not await self._actions.begun(action):
                await self._stays_stopped(await self._actions.get(action.id))
                return
            agent = await self._life.start_again(agent_id)
        except NotFound:
            await self._actions.drop(action, "It was deleted since.")
            return
        except Exception as error:  # The edge of a background task: an agent that stays down must not do so unsaid.
            if trouble(error) is None:
                log.exception("%s could not be started again", agent_id)
            why = explained(error).sentence
            await self._diary.write(agent_id, f"could not be started again: {why}")
            await self._actions.end(action, failed=True, outcome=why)
            await self._post("ended", {**told, "state": "failed", "why": why})
            return
        if agent is None:
            await self._actions.drop(action, "It was stopped since.")
            return
        await self._registry.update(agent_id, restarts=agent.restarts + 1)
        await self._diary.write(agent_id, f"started again, {'with its conversation' if agent.conversation else 'anew'}")
        before = look.view.agent.profile
        moved = f"It runs on {agent.profile} now, no longer on {before}." if agent.profile != before else ""
        data = {"resumed": bool(agent.conversation), "profile_reason": moved}
        await self._actions.end(action, data=data)

    async def _stays_stopped(self, action: SelfAction) -> None:
        """Somebody declined that it is started again."""
        with contextlib.suppress(NotFound):  # deleted meanwhile
            await self._life.left(action.agent)
            await self._diary.write(action.agent, f"not started again: {action.declined_by} declined it")
        await self._actions.drop(action)

    async def _post(self, kind: str, data: Mapping[str, Any], **how: Any) -> None:
        async def write() -> None:
            async with self._store.begin() as tx:
                await post(tx, kind, data, **how)

        await kept(write)


def _how(look: Look | None) -> str:
    return how_it_ended(look.pane.title) if look is not None and look.pane is not None else ""

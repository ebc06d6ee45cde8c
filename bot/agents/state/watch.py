"""Watching the fleet: one look at everything per tick, fused into one state per agent, kept in memory.

A tick costs at most two round trips to tmux (what there is; the screens on which something was drawn), one pass over
/proc, and a stat per conversation file, whatever the number of agents.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from bot.agents.caller import Owned
from bot.agents.environment import ProfileSetup, profile_setups
from bot.agents.model import Agent, AgentView, Announcement
from bot.agents.registry import Registry
from bot.agents.resources.usage import Resources
from bot.agents.state.announce import Announcer, Subscriber
from bot.agents.state.look import Change, Look
from bot.agents.state.sight import Sight
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import DependencyMissing, NotFound
from bot.home import Home
from bot.store.complaint import Complaint
from bot.tmux.captures import Captures
from bot.tmux.panes import PaneFacts, Panes, Screen
from bot.tmux.processes import Process, scan, scan_only
from bot.tmux.server import TmuxGone

log = logging.getLogger(__name__)

TICK_S = 0.8
BLIND_S = 15.0  # without a look: then what was seen last is no state any more

__all__ = ["Change", "Look", "Watch"]

_Panes = tuple[dict[str, PaneFacts], dict[str, Screen]]


class Watch:
    """The eyes of the product. Works without `start` too: `look` and `fresh` read at once."""

    def __init__(
        self,
        registry: Registry,
        panes: Panes,
        *,
        home: Home,
        clock: Clock,
        profiles: Callable[[Agent], ProfileSetup] | None = None,
        interval: float = TICK_S,
    ) -> None:
        self._registry = registry
        self._panes = panes
        self._clock = clock
        self._interval = interval
        self.profiles = profiles or profile_setups(home)
        # Its oldest open question (agents/permissions): older than what was seen of it, where it was frozen meanwhile,
        # or the bot restarted.
        self.asked_since: Callable[[str], datetime | None] = lambda agent_id: None
        # The prompts that hooks told of since some moment (agents/hooks/events.py).
        self.announced: Callable[[str, datetime], list[Announcement]] = lambda agent_id, since: []
        self._stirs: dict[str, asyncio.Event] = {}
        self.sight = Sight(clock, self.profiles)
        self.resources = Resources()
        self._captures = Captures(panes)
        self._announcer = Announcer()
        self._complaint = Complaint(log, "the agents could not be looked at")
        self._reading_files = asyncio.Lock()
        self._looks: dict[str, Look] = {}
        self._task: asyncio.Task[None] | None = None
        self._blind: asyncio.TimerHandle | None = None
        self._ticked = asyncio.Condition()

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        """Look once, then go on in the background."""
        await self._try_tick()
        self._task = asyncio.create_task(self._run(), name="watch")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._see_again()
        await self._announcer.close()

    def view(self, agent_id: str) -> AgentView:
        """As it was last seen. Raises NotFound for an agent that was never looked at."""
        if agent_id not in self._looks:
            raise NotFound.of("agent", agent_id, self._looks)
        return self._with_age(self._looks[agent_id].view)

    def views(self) -> list[AgentView]:
        """All agents as they were last seen, in the order of the registry."""
        return [self._with_age(look.view) for look in self._looks.values()]

    def last(self, agent_id: str) -> Look | None:
        """The last look in full, for `explain`."""
        return self._looks.get(agent_id)

    def owned(self) -> Owned:
        """Which processes are of which agent, as they were last seen."""
        looks = self._looks.items()
        ours = {look.pane.pid: id_ for id_, look in looks if look.pane is not None and not look.view.agent.adopted}
        return Owned({(cli.pid, cli.starttime): id_ for id_, look in looks for cli in look.clis}, ours)

    async def fresh(self, agent_id: str) -> AgentView:
        """Look now, to show it. Raises NotFound."""
        await self._registry.get(agent_id)
        return self._with_age((await self.shown([agent_id]))[agent_id].view)

    async def shown(self, ids: Collection[str] | None = None) -> dict[str, Look]:
        """Look, to show and not to act: where tmux cannot be asked, what should run is unknown, and why."""
        try:
            return await self.look(ids)
        except DependencyMissing as error:
            agents = [agent for agent in await self._registry.all() if ids is None or agent.id in ids]
            async with self._reading_files:
                blind = await asyncio.to_thread(self._see, agents, {}, {}, {})
            dead = {agent_id for agent_id, look in self._looks.items() if look.view.state is State.DEAD}
            for agent_id, look in blind.items():
                if look.view.state is not State.STOPPED and agent_id not in dead:
                    view = replace(look.view, state=State.UNKNOWN, rule=error.message)
                    blind[agent_id] = replace(look, view=view)
            self._looks = blind if ids is None else self._looks | blind
            return blind

    def told(self, agent_id: str, status: object) -> None:
        """What an agent's CLI told its statusline command: of it the size of its context."""
        if isinstance(status, Mapping):
            self.sight.files.told(agent_id, status)

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Be told of changes that have held; returns what ends it. An awaitable that is returned runs by itself."""
        return self._announcer.subscribe(callback)

    async def ticked(self, timeout: float) -> None:
        """Wait for the next tick, or look once where nothing ticks; at most `timeout` seconds."""
        if not self.running:
            await asyncio.sleep(min(timeout, self._interval / 2))
            await self._try_tick()
            return
        try:
            async with asyncio.timeout(timeout), self._ticked:
                await self._ticked.wait()
        except TimeoutError:
            return

    def stir(self, agent_id: str) -> None:
        """A hook of this agent was heard: who waits for it looks now."""
        if (waited := self._stirs.pop(agent_id, None)) is not None:
            waited.set()

    async def stirred(self, agent_id: str, timeout: float) -> bool:
        """Wait until a hook of this agent is heard, at most `timeout` seconds; was one?"""
        try:
            async with asyncio.timeout(timeout):
                return await self._stirs.setdefault(agent_id, asyncio.Event()).wait()
        except TimeoutError:
            return False

    async def look(
        self, ids: Iterable[str] | None = None, *, anew: bool = True, again: bool = False
    ) -> dict[str, Look]:
        """Look at these agents (all, without `ids`) now, in one go. Unknown ids are left out. Raises TmuxGone.

        Not `anew`, and without `ids`: a screen on which nothing was drawn is not captured again. `again`, a moment
        after a look: of the processes only those that were in front are asked for.
        """
        wanted = None if ids is None else set(ids)
        agents = [agent for agent in await self._registry.all() if wanted is None or agent.id in wanted]
        panes = [agent.pane for agent in agents if agent.pane]
        if again:
            (facts, screens), processes = await self._look_at(panes, lambda: self._panes.look(panes, only=True)), None
        else:
            look = self._panes.look if anew and wanted is not None else self._captures.look
            (facts, screens), processes = await asyncio.gather(
                self._look_at(panes, lambda: look(panes)), asyncio.to_thread(scan)
            )
        async with self._reading_files:
            found = await asyncio.to_thread(self._see, agents, facts, screens, processes)
        if again and not all(look.clis for look in found.values()):
            return await self.look(wanted)  # what was in front is not: who is?
        for agent in agents:
            self._looks[agent.id] = found[agent.id]
        if wanted is None:
            self._looks = {agent.id: found[agent.id] for agent in agents}
        return found

    async def _look_at(self, panes: Collection[str], look: Callable[[], Awaitable[_Panes]]) -> _Panes:
        """Once more when the server went away under it: the next call connects anew, and reading twice harms nobody.
        Agents that never ran are no question for tmux."""
        if not panes:
            return {}, {}
        try:
            return await look()
        except TmuxGone:
            return await look()

    def _were_in_front(self, agents: list[Agent]) -> dict[int, Process]:
        """The processes of these agents' last looks, as they are now."""
        looks = [self._looks[agent.id] for agent in agents if agent.id in self._looks]
        panes = [look.pane.pid for look in looks if look.pane is not None]
        return scan_only([*panes, *(cli.pid for look in looks for cli in look.clis)])

    async def tick(self) -> None:
        """One look at everything; tells what has changed and held. Raises TmuxGone."""
        looks = await self.look()
        views = {agent_id: self._with_age(look.view) for agent_id, look in looks.items()}
        for gone in self._announcer.heed(views, self._clock.monotonic()):
            self.sight.forget(gone)
            self.resources.forget(gone)
        async with self._ticked:
            self._ticked.notify_all()
        for look in looks.values():  # last: a store that takes nothing keeps nobody from what was seen
            await self.remember(look)

    async def remember(self, look: Look) -> None:
        """Which conversation it is in, so that a restart goes on with it."""
        agent, files = look.view.agent, look.files
        if files.conversation is not None and files.path not in (None, agent.transcript):
            with contextlib.suppress(NotFound):  # deleted meanwhile
                await self._registry.update(agent.id, conversation=files.conversation, transcript=files.path)

    def _see(
        self,
        agents: list[Agent],
        facts: dict[str, PaneFacts],
        screens: dict[str, Screen],
        processes: dict[int, Process] | None,
    ) -> dict[str, Look]:
        """In a thread. Without `processes` only those that were in front are asked for."""
        table = self._were_in_front(agents) if processes is None else processes
        found = self.sight.see(agents, facts, screens, table, self._looks)
        if processes is not None:
            self.resources.take(
                {id_: look.pane.pid if look.pane else None for id_, look in found.items()},
                processes,
                self._clock.monotonic(),
            )
        return found

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self._try_tick()

    async def _try_tick(self) -> None:
        if self._blind is None:
            self._blind = asyncio.get_running_loop().call_later(BLIND_S, self._go_blind)
        try:
            await self.tick()
        except Exception as error:  # All of the bot lives by these looks: nothing that one of them meets may end them.
            self._complaint.say(error)
        else:
            self._see_again()
            self._complaint.over()

    def _go_blind(self) -> None:
        """No look has come to its end for so long, failed or hanging: nobody is to act by what was seen then. Who had
        ended has ended, and when: seen again he would else have died once more."""
        why = f"not seen for {BLIND_S:g} s: tmux, a disk or a mounted folder does not answer"
        self._complaint.warn(why)
        now = self._clock.now()
        for agent_id, look in self._looks.items():
            if look.view.state not in (State.STOPPED, State.DEAD):
                view = replace(look.view, state=State.UNKNOWN, rule=why, since=now, at=now)
                self._looks[agent_id] = replace(look, view=view)

    def _see_again(self) -> None:
        if self._blind is not None:
            self._blind.cancel()
        self._blind = None

    def _with_age(self, view: AgentView) -> AgentView:
        asked = self.asked_since(view.id) if view.state is State.WAITING else None
        return replace(view, since=asked) if asked is not None and asked < view.since else view

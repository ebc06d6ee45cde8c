"""Watching the fleet: one look at everything per tick, fused into one state per agent, kept in memory.

A tick costs at most two round trips to tmux (what there is; the screens on which something was drawn), one pass over
/proc, and a stat per conversation file, whatever the number of agents.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from bot.agents.environment import ProfileSetup, profile_setups
from bot.agents.model import Agent, AgentView
from bot.agents.registry import Registry
from bot.agents.resources.usage import Resources
from bot.agents.state import announce
from bot.agents.state.files import ConversationFiles
from bot.agents.state.fusion import Signal, from_reading, fuse
from bot.agents.state.look import Change, Look
from bot.agents.state.signals import STARTING_S, cli_processes, from_files, liveness
from bot.clis.cli import cli_for
from bot.clis.entry import Entry
from bot.clis.model import ScreenReading, State
from bot.clis.screens import read_screen
from bot.clock import Clock
from bot.errors import DependencyMissing, MafError, NotFound
from bot.home import Home
from bot.tmux.captures import Captures
from bot.tmux.panes import PaneFacts, Panes, Screen
from bot.tmux.processes import Process, by_session, children_of, foreground, scan, scan_only
from bot.tmux.server import TmuxGone

log = logging.getLogger(__name__)

TICK_S = 0.7

__all__ = ["Change", "Look", "Watch"]

_Panes = tuple[dict[str, PaneFacts], dict[str, Screen]]
Subscriber = Callable[[Change], Awaitable[None] | None]


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
        self.bead_of: Callable[[str], str | None] = lambda agent_id: None
        # The banner of a usage limit, and the turn that met it, stand until the next prompt: who knows better says so.
        self.limit_over: Callable[[str], bool] = lambda agent_id: False
        # What the agents' hooks told: votes on the state, and prompts taken since some moment (agents/hooks/events.py).
        self.hook_signals: Callable[[Agent, datetime], Iterable[Signal]] = lambda agent, now: ()
        self.heard_prompts: Callable[[str, datetime], list[Entry]] = lambda agent_id, since: []
        self._captures = Captures(panes)
        self._files = ConversationFiles()
        self.resources = Resources()
        self._reading_files = asyncio.Lock()
        self._looks: dict[str, Look] = {}
        self._held: dict[str, announce.Held] = {}
        self._up: dict[str, datetime | None] = {}  # the start since which its CLI has been seen
        self._subscribers: list[Subscriber] = []
        self._told: set[asyncio.Future[None]] = set()
        self._task: asyncio.Task[None] | None = None
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
            await asyncio.gather(self._task, *self._told, return_exceptions=True)
            self._task = None

    def view(self, agent_id: str) -> AgentView:
        """As it was last seen. Raises NotFound for an agent that was never looked at."""
        if agent_id not in self._looks:
            raise NotFound.of("agent", agent_id, self._looks)
        return self._with_bead(self._looks[agent_id].view)

    def views(self) -> list[AgentView]:
        """All agents as they were last seen, in the order of the registry."""
        return [self._with_bead(look.view) for look in self._looks.values()]

    def last(self, agent_id: str) -> Look | None:
        """The last look in full, for `explain`."""
        return self._looks.get(agent_id)

    async def fresh(self, agent_id: str) -> AgentView:
        """Look now, to show it. Raises NotFound."""
        await self._registry.get(agent_id)
        return self._with_bead((await self.shown([agent_id]))[agent_id].view)

    async def shown(self, ids: Collection[str] | None = None) -> dict[str, Look]:
        """Look, to show and not to act: where tmux cannot be asked, what should run is unknown, and why."""
        try:
            return await self.look(ids)
        except DependencyMissing as error:
            agents = [agent for agent in await self._registry.all() if ids is None or agent.id in ids]
            async with self._reading_files:
                blind = await asyncio.to_thread(self._see, agents, {}, {}, {})
            for agent_id, look in blind.items():
                if look.view.state is not State.STOPPED:
                    view = replace(look.view, state=State.UNKNOWN, rule=error.message)
                    blind[agent_id] = replace(look, view=view)
            self._looks = blind if ids is None else self._looks | blind
            return blind

    def told(self, agent_id: str, status: object) -> None:
        """What an agent's CLI told its statusline command: of it the size of its context."""
        if isinstance(status, Mapping):
            self._files.told(agent_id, status)

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Be told of changes that have held; returns what ends it. An awaitable that is returned runs by itself."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

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
        now = self._clock.monotonic()
        for agent_id, look in looks.items():
            before = self._held.get(agent_id)
            new = _just_started(look.view)
            self._held[agent_id], tell = announce.step(before, look.view.state, now, new=new)
            if tell and before is not None:
                self._tell(Change(agent_id, before.told, look.view.state, self._with_bead(look.view)))
            await self._remember(look)
        for gone in self._held.keys() - looks.keys():
            del self._held[gone]
            self._files.forget(gone)
            self.resources.forget(gone)
        async with self._ticked:
            self._ticked.notify_all()

    async def _remember(self, look: Look) -> None:
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
        now, moment = self._clock.now(), self._clock.monotonic()
        whole = processes is not None
        processes = self._were_in_front(agents) if processes is None else processes
        sessions = by_session(processes)
        children: dict[int, list[Process]] | None = None
        found = {}
        for agent in agents:
            pane, screen = facts.get(agent.pane or ""), screens.get(agent.pane or "")
            if pane is not None and not _is_its_own(agent, pane):
                pane = screen = None
            found[agent.id] = self._see_one(agent, pane, screen, sessions, now)
            if pane is None:
                self.resources.forget(agent.id)
            elif whole and self.resources.due(agent.id, moment):
                children = children_of(processes) if children is None else children
                self.resources.note(agent.id, pane.pid, processes, children, moment)
        return found

    def _see_one(
        self,
        agent: Agent,
        pane: PaneFacts | None,
        screen: Screen | None,
        sessions: dict[int, dict[int, Process]],
        now: datetime,
    ) -> Look:
        alive = pane is not None and not pane.dead
        front = foreground(sessions.get(pane.pid, {}), pane.pid) if pane is not None and alive else []
        clis = tuple(cli_processes(front, cli_for(agent.kind).process_names))
        # What an ended program left on the screen says nothing.
        reading = self._read(agent, screen) if screen is not None and clis else None
        last = self._looks.get(agent.id)
        quiet = last is not None and last.screen is screen
        files = self._files.read(agent, self.profiles(agent), clis[0].pid if clis else None, quiet=quiet)
        signals = (
            liveness(agent, pane, clis, now, was_up=self._was_up(agent, clis)),
            *(self.hook_signals(agent, now) if clis else ()),
            *(from_files(files, now) if clis else ()),
            *(from_reading(reading, agent.kind) if reading is not None else ()),
        )
        fused = fuse(signals, previous=last.view.state if last else None)
        if fused.state is State.LIMITED and self.limit_over(agent.id):
            state = State.COMPOSING if fused.draft else State.IDLE
            fused = replace(fused, state=state, rule="its usage limit has reset")
        since = last.view.since if last is not None and last.view.state == fused.state else now
        draft = reading.composer.text if reading is not None and reading.composer.holds_text else None
        view = AgentView(agent, fused.state, since, now, fused.rule, reading, draft)
        return Look(view, pane, screen, clis, files, signals)

    def _read(self, agent: Agent, screen: Screen) -> ScreenReading:
        """What the screen says; a screen that did not change says what it said."""
        last = self._looks.get(agent.id)
        if last is None or last.reading is None or last.screen is None:
            return read_screen(agent.kind, screen)
        same = screen is last.screen or replace(last.screen, at=screen.at) == screen
        return last.reading if same else read_screen(agent.kind, screen)

    def _was_up(self, agent: Agent, clis: Collection[Process]) -> bool:
        if clis:
            self._up[agent.id] = agent.started_at
        return agent.started_at is not None and self._up.get(agent.id) == agent.started_at

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self._try_tick()

    async def _try_tick(self) -> None:
        try:
            await self.tick()
        except MafError as error:
            log.warning("the agents could not be looked at: %s", error.message)

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

    def _with_bead(self, view: AgentView) -> AgentView:
        return replace(view, bead=self.bead_of(view.id))


def _is_its_own(agent: Agent, pane: PaneFacts) -> bool:
    """A new server counts its panes from the beginning: the same id may be somebody else's."""
    return pane.pid == agent.pane_pid if agent.adopted else pane.session == agent.session


def _just_started(view: AgentView) -> bool:
    started = view.agent.started_at
    return started is not None and (view.at - started).total_seconds() < STARTING_S

"""The life of agents: create, start, stop, restart, delete, and bring back what should run."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot.agents.life import orphans, worktree
from bot.agents.life.launch import Start, prepare, share_files
from bot.agents.life.leaving import Leaving
from bot.agents.model import Agent
from bot.agents.panels.command import window
from bot.agents.registry import Registry
from bot.agents.resources import room
from bot.agents.state.watch import Watch
from bot.agents.types import AgentType, load_types, type_named
from bot.clock import Clock
from bot.errors import MafError, Refused
from bot.home import Home
from bot.settings import Settings
from bot.store.errors import trouble
from bot.tmux.keeper import keeper_command
from bot.tmux.panes import Panes
from bot.tmux.sessions import SessionFacts, Sessions

ROOM_S = 30.0  # how long what starts by itself waits for memory and load to come down


class NoRoom(Refused):
    """This machine has no room for another agent now."""

    code = "no_room"
    hint = "Stop an agent, or change MAF_MIN_FREE_MEMORY (megabytes) or MAF_MAX_LOAD (per processor)."


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back after a reboot or the end of the tmux server, and what did not, with the reason."""

    started: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


class Life:
    """One thing at a time per agent; each step is bounded."""

    def __init__(
        self,
        registry: Registry,
        sessions: Sessions,
        panes: Panes,
        watch: Watch,
        *,
        home: Home,
        settings: Settings,
        clock: Clock,
        login_env: Mapping[str, str],
    ) -> None:
        self._registry = registry
        self._sessions = sessions
        self._panes = panes
        self._watch = watch
        self._leaving = Leaving(watch, panes, clock)
        self._home = home
        self._settings = settings
        self._clock = clock
        self._login_env = login_env
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.choose_account: Callable[[Agent], Awaitable[Agent]] = _as_it_is
        self.foresee_account: Callable[[Agent], Awaitable[Agent]] = _as_it_is  # as the former would, changing nothing
        # The variables that only the agents of a profile get (bot/profiles/secrets.py).
        self.secrets: Callable[[str | None], Mapping[str, str]] = _no_secrets
        # Once it is sure that its program can run: before that nothing is put into anybody's home, or asked about it.
        self.before_launch: Callable[[Agent], Awaitable[None]] = _nothing

    def types(self) -> dict[str, AgentType]:
        """Built-in and own types, as the file says now. Raises WrongSetting."""
        return load_types(self._home)

    async def create(
        self,
        type_name: str,
        *,
        agent_id: str | None = None,
        profile: str | None = None,
        workdir: Path | None = None,
        labels: Collection[str] = (),
        description: str = "",
        start: bool = True,
        own_tree: bool = False,
    ) -> Agent:
        """A new agent, started unless told otherwise; `own_tree` gives it a git worktree. After an error nothing of it
        is left.

        Raises NotFound (type), WrongUsage (id, folder), Refused (taken, too many, session name in use, no room),
        DependencyMissing (its CLI is not installed or not logged in).
        """
        type_ = type_named(await asyncio.to_thread(self.types), type_name)
        agent = await self._registry.create(
            type_,
            workdir=workdir or self._settings.root(self._home),
            session_prefix=self._settings.tmux_session,
            agent_id=agent_id,
            profile=profile,
            labels=labels,
            description=description,
            max_agents=self._settings.max_agents,
            worktree=own_tree,  # written before it is made: one that was cut off can be deleted with it
        )
        made = False  # a folder that was there before is none of ours to remove
        try:
            if own_tree:
                tree = await worktree.create(agent.workdir, self._home.worktree(agent.id), agent.id)
                made = True
                agent = await self._registry.update(agent.id, workdir=tree)
            return await self.start(agent.id) if start else agent
        except BaseException:  # a cancelled one too: nothing half-made stays behind
            if made:
                await worktree.remove(self._home.worktree(agent.id))
            await self._registry.delete(agent.id)
            raise

    async def start(self, agent_id: str, *, fresh: bool = False) -> Agent:
        """Start a stopped or dead agent, with its conversation if it had one and unless `fresh`.

        Raises NotFound, Refused (it runs; its session's name is taken; no room), DependencyMissing, TmuxGone.
        """
        async with self._locks[agent_id]:
            agent = await self._registry.get(agent_id)
            if agent.adopted:
                return await self._take_up(agent)
            return await self._start(agent, fresh=fresh)

    async def start_again(self, agent_id: str, *, patience: float = ROOM_S) -> Agent | None:
        """Start it without being asked, if it still should run; None where somebody has stopped or deleted it.

        Waits up to `patience` seconds for room, and nobody who would stop it waits with it. Raises as start.
        """
        await self._room(patience)
        async with self._locks[agent_id]:
            agent = {one.id: one for one in await self._registry.all()}.get(agent_id)
            if agent is None or agent.desired != "running":
                return None
            return await self._start(agent, has_room=True)

    async def stop(self, agent_id: str) -> Agent:
        """Ask its CLI to leave, then TERM, then KILL; its session goes with it. Raises NotFound, TmuxGone.

        The pane of an adopted agent stays, for it is the person's.
        """
        async with self._locks[agent_id]:
            agent = await self._registry.update(agent_id, desired="stopped")
            return await self._end(agent)

    async def restart(self, agent_id: str) -> Agent:
        """Stop and start; the conversation goes on. One that could not be started again is not stopped."""
        async with self._locks[agent_id]:
            agent = await self._registry.get(agent_id)
            if agent.adopted:
                raise _not_ours_to_start(agent)
            await self.see(await self.foresee_account(agent))
            agent = await self._end(agent)
            agent = await self._registry.update(agent_id, restarts=agent.restarts + 1)
            return await self._start(agent)

    async def delete(self, agent_id: str, *, let_go: Callable[[Agent], Awaitable[None]]) -> Agent:
        """Stop and forget it; an adopted one is only let go. Its conversation files stay where its CLI keeps them.

        `let_go` sees to all that it holds. Its row goes last, so that a deletion which was cut off can be repeated.
        """
        async with self._locks[agent_id]:
            agent = await self._registry.update(agent_id, desired="stopped")
            if not agent.adopted:
                agent = await self._end(agent)
            await let_go(agent)
            await self._registry.delete(agent_id)
        self._locks.pop(agent_id, None)
        return agent

    def busy(self, agent_id: str) -> bool:
        """Is it being started or ended at this moment?"""
        return agent_id in self._locks and self._locks[agent_id].locked()

    async def left(self, agent_id: str) -> None:
        """Its CLI has left by itself: it should not run any more."""
        async with self._locks[agent_id]:
            await self._registry.update(agent_id, desired="stopped")

    async def taken_up(self, agent_id: str) -> bool:
        """Somebody started it again in its pane, with the keeper's key: it should run from now on; was that news?"""
        async with self._locks[agent_id]:
            agent = await self._registry.get(agent_id)
            look = (await self._watch.look([agent_id]))[agent_id]
            if agent.desired == "running" or agent.adopted or not look.clis:
                return False
            await self._registry.update(agent_id, desired="running", started_at=self._clock.now())
            return True

    async def lost(self) -> list[Agent]:
        """Every agent that should run and whose CLI is not there."""
        looks = await self._watch.look()
        return [
            agent
            for agent in await self._registry.all()
            if agent.desired == "running"
            and not agent.adopted
            and (look := looks.get(agent.id)) is not None
            and not look.clis
        ]

    async def restore(self, patience: float = ROOM_S) -> Restored:
        """Start every agent that should run and whose CLI is not there. One that cannot start does not stop the rest.

        Waits for room before each, up to `patience` seconds.
        """
        started: list[str] = []
        failed: dict[str, str] = {}
        for agent in await self.lost():
            try:
                # Meanwhile the others were started, which may have taken minutes.
                if await self.start_again(agent.id, patience=patience) is not None:
                    started.append(agent.id)
            except (MafError, DBAPIError, OSError) as error:
                known = trouble(error)
                failed[agent.id] = known.sentence if known else str(error)
        return Restored(tuple(started), failed)

    async def _start(self, agent: Agent, *, fresh: bool = False, has_room: bool = False) -> Agent:
        """`has_room`: that was seen."""
        there = await self._there(agent)
        agent = await self.choose_account(agent)
        type_ = self._type_of(agent, await asyncio.to_thread(self.types))
        if fresh:
            agent = await self._registry.update(agent.id, conversation=None, transcript=None, started_at=None)
        start = await self._prepare(agent, type_)
        if not has_room:
            await self._room(0.0)
        await self.before_launch(agent)
        facts = await self._panes.facts()
        # Its own pane does not shelter a CLI: none is in front there.
        panes = [pane.pid for pane in facts.values() if there is None or pane.pane != there.main]
        await orphans.make_way(self._home.root, agent.id, panes)
        was = agent.desired
        # The wish is written first: if we are ended now, `restore` does what was asked for.
        changes = (
            {"conversation": start.conversation.id, "transcript": start.conversation.path}
            if (start.conversation is not None)
            else {}
        )
        agent = await self._registry.update(agent.id, desired="running", started_at=self._clock.now(), **changes)
        pane = None
        try:
            pane = await self._place(agent, type_, start, there)
            return await self._registry.update(agent.id, pane=pane)
        except BaseException:  # a cancelled one too: what does not run must not look as if it should
            if pane is not None and there is None:
                await self._sessions.kill(agent.session, pane=pane)
            await self._registry.update(agent.id, desired=was)
            raise

    async def _there(self, agent: Agent) -> SessionFacts | None:
        """Its own session, where only the keeper is left in its pane. Raises Refused if the agent runs."""
        session = await self._sessions.find(agent.session)
        if session is None or not session.main:
            return None
        if session.main != agent.pane:
            if await self._sessions.owner(agent.session) != (str(self._home.root), agent.id):
                return None
            # We were ended between making the session and writing it down.
            agent = await self._registry.update(agent.id, pane=session.main)
        look = (await self._watch.look([agent.id])).get(agent.id)
        if look is not None and look.clis:
            await self._registry.update(agent.id, desired="running")
            raise Refused(f"{agent.id} is running already.")
        return session

    async def _take_up(self, agent: Agent) -> Agent:
        """An adopted agent that was stopped counts again, once its CLI is back in its pane."""
        look = (await self._watch.look([agent.id])).get(agent.id)
        if look is None or not look.clis:
            raise _not_ours_to_start(agent)
        return await self._registry.update(agent.id, desired="running", started_at=self._clock.now())

    async def see(self, agent: Agent) -> None:
        """See that this agent, as it is here, can be started: its folder, its program, its login. Raises what a start
        would."""
        if not await asyncio.to_thread(agent.workdir.is_dir):
            raise Refused(
                f"The folder {agent.workdir} is not there.", hint="Bring it back, or make an agent in another one."
            )
        await self._prepare(agent, self._type_of(agent, await asyncio.to_thread(self.types)))

    async def _prepare(self, agent: Agent, type_: AgentType) -> Start:
        others = [other for other in await self._registry.all() if other.id != agent.id]
        return await asyncio.to_thread(
            prepare,
            agent,
            type_,
            self._watch.profiles(agent),
            home=self._home,
            login_env=self._login_env,
            secrets=self.secrets,
            others=others,
            same_home=any(share_files(agent, other) for other in others),
        )

    async def _place(self, agent: Agent, type_: AgentType, start: Start, there: SessionFacts | None) -> str:
        """Into its own pane where only the keeper is left, or into a new session."""
        argv = keeper_command(start.argv)
        if there is not None:
            return await self._sessions.respawn(there.main, argv, start.env, cwd=agent.workdir)
        sides = tuple(window(side.name, side.panes, side.layout) for side in type_.windows)
        return await self._sessions.create(agent.session, cwd=agent.workdir, env=start.env, argv=argv, windows=sides)

    async def _room(self, patience: float) -> None:
        deadline = self._clock.monotonic() + patience
        while True:
            machine = await asyncio.to_thread(room.measure)
            why = room.why_full(
                machine, least_free_mb=self._settings.min_free_memory, most_load=self._settings.max_load
            )
            if not why:
                return
            if self._clock.monotonic() >= deadline:
                raise NoRoom(why)
            await asyncio.sleep(1.0)

    def _type_of(self, agent: Agent, types: Mapping[str, AgentType]) -> AgentType:
        """A type whose definition is gone must not keep an agent from starting: its kind and role are in the row."""
        if agent.type in types:
            return types[agent.type]
        return AgentType.model_validate({"name": "gone", "kind": agent.kind, "role": agent.role})

    async def _end(self, agent: Agent) -> Agent:
        """End its CLI and its session; the agent without a pane."""
        await self._leaving.end(agent)
        if agent.adopted:
            return agent
        if agent.pane:
            await self._sessions.kill(agent.session, pane=agent.pane)
        return await self._registry.update(agent.id, pane=None)


def _not_ours_to_start(agent: Agent) -> Refused:
    return Refused(
        f"{agent.id} was adopted: its pane is yours, and we start nothing in it.",
        hint=f"Start {agent.kind} in that pane yourself, or let the agent go: maf agent delete {agent.id}",
    )


def _no_secrets(_profile: str | None) -> Mapping[str, str]:
    return {}


async def _as_it_is(agent: Agent) -> Agent:
    """Where nobody chooses a profile."""
    return agent


async def _nothing(_: Agent) -> None:
    """Where nobody installs hooks."""

"""The life of agents: create, start, stop, restart, delete, and bring back what should run."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.agents.environment import ProfileSetup, agent_environment, parse_env
from bot.agents.model import Agent
from bot.agents.preflight import decide
from bot.agents.registry import Registry
from bot.agents.types import AgentType, load_types, type_named
from bot.agents.watch import Look, Watch
from bot.clis.cli import Launch, cli_for
from bot.clock import Clock
from bot.errors import MafError, Refused
from bot.home import Home
from bot.settings import Settings
from bot.tmux.keeper import keeper_command
from bot.tmux.panes import Panes
from bot.tmux.sessions import Sessions, Window

QUIT_S = 6.0  # for a CLI that was asked to leave
TERM_S = 4.0  # after TERM, before KILL
_TYPED_S = 0.25  # between the words of "leave" and Enter, and between keys


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
        self._home = home
        self._settings = settings
        self._clock = clock
        self._login_env = login_env
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.before_start: Callable[[Agent], Awaitable[Agent]] = _as_it_is

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
    ) -> Agent:
        """A new agent, started unless told otherwise. After an error nothing of it is left.

        Raises NotFound (type), WrongUsage (id, folder), Refused (taken, too many, session name in use),
        DependencyMissing (its CLI is not installed).
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
        )
        if not start:
            return agent
        try:
            return await self.start(agent.id)
        except BaseException:
            await self._registry.delete(agent.id)
            raise

    async def start(self, agent_id: str) -> Agent:
        """Start a stopped or dead agent, with its conversation if it had one.

        Raises NotFound, Refused (it runs; its session's name is taken), DependencyMissing, TmuxGone.
        """
        async with self._locks[agent_id]:
            return await self._start(await self._registry.get(agent_id))

    async def stop(self, agent_id: str) -> Agent:
        """Ask its CLI to leave, then TERM, then KILL; its session goes with it. Raises NotFound, TmuxGone."""
        async with self._locks[agent_id]:
            agent = await self._registry.update(agent_id, desired="stopped")
            await self._end(agent)
            return await self._registry.update(agent_id, pane=None)

    async def restart(self, agent_id: str) -> Agent:
        """Stop and start; the conversation goes on."""
        async with self._locks[agent_id]:
            agent = await self._registry.get(agent_id)
            await self._end(agent)
            agent = await self._registry.update(agent_id, pane=None, restarts=agent.restarts + 1)
            return await self._start(agent)

    async def delete(self, agent_id: str) -> None:
        """Stop and forget it. Its conversation files stay where its CLI keeps them."""
        async with self._locks[agent_id]:
            agent = await self._registry.update(agent_id, desired="stopped")
            await self._end(agent)
            await self._registry.delete(agent_id)
        self._locks.pop(agent_id, None)

    async def restore(self) -> Restored:
        """Start every agent that should run and whose session is gone. One that cannot start does not stop the rest."""
        there = {session.name: session.main for session in await self._sessions.all()}
        started: list[str] = []
        failed: dict[str, str] = {}
        for agent in await self._registry.all():
            if agent.desired != "running" or agent.adopted:
                continue
            if agent.pane is not None and there.get(agent.session) == agent.pane:
                continue
            try:
                async with self._locks[agent.id]:
                    await self._start(agent)
                started.append(agent.id)
            except MafError as error:
                failed[agent.id] = error.message
        return Restored(tuple(started), failed)

    async def _start(self, agent: Agent) -> Agent:
        agent = await self.before_start(agent)
        type_ = self._type_of(agent, await asyncio.to_thread(self.types))
        setup = self._watch.profiles(agent)
        launch, env = await asyncio.to_thread(self._launch, agent, type_, setup)
        argv = keeper_command(launch.argv)
        was = agent.desired
        # The wish is written first: if we are ended now, `restore` does what was asked for.
        agent = await self._registry.update(agent.id, desired="running", started_at=self._clock.now())
        try:
            pane = await self._place(agent, type_, argv, env)
        except BaseException:
            await self._registry.update(agent.id, desired=was)
            raise
        return await self._registry.update(agent.id, pane=pane)

    async def _place(self, agent: Agent, type_: AgentType, argv: tuple[str, ...], env: dict[str, str]) -> str:
        """Into a new session, or into its own pane where only the keeper is left."""
        session = await self._sessions.find(agent.session)
        if session is not None and session.main and session.main == agent.pane:
            look = (await self._watch.look([agent.id])).get(agent.id)
            if look is not None and look.clis:
                raise Refused(f"{agent.id} is running already.")
            await self._sessions.respawn(session.main, argv, env, cwd=agent.workdir)
            return session.main
        return await self._sessions.create(
            agent.session, cwd=agent.workdir, env=env, argv=argv, windows=_windows(type_)
        )

    def _launch(self, agent: Agent, type_: AgentType, setup: ProfileSetup) -> tuple[Launch, dict[str, str]]:
        login = {**self._login_env, **_env_file(self._home.run / "login-env")}
        agent_env = _env_file(self._home.agent_env)
        path = {**login, **agent_env, **type_.env, **setup.env}.get("PATH")
        if setup.home is not None:
            setup.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        launch = cli_for(agent.kind).launch(
            home=setup.home, workdir=agent.workdir, resume=_resumable(agent), extra=type_.command, path=path
        )
        env = agent_environment(
            login=login,
            agent_env=agent_env,
            type_env=type_.env,
            profile_env=setup.env,
            cli_env=launch.env,
            agent_id=agent.id,
            home=self._home.root,
        )
        return launch, env

    def _type_of(self, agent: Agent, types: Mapping[str, AgentType]) -> AgentType:
        """A type whose definition is gone must not keep an agent from starting: its kind and role are in the row."""
        if agent.type in types:
            return types[agent.type]
        return AgentType.model_validate({"name": "gone", "kind": agent.kind, "role": agent.role})

    async def _end(self, agent: Agent) -> None:
        look = (await self._watch.look([agent.id])).get(agent.id)
        if look is not None and look.clis and agent.pane:
            if _may_be_asked(look):
                await self._ask_to_leave(agent, agent.pane)
            await self._until_gone(agent, QUIT_S if _may_be_asked(look) else 0.0)
            for number, seconds in ((signal.SIGTERM, TERM_S), (signal.SIGKILL, 1.0)):
                if not await self._signal(agent, number):
                    break
                await self._until_gone(agent, seconds)
        if agent.pane and not agent.adopted:
            await self._sessions.kill(agent.session, pane=agent.pane)

    async def _ask_to_leave(self, agent: Agent, pane: str) -> None:
        words, *keys = cli_for(agent.kind).quit()
        if not await self._panes.keys(pane, words, literal=True):
            return
        for key in keys:
            await asyncio.sleep(_TYPED_S)
            await self._panes.keys(pane, key)

    async def _until_gone(self, agent: Agent, seconds: float) -> None:
        deadline = self._clock.monotonic() + seconds
        while self._clock.monotonic() < deadline:
            look = (await self._watch.look([agent.id])).get(agent.id)
            if look is None or not look.clis:
                return
            await asyncio.sleep(0.1)

    async def _signal(self, agent: Agent, number: signal.Signals) -> bool:
        """To the processes of its CLI that are in front of its own pane right now; False when there are none."""
        look = (await self._watch.look([agent.id])).get(agent.id)
        if look is None or not look.clis:
            return False
        for process in look.clis:
            try:
                os.kill(process.pid, number)
            except ProcessLookupError:
                continue
        return True


async def _as_it_is(agent: Agent) -> Agent:
    """What is done before a start where nobody chooses a profile."""
    return agent


def _may_be_asked(look: Look) -> bool:
    """Words that ask it to leave may be typed only where a prompt might be."""
    return decide(look.facts(), now=False).act == "go"


def _windows(type_: AgentType) -> tuple[Window, ...]:
    """The side windows; each command line runs in a shell of its own."""
    made = []
    for window in type_.windows:
        first, *rest = [("sh", "-c", command) for command in window.panes]
        made.append(Window(window.name, first, tuple(rest), layout=window.layout))
    return tuple(made)


def _env_file(path: Path) -> dict[str, str]:
    try:
        return parse_env(path.read_text("utf8"))
    except (FileNotFoundError, UnicodeDecodeError):
        return {}


def _resumable(agent: Agent) -> str | None:
    """Its conversation, if the file that holds it is still there."""
    if agent.conversation is None or agent.transcript is None or not agent.transcript.is_file():
        return None
    return agent.conversation

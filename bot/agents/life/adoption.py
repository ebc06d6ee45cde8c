"""Taking over an agent that a person started themselves, in a pane of theirs. Nothing in that pane is changed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.agents.life.service import Life
from bot.agents.model import Agent
from bot.agents.registry import Registry
from bot.agents.state.signals import cli_processes
from bot.agents.types import type_named
from bot.clis.homes import HOMES
from bot.clis.kinds import KINDS, cli_for
from bot.clock import Clock
from bot.errors import NotFound, Refused, WrongUsage
from bot.profiles.book import Profile
from bot.settings import Settings
from bot.tmux.panes import PaneFacts
from bot.tmux.processes import Process, environment, foreground, scan
from bot.tmux.server import PERSONS
from bot.tmux.servers import AllPanes, runs
from bot.tmux.sessions import Sessions

_PANE = re.compile(r"%\d+")


@dataclass(frozen=True, slots=True)
class Seat:
    """A pane with an agent's CLI in front."""

    facts: PaneFacts
    cli: Process
    workdir: Path
    home: Path | None


class Adoption:
    """`profiles` are all there are, to find the one whose home the CLI runs on."""

    def __init__(
        self,
        registry: Registry,
        life: Life,
        panes: AllPanes,
        sessions: Sessions,
        *,
        profiles: Callable[[], Collection[Profile]],
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._life = life
        self._panes = panes
        self._sessions = sessions
        self._profiles = profiles
        self._settings = settings
        self._clock = clock

    async def adopt(
        self,
        pane: str,
        type_name: str,
        *,
        server: str | None = None,
        agent_id: str | None = None,
        labels: Collection[str] = (),
    ) -> Agent:
        """`pane` as tmux names it (%5); `server` is the name or path of a tmux server that is not ours.

        Raises WrongUsage, NotFound (pane, type), Refused (no such CLI in front, ours already, its home is unknown).
        """
        if not _PANE.fullmatch(pane):
            raise WrongUsage(
                f"{pane!r} is no pane.", hint="In that pane, tmux display-message -p '#{pane_id}' prints its name."
            )
        type_ = type_named(await asyncio.to_thread(self._life.types), type_name)
        foreign = "" if server in (None, self._settings.tmux_socket) else str(server)
        name = f"{foreign}:{pane}" if foreign else pane
        facts = await self._find(name, foreign)
        processes = await asyncio.to_thread(scan)
        seat = await asyncio.to_thread(_seat, facts, processes, type_.kind)
        agent = await self._registry.create(
            type_,
            workdir=seat.workdir,
            session_prefix=self._settings.tmux_session,
            agent_id=agent_id,
            profile=self._profile(type_.kind, seat.home),
            labels=labels,
            max_agents=self._settings.max_agents,
            session=facts.session,
            pane=name,
            pane_pid=facts.pid,
        )
        return await self._registry.update(agent.id, desired="running", started_at=self._clock.now())

    async def _find(self, name: str, foreign: str) -> PaneFacts:
        known = await (self._panes.facts_of(foreign) if foreign else self._panes.facts())
        if name not in known:
            raise await self._missing(name, foreign)
        taken = next((agent for agent in await self._registry.all() if agent.pane == name), None)
        if taken is not None:
            raise Refused(f"Pane {name} is {taken.id} already.")
        if not foreign and any(session.main == name for session in await self._sessions.all()):
            raise Refused(f"Pane {name} was made by maf, for an agent of another home or one that is gone.")
        return known[name]

    async def _missing(self, name: str, foreign: str) -> NotFound | Refused:
        own = self._settings.tmux_socket
        if foreign and not await asyncio.to_thread(runs, foreign):
            return NotFound(f"No tmux server runs on {foreign}.")
        if (
            not foreign
            and own != PERSONS
            and name in {pane.removeprefix(f"{PERSONS}:") for pane in await self._panes.facts_of(PERSONS)}
        ):
            return Refused(
                f"Pane {name} is on another tmux server than ours ({own}): on your own.",
                hint=f"Say so: maf agent adopt {name} --socket {PERSONS} --type …",
            )
        return NotFound(f"There is no pane {name} on the tmux server {foreign or own}.")

    def _profile(self, kind: str, home: Path | None) -> str | None:
        if home is None:
            return None
        for profile in self._profiles():
            if profile.kind == kind and profile.home == home:
                return profile.name
        variable = HOMES[kind].variable
        raise Refused(
            f"It runs with {variable}={home}, and no profile has that home.",
            hint=f"Name it first: maf quota profile add NAME --kind {kind} --path {home}",
        )


def _seat(facts: PaneFacts, processes: Mapping[int, Process], kind: str) -> Seat:
    """Raises Refused where the pane has no such CLI in front."""
    if facts.dead:
        raise Refused(f"Pane {facts.pane} is dead.")
    front = foreground(processes, facts.pid)
    clis = cli_processes(front, cli_for(kind).process_names)
    if not clis:
        other = next((k for k in KINDS if k != kind and cli_processes(front, cli_for(k).process_names)), None)
        there = other or ", ".join(sorted({process.comm for process in front})) or "nothing"
        hint = f"Choose a type of kind {other}: maf agent types" if other else f"Start {kind} there first."
        raise Refused(f"In pane {facts.pane} runs {there}, and not {kind}.", hint=hint)
    cli = clis[0]
    home = environment(cli.pid).get(HOMES[kind].variable) if kind in HOMES else None
    return Seat(facts, cli, _folder(cli.pid), Path(home).expanduser().resolve() if home else None)


def _folder(pid: int) -> Path:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        import psutil

        try:
            return Path(psutil.Process(pid).cwd())
        except psutil.Error as error:
            raise Refused(f"It cannot be told in which folder process {pid} works: {error}") from None

"""Removing what is ours and wanted no more: found by our own ids and marks, never by what a name looks like."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bot.agents.life import orphans
from bot.agents.registry import Registry
from bot.clis import hooks
from bot.errors import MafError
from bot.fleet.ending import Ending
from bot.fleet.reservations import Reservations
from bot.home import Home
from bot.profiles.book import ProfileBook
from bot.tmux.panes import Panes
from bot.tmux.processes import Process, scan
from bot.tmux.sessions import SessionFacts, Sessions

CONNECT_S = 1.0


@dataclass(frozen=True, slots=True)
class Leftover:
    """`what`: session, process, buffer, reservations, hooks, socket or file. `remove` raises MafError or OSError."""

    what: str
    id: str
    why: str
    remove: Callable[[], Awaitable[Any]]


class Cleanup:
    """Looks first, removes then; what is looked at again and has changed is left alone."""

    def __init__(
        self,
        *,
        home: Home,
        registry: Registry,
        panes: Panes,
        sessions: Sessions,
        ending: Ending,
        reservations: Reservations,
        profiles: ProfileBook,
    ) -> None:
        self._home = home
        self._registry = registry
        self._panes = panes
        self._sessions = sessions
        self._ending = ending
        self._reservations = reservations
        self._profiles = profiles

    async def run(self, *, dry_run: bool) -> list[dict[str, str]]:
        """[{"what","id","why","outcome": "removed"|"would be removed"|the reason why not}]. Raises TmuxGone."""
        done = []
        for found in await self.find():
            outcome = "would be removed"
            if not dry_run:
                try:
                    await found.remove()
                    outcome = "removed"
                except (MafError, OSError) as error:
                    outcome = str(error)
            done.append({"what": found.what, "id": found.id, "why": found.why, "outcome": outcome})
        return done

    async def find(self) -> list[Leftover]:
        """Everything of ours that nothing wants."""
        return [
            *await self._sessions_left(),
            *await self._processes(),
            *[
                Leftover("buffer", name, "a prompt that is not on its way any more", _deleting(self._panes, name))
                for name in await self._ending.buffers()
            ],
            *await self._reserved(),
            *await self._hooks(),
            *await asyncio.to_thread(self._files),
        ]

    async def _sessions_left(self) -> list[Leftover]:
        agents = {agent.id: agent for agent in await self._registry.all()}
        left = []
        for session in await self._sessions.all():
            if not session.main:
                continue
            home, name = await self._sessions.owner(session.name)
            if home != str(self._home.root) or session.attached:
                continue  # another home's, or somebody looks at it
            agent = agents.get(name)
            if agent is None:
                why = f"its agent {name} is gone"
            elif agent.desired == "stopped":
                why = f"{name} is stopped"
            elif agent.pane != session.main:
                why = f"{name} runs elsewhere"
            else:
                continue
            left.append(Leftover("session", session.name, why, partial(self._end_session, session, name)))
        return left

    async def _end_session(self, session: SessionFacts, agent: str) -> None:
        """And what ran in it: a CLI takes a moment to leave, and the next look would find it without a pane."""
        if not await self._sessions.kill(session.name, pane=session.main):
            return
        panes = [pane.pid for pane in (await self._panes.facts()).values()]
        await orphans.make_way(self._home.root, agent, panes)

    async def _processes(self) -> list[Leftover]:
        panes = [pane.pid for pane in (await self._panes.facts()).values()]
        processes = await asyncio.to_thread(scan)
        found = await asyncio.to_thread(orphans.orphans, processes, home=self._home.root, panes=panes)
        return [
            Leftover("process", str(process.pid), f"{process.comm} of {agent}, whose pane is gone", _ending(process))
            for agent, process in found
        ]

    async def _reserved(self) -> list[Leftover]:
        """Of files, in Agent Mail: it was down when their agent ended."""
        left = []
        for (project, name), count in (await self._reservations.left()).items():
            remove = partial(self._reservations.release, (project, name))
            left.append(Leftover("reservations", f"{name} in {project}", f"{count}, and their agent is gone", remove))
        return left

    async def _hooks(self) -> list[Leftover]:
        """Of homes that we made, for profiles that are gone."""
        wanted = {profile.home for profile in await asyncio.to_thread(self._profiles.all)}
        used = {agent.profile for agent in await self._registry.all()}
        gone = [
            home
            for home in await asyncio.to_thread(_folders, self._home.root / "profiles")
            if home not in wanted and home.name not in used
        ]
        return [
            Leftover("hooks", str(home), "no such profile any more", _unhooking(home, kind))
            for home in gone
            for kind in hooks.SETTINGS_FILE
            if (await asyncio.to_thread(_installed, home, kind)).any
        ]

    def _files(self) -> list[Leftover]:
        left = [
            Leftover("file", str(folder), "a command that has ended", _removing(folder))
            for folder in _folders(self._home.run / "runs")
            if not _alive(folder / "pid")
        ]
        bot = self._home.socket
        if bot.exists() and not _answers(bot):
            left.append(Leftover("socket", str(bot), "no bot listens on it", _unlinking(bot)))
        return left


def _folders(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def _installed(home: Path, kind: str) -> hooks.Installed:
    try:
        return hooks.installed(home, kind)
    except MafError:  # settings that cannot be read are not ours to change
        return hooks.Installed((), False)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(CONNECT_S)
        try:
            client.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True  # in doubt it is somebody's
    return True


def _alive(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


def _deleting(panes: Panes, name: str) -> Callable[[], Awaitable[Any]]:
    return lambda: panes.delete_buffer(name)


def _ending(process: Process) -> Callable[[], Awaitable[Any]]:
    return lambda: orphans.end(process)


def _unhooking(home: Path, kind: str) -> Callable[[], Awaitable[Any]]:
    return lambda: asyncio.to_thread(hooks.remove, home, kind)


def _unlinking(path: Path) -> Callable[[], Awaitable[Any]]:
    return lambda: asyncio.to_thread(path.unlink, missing_ok=True)


def _removing(folder: Path) -> Callable[[], Awaitable[Any]]:
    return lambda: asyncio.to_thread(shutil.rmtree, folder)

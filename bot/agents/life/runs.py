"""One command in a side window of an agent, in its folder and environment; the composer is never touched."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from bot.agents.registry import Registry
from bot.errors import NotFound, Refused, WrongUsage
from bot.home import Home
from bot.tmux.sessions import Sessions, Window

_RUNNER = Path(__file__).parents[1] / "panels" / "runner.py"


@dataclass(frozen=True, slots=True)
class Run:
    """A command under way. Its files are in `folder` (bot/agents/panels/runner.py); `pane` is its window's."""

    agent: str
    folder: Path
    pane: str


class Runs:
    def __init__(self, registry: Registry, sessions: Sessions, home: Home) -> None:
        self._registry = registry
        self._sessions = sessions
        self._home = home

    async def start(self, agent_id: str, command: str) -> Run:
        """Raises NotFound, WrongUsage (nothing to run), Refused (its session is not there), TmuxGone."""
        agent = await self._registry.get(agent_id)
        if not command.strip() or "\0" in command:
            raise WrongUsage("There is no command to run.", hint='maf agent run w1 "npm test"')
        if agent.adopted:
            raise Refused(f"{agent_id} was adopted: its session is yours, and we open no window in it.")
        folder = await asyncio.to_thread(self._prepare, command)
        window = Window("run", (sys.executable, "-I", "-S", str(_RUNNER), str(folder)))
        try:
            pane = await self._sessions.add_window(agent.session, window, cwd=agent.workdir)
        except NotFound:
            await asyncio.to_thread(_remove, folder)
            raise Refused(
                f"{agent_id} is not running, so it has no window to run this in.",
                hint=f"Start it: maf agent start {agent_id}",
            ) from None
        except BaseException:  # a cancelled one too: nothing half-made stays behind
            await asyncio.to_thread(_remove, folder)
            raise
        return Run(agent_id, folder, pane)

    def _prepare(self, command: str) -> Path:
        folder = self._home.run / "runs" / secrets.token_hex(6)
        folder.mkdir(parents=True, mode=0o700)
        handle = os.open(folder / "command", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf8", errors="surrogateescape") as file:
            file.write(command)
        # Until the runner has written its own: who cleans up meanwhile must not take it for one that has ended.
        (folder / "pid").write_text(str(os.getpid()))
        return folder


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()

"""logs/agents/ID.log: what happened to an agent, a line each, for people and for its monitoring window."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from bot.clock import Clock, iso
from bot.home import Home

MAX_BYTES = 512 * 1024


class Diary:
    """Appends, without what `blank` takes out; at half a megabyte the file becomes ID.log.1 and a new one begins."""

    def __init__(self, home: Home, clock: Clock, blank: Callable[[str], str] = str) -> None:
        self._home = home
        self._blank = blank
        self._clock = clock

    async def write(self, agent: str, what: str) -> None:
        """A log that cannot be written stops nothing."""
        line = f"{iso(self._clock.now())} {self._blank(' '.join(what.split()))}\n"
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._append, agent, line)

    def _append(self, agent: str, line: str) -> None:
        path = self._home.agent_log(agent)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > MAX_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        with path.open("a", encoding="utf8", errors="replace") as file:
            file.write(line)

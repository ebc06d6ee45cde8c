"""Programs of ours that outlived their pane: known by MAF_AGENT and MAF_HOME in their environment, never by a name."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Collection, Mapping
from pathlib import Path

from bot.clis.kinds import KINDS, cli_for
from bot.tmux.processes import Process, environment, scan, scan_only

LEAVE_S = 4.0  # a CLI whose terminal is gone ends by itself within a second or two
TERM_S = 3.0
_NAMES = frozenset().union(*(cli_for(kind).process_names for kind in KINDS if cli_for(kind).takes_prompts))


def orphans(
    processes: Mapping[int, Process], *, home: Path, panes: Collection[int], agent: str | None = None
) -> list[tuple[str, Process]]:
    """(agent, process) of every agent CLI that was started from this home and sits in none of these panes (their pids).

    Blocks. Tools that an agent left running on purpose (a development server) are none.
    """
    found = []
    for process in processes.values():
        if process.comm not in _NAMES or process.session in panes or process.state in ("Z", "X"):
            continue
        env = environment(process.pid)
        owner = env.get("MAF_AGENT")
        if owner and env.get("MAF_HOME") == str(home) and agent in (None, owner):
            found.append((owner, process))
    return found


async def end(process: Process) -> bool:
    """TERM, then KILL; True when it is gone. Somebody else's process that took the number over is left alone."""
    for number, patience in ((signal.SIGTERM, TERM_S), (signal.SIGKILL, 1.0)):
        if not _same(process):
            return True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)
            os.kill(process.pid, signal.SIGCONT)
        if await gone(process, patience):
            return True
    return not _same(process)


async def gone(process: Process, seconds: float) -> bool:
    """Whether it ends by itself within so many seconds."""
    for _ in range(max(1, int(seconds / 0.1))):
        if not _same(process):
            return True
        await asyncio.sleep(0.1)
    return not _same(process)


async def make_way(home: Path, agent: str, panes: Collection[int]) -> None:
    """Once its pane is gone: no former CLI of this agent may still hold its conversation, or be found as left over."""
    processes = await asyncio.to_thread(scan)
    for _, process in await asyncio.to_thread(orphans, processes, home=home, panes=panes, agent=agent):
        if not await gone(process, LEAVE_S):
            await end(process)


def _same(process: Process) -> bool:
    now = scan_only([process.pid]).get(process.pid)
    return now is not None and now.starttime == process.starttime and now.state not in ("Z", "X")

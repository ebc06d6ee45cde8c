"""Holding agents where they are: SIGSTOP for a CLI and all that it started, SIGCONT to go on.

Never for the pane's own process: tmux continues a stopped one at once, with its whole group. An interactive shell as
parent would take the terminal and then the next paste (measured: tmux 3.3a, bash), so what sits in one is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Mapping, Sequence

from bot.agents.registry import Registry
from bot.agents.state.watch import Look, Watch
from bot.clis.model import State
from bot.errors import MafError, Refused
from bot.tmux.processes import Process, descendants, scan

SEEN_S = 3.0


class Hold:
    """Freezes and thaws."""

    def __init__(self, registry: Registry, watch: Watch) -> None:
        self._registry = registry
        self._watch = watch

    async def freeze(self, agent_id: str) -> None:
        """Raises NotFound, Refused (it does not run, its pane cannot be frozen), TmuxGone."""
        look = await self._look(agent_id)
        if look.view.state is State.FROZEN:
            return
        targets = await self._targets(look)
        for process in targets:  # the CLI first, so that it starts nothing more
            _send(process, signal.SIGSTOP)
        await self._until(agent_id, frozen=True)

    async def thaw(self, agent_id: str) -> None:
        """Raises NotFound, Refused (it does not run), TmuxGone."""
        look = await self._look(agent_id)
        for process in reversed(await self._targets(look)):
            _send(process, signal.SIGCONT)
        await self._until(agent_id, frozen=False)

    async def all(self, *, frozen: bool) -> tuple[list[str], dict[str, str]]:
        """Freeze or thaw every agent that runs. -> (those it was done to, reasons by id of those it could not be)"""
        looks = await self._watch.look()
        running = [look.view.id for look in looks.values() if look.clis]
        if not frozen:
            running = [name for name in running if looks[name].view.state is State.FROZEN]
        work = self.freeze if frozen else self.thaw
        results = await asyncio.gather(*(_tried(work(name)) for name in running))
        failed = {name: why for name, why in zip(running, results, strict=True) if why}
        return [name for name in running if name not in failed], failed

    async def _look(self, agent_id: str) -> Look:
        await self._registry.get(agent_id)
        look = (await self._watch.look([agent_id]))[agent_id]
        if not look.clis or look.pane is None:
            raise Refused(f"{agent_id} is not running.")
        return look

    async def _targets(self, look: Look) -> list[Process]:
        processes = await asyncio.to_thread(scan)
        leader = look.pane.pid if look.pane is not None else 0
        return targets(processes, leader, look.clis, look.view.agent.adopted, look.view.id)

    async def _until(self, agent_id: str, *, frozen: bool) -> None:
        deadline = asyncio.get_running_loop().time() + SEEN_S
        while True:
            look = (await self._watch.look([agent_id]))[agent_id]
            if (look.view.state is State.FROZEN) == frozen:
                return
            if asyncio.get_running_loop().time() > deadline:
                raise Refused(f"{agent_id} did not {'stop' if frozen else 'go on'} within {SEEN_S:g} s.")
            await asyncio.sleep(0.05)


def targets(
    processes: Mapping[int, Process], leader: int, clis: Sequence[Process], adopted: bool, agent: str
) -> list[Process]:
    """Whom to stop, parents first. Pure. Raises Refused for a pane that would not bear it."""
    if any(process.pid == leader for process in clis):
        raise Refused(
            f"{agent} is its pane's own process, and tmux would continue it at once.",
            hint="Start it below a shell script, or let maf start it.",
        )
    front = clis[0].pgrp
    parent = processes.get(leader)
    if adopted and parent is not None and parent.pgrp != front:
        raise Refused(f"{agent} runs in your own shell, which would take the terminal from it.")
    members = {process.pid: process for cli in clis for process in descendants(processes, cli.pid)}
    # A launcher (node) between the pane's process and the CLI would notice that its child has stopped.
    for process in processes.values():
        if process.session == leader and process.pgrp == front and process.pid != leader:
            members.setdefault(process.pid, process)
    return [process for process in members.values() if process.pid != leader and process.state not in ("Z", "X")]


def _send(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process.pid, number)


async def _tried(work: Awaitable[None]) -> str:
    try:
        await work
    except MafError as error:
        return error.message
    return ""

"""Panes of more than one tmux server: our own, and that of a person whose pane was adopted ("default:%5").

A server that is not ours is spoken to only while it runs and an agent sits there: we never start one, and leave nothing
in it.
"""

from __future__ import annotations

import asyncio
import os
import socket as sockets
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from bot.tmux.control import ControlClient, TmuxGone
from bot.tmux.panes import PaneFacts, Panes, PasteResult, Screen

CONNECT_S = 1.0
LINGER_S = 10.0  # until a server on which no agent sits is let go


def split(pane: str) -> tuple[str, str]:
    """("default", "%5") of "default:%5"; ("", "%5") of a pane on our own server."""
    server, _, bare = pane.rpartition(":")
    return server, bare


def socket_path(server: str) -> Path:
    """Where tmux keeps the socket of a server of this name (tmux(1), -L); a path stays what it is."""
    if server.startswith("/"):
        return Path(server)
    return Path(os.environ.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{os.getuid()}" / server  # noqa: S108 - tmux's own


def runs(server: str) -> bool:
    """Whether a server listens there; blocks for a moment at most."""
    with sockets.socket(sockets.AF_UNIX) as client:
        client.settimeout(CONNECT_S)
        try:
            client.connect(str(socket_path(server)))
        except OSError:
            return False
    return True


async def _none() -> Collection[str]:
    return ()


def _by_server(panes: Sequence[str]) -> dict[str, list[int]]:
    """Which of these panes, by their place in the list, are on which server; "" is our own."""
    found: dict[str, list[int]] = {}
    for number, pane in enumerate(panes):
        found.setdefault(split(pane)[0], []).append(number)
    return found


class AllPanes(Panes):
    """Like Panes; a pane of another server carries that server's name in front."""

    def __init__(self, control: ControlClient) -> None:
        super().__init__(control)
        self._others: dict[str, Panes] = {}
        self._asked_at: dict[str, float] = {}
        # The other servers on which agents sit; whoever knows the agents puts its answer here.
        self.wanted: Callable[[], Awaitable[Collection[str]]] = _none

    async def close(self) -> None:
        """Let go of the other servers; our own connection belongs to whoever made it."""
        for panes in self._others.values():
            await panes.control.close()

    async def facts_of(self, server: str) -> dict[str, PaneFacts]:
        """All panes of another server by their full names; none when it does not run."""
        facts, _ = await self._look_there(server, (), 0)
        return facts

    async def facts(self) -> dict[str, PaneFacts]:
        found = await super().facts()
        wanted = set(await self.wanted())
        for server in sorted(wanted):
            found |= await self.facts_of(server)
        await self._let_go_of(self._others.keys() - wanted)
        return found

    async def _let_go_of(self, unwanted: Collection[str]) -> None:
        now = time.monotonic()
        for server in unwanted:
            if now - self._asked_at[server] > LINGER_S:
                await self._others.pop(server).control.close()

    async def look(
        self, panes: Sequence[str], *, history: int = 0, only: bool = False
    ) -> tuple[dict[str, PaneFacts], dict[str, Screen]]:
        there = {server: [split(panes[n])[1] for n in numbers] for server, numbers in _by_server(panes).items()}
        facts, screens = await super().look(there.pop("", []), history=history, only=only)
        for server, bare in there.items():
            more_facts, more_screens = await self._look_there(server, bare, history)
            facts |= more_facts
            screens |= more_screens
        return facts, screens

    async def whole(self, pane: str, *, history: int = 0) -> Screen | None:
        server, bare = split(pane)
        if not server:
            return await super().whole(bare, history=history)
        panes = await self._panes_of(server)
        return await panes.whole(bare, history=history) if panes else None

    async def paste_many(self, pastes: Sequence[tuple[str, str, str]]) -> list[PasteResult]:
        results: dict[int, PasteResult] = {}
        for server, numbers in _by_server([pane for pane, _, _ in pastes]).items():
            mine = [(split(pastes[n][0])[1], *pastes[n][1:]) for n in numbers]
            there = await self._panes_of(server) if server else None
            if not server:
                done = await super().paste_many(mine)
            elif there is not None:
                done = await there.paste_many(mine)
            else:
                done = [PasteResult(False, "gone")] * len(mine)
            results |= dict(zip(numbers, done, strict=True))
        return [results[number] for number in range(len(pastes))]

    async def press_many(
        self, panes: Sequence[str], *names: str, literal: bool = False, shows: Sequence[str] = ()
    ) -> list[PasteResult]:
        results: dict[int, PasteResult] = {}
        for server, numbers in _by_server(panes).items():
            there = await self._panes_of(server) if server else None
            bare = [split(panes[number])[1] for number in numbers]
            if not server:
                done = await super().press_many(bare, *names, literal=literal, shows=shows)
            elif there is not None:
                done = await there.press_many(bare, *names, literal=literal, shows=shows)
            else:
                done = [PasteResult(False, "gone")] * len(bare)
            results |= dict(zip(numbers, done, strict=True))
        return [results[number] for number in range(len(panes))]

    async def set_option(self, pane: str, name: str, value: str) -> bool:
        server, bare = split(pane)
        if not server:
            return await super().set_option(bare, name, value)
        return False  # nothing of a person's own server is changed

    async def _look_there(
        self, server: str, bare: Sequence[str], history: int
    ) -> tuple[dict[str, PaneFacts], dict[str, Screen]]:
        panes = await self._panes_of(server)
        if panes is None:
            return {}, {}
        try:
            facts, screens = await panes.look(bare, history=history)
        except TmuxGone:
            return {}, {}  # it went away while we asked
        named = {f"{server}:{pane}": replace(one, pane=f"{server}:{pane}") for pane, one in facts.items()}
        return named, {f"{server}:{pane}": screen for pane, screen in screens.items()}

    async def _panes_of(self, server: str) -> Panes | None:
        self._asked_at[server] = time.monotonic()
        known = self._others.get(server)
        if known is not None and known.control.alive:
            return known
        if not await asyncio.to_thread(runs, server):
            return None
        if known is None:
            known = self._others[server] = Panes(ControlClient(server, guest=True))
        return known

"""Agents that a person wants moved as soon as they are idle. The wishes are kept, so that a restart forgets none."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from bot.agents.registry import Registry
from bot.agents.state.watch import Watch
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import MafError, NotFound
from bot.fleet.move import Move, NotIdle
from bot.fleet.rotation import Rotation
from bot.notices import post
from bot.store import Store, setting

log = logging.getLogger(__name__)

KEY = "rotation.wishes"
KEPT_S = 6 * 3600.0
NOTICE = "wish"


class Wishes:
    """Who is to be moved, by whose wish, and when it was asked."""

    def __init__(self, store: Store, clock: Clock, *, registry: Registry, rotation: Rotation, watch: Watch) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self._rotation = rotation
        self._watch = watch
        self._held: dict[str, dict[str, Any]] | None = None
        self._changing = asyncio.Lock()

    async def add(self, agent: str, by: str, off: str) -> None:
        """Move it off the profile `off` when it is idle."""
        async with self._changing:
            held = {**await self._read(), agent: {"by": by, "at": self._clock.now().timestamp(), "off": off}}
            async with self._store.begin() as tx:
                await setting.put(tx, KEY, held)
            self._held = held

    async def tick(self) -> list[Move]:
        """Grant the wishes of those that are idle now; say which cannot be granted."""
        moves = []
        for agent, wish in list((await self._read()).items()):
            if not await self._open(agent, wish):
                await self.forget(agent)
                continue
            if self._clock.now().timestamp() - float(wish["at"]) > KEPT_S:
                await self.forget(
                    agent, f"{agent} stays on {wish['off']}: it was not idle for {KEPT_S / 3600:.0f} hours."
                )
                continue
            look = self._watch.last(agent)
            if look is None or look.view.state not in (State.IDLE, State.LIMITED):
                continue
            try:
                moves.append(await self._rotation.rotate(agent, str(wish["by"]), reason="asked for"))
            except NotIdle:
                continue
            except MafError as error:
                log.warning("%s was not moved: %s", agent, error.message)
                await self.forget(agent, error.message)
            else:
                await self.forget(agent)
        return moves

    async def _open(self, agent: str, wish: dict[str, Any]) -> bool:
        try:
            return (await self._registry.get(agent)).profile == str(wish["off"])
        except NotFound:
            return False

    async def _read(self) -> dict[str, dict[str, Any]]:
        if self._held is None:
            async with self._store.begin() as tx:
                held: dict[str, dict[str, Any]] = await setting.get(tx, KEY, {})
            self._held = held
        return self._held

    async def forget(self, agent: str, why: str = "") -> None:
        """It was granted, or never will be: then with the reason, for the person was told that it would move."""
        if agent not in await self._read():
            return
        async with self._changing:
            held = {name: wish for name, wish in (await self._read()).items() if name != agent}
            async with self._store.begin() as tx:
                await setting.put(tx, KEY, held)
                if why:
                    await post(tx, NOTICE, {"agent": agent, "why": why})
            self._held = held

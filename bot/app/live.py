"""Messages that follow what they show: boards, screens that are watched, and which agent a notice is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select

from bot.broadcast.survey import plan_agent
from bot.clock import iso
from bot.notices import post, touch
from bot.notices.live import PINNED, Followed
from bot.operations import Services
from bot.operations.board import read, signature, watched
from bot.store.tables import DeliveryRow, OutboxRow
from bot.work.routing import fits

# A board on which only the ages have changed is written again this often, and only for a while after it was asked for.
AGES_S, AGES_FOR = 60.0, timedelta(minutes=30)
FOLLOW_AGAIN = timedelta(hours=24)


async def begin(services: Services) -> None:
    """Boards go on where they stood; what was watched live before a restart is not live any more."""
    now = services.clock.now()
    newest = (
        select(OutboxRow)
        .where(OutboxRow.kind.in_(["agents", "watch"]))
        .where(or_(OutboxRow.created_at > now - FOLLOW_AGAIN, OutboxRow.data[PINNED].as_boolean()))
        .where(OutboxRow.status.not_in(["failed", "ended"]), OutboxRow.key.is_not(None), OutboxRow.chat_id.is_not(None))
        .order_by(OutboxRow.id)
    )
    async with services.store.begin() as tx:
        for row in list(await tx.scalars(newest)):
            if row.key is None or row.chat_id is None:
                continue
            if row.kind == "agents":
                services.live.follow("agents", row.key, row.chat_id, about=PINNED if row.data.get(PINNED) else "")
            elif not row.data.get("over"):
                await post(tx, "watch", {**row.data, "over": True}, chat_id=row.chat_id, key=row.key)
        for board in services.live.of("agents"):
            await touch(tx, board.key)


async def about(services: Services, kind: str, data: Mapping[str, Any]) -> str | None:
    """The one agent that a notice is about; None for what is about several, or about none."""
    if isinstance(agent := data.get("agent"), str):
        return agent
    if kind == "delivery":
        async with services.store.begin() as tx:
            row = await tx.get(DeliveryRow, str(data.get("delivery")))
        return row.agent if row is not None else None
    if kind in ("permission", "permission_reminder", "permission_text"):
        asking = {ask.agent for ask in await services.permissions.of_card(str(data.get("card")))}
        return asking.pop() if len(asking) == 1 else None
    return None


class LiveMessages:
    """Has live messages rendered again when what they show has changed."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def refresh(self) -> None:
        await self._boards()
        for one in self._services.live.of("watch"):
            await self._watched(one)

    async def _boards(self) -> None:
        boards = self._services.live.of("agents")
        if not boards:
            return
        shows = signature(await read(self._services))
        now = self._services.clock.monotonic()
        for one in boards:
            aged = now - one.at >= AGES_S and now - one.since < AGES_FOR.total_seconds()
            if one.shows is not None and (one.shows != shows or aged):
                await self._touch(one.key)

    async def _watched(self, one: Followed) -> None:
        services = self._services
        if one.until is not None and services.clock.now() >= one.until:
            services.live.drop(one.key)
            data = {"agent": one.about, "until": iso(one.until), "over": True}
            async with services.store.begin() as tx:
                await post(tx, "watch", data, chat_id=one.chat_id, key=one.key)
            return
        if one.shows is not None and watched(services.watch.last(one.about)) != one.shows:
            await self._touch(one.key)

    async def _touch(self, key: str) -> None:
        """Have it rendered again; one that has ended is not followed any more."""
        async with self._services.store.begin() as tx:
            there = await touch(tx, key)
        if not there:
            self._services.live.drop(key)

    async def find_work(self) -> None:
        """For which agents is there a bead that nobody holds? Asked only while somebody looks at a board."""
        services = self._services
        if not services.live.of("agents"):
            return
        views = services.watch.views()
        tasks = await services.book.gather([view.agent.workdir for view in views])
        async with services.store.begin() as tx:
            active = await services.packs.active(tx)
        pack = services.packs.get(active)
        held = {(claim.repo, claim.bead) for claim in await services.claims.all_open()}
        free = [bead for bead in tasks.ready if (bead.repo, bead.id) not in held]
        agents = [plan_agent(view, tasks) for view in views]
        services.ready_for = frozenset(a.id for a in agents if any(fits(a, bead, pack) is None for bead in free))

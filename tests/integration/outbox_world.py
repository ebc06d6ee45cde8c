"""The outbox between a store and the sandbox, for tests: started and stopped as they like."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.utils.formatting import Bold, Text
from PIL import Image
from sqlalchemy import select

from bot.clock import SystemClock
from bot.notices import Bell, post
from bot.store import Store
from bot.store.tables import OutboxRow
from bot.telegram.card import Document, Message, RenderContext, text_data
from bot.telegram.keyboards import Button
from bot.telegram.outbox import Outbox
from bot.telegram.people import Access
from tests.patience import PATIENCE_S

from .sandbox_client import Client

COUNTS: dict[str, int] = {}


async def counting_card(data: Mapping[str, Any], context: RenderContext) -> Message:
    """Shows how often it was rendered: what an edit must show is the newest state, not the one of its posting."""
    return Message(Text("count ", Bold(str(COUNTS[str(data["name"])]))), [[Button("Tap", "t:1")]])


async def broken_card(data: Mapping[str, Any], context: RenderContext) -> Message:
    raise KeyError("broken on purpose")


class World:
    """A store, a sandbox and an outbox between them, which can be stopped and started again."""

    def __init__(self, store: Store, client: Client) -> None:
        self.store = store
        self.client = client
        self.owner = client.sandbox.owner
        self.supervisor: int | None = self.owner
        self.chosen: int | None = None  # as by MAF_SUPERVISOR_CHAT
        self.quiet: tuple[time, time] | None = None

    @asynccontextmanager
    async def outbox(self) -> AsyncIterator[Outbox]:
        session = AiohttpSession(api=TelegramAPIServer.from_base(self.client.sandbox.origin))
        bot = Bot(self.client.sandbox.token, session=session)
        outbox = Outbox(
            self.store,
            bot,
            {"count": counting_card, "broken": broken_card, "file": file_card},
            supervisor_chat=self._supervisor,
            clock=SystemClock(),
            bell=Bell(self.store),
            zone=ZoneInfo("UTC"),
            quiet_hours=self.quiet,
        )
        task = asyncio.create_task(outbox.run())
        try:
            yield outbox
        finally:
            await outbox.stop()
            await task
            await bot.session.close()

    async def post(self, text: str, **more: Any) -> int:
        async with self.store.begin() as tx:
            return await post(tx, "text", text_data(text), **{"chat_id": self.owner, **more})

    async def rows(self) -> list[OutboxRow]:
        async with self.store.begin() as tx:
            return list(await tx.scalars(select(OutboxRow).order_by(OutboxRow.id)))

    async def texts(self, count: int, within: float = PATIENCE_S) -> list[str]:
        """The bot's messages, once there are `count`."""
        messages = await self.client.until(lambda ms: len(ms) >= count, within=within)
        return [m["text"] for m in messages]

    async def settled(self, row_id: int, status: str, within: float = PATIENCE_S) -> OutboxRow:
        async with asyncio.timeout(within):
            while True:
                row = next(r for r in await self.rows() if r.id == row_id)
                if row.status == status:
                    return row
                await asyncio.sleep(0.05)

    async def _supervisor(self) -> int | None:
        if self.chosen is not None:
            return await Access(self.store, SystemClock()).supervisor_chat(self.chosen)
        return self.supervisor


async def file_card(data: Mapping[str, Any], context: RenderContext) -> Message:
    drawn = io.BytesIO()
    Image.new("RGB", (20, 10), "navy").save(drawn, "PNG")
    if data["kind"] == "photo":
        return Message(Text("A chart"), photo=drawn.getvalue())
    return Message(Text("x" * 1100), document=Document("a.log", b"lines"))

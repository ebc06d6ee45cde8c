"""What the outbox keeps of an error holds no token: Telegram has it in the path of every request."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiohttp import web
from sqlalchemy import select

from bot.clock import SystemClock
from bot.notices import Bell, post
from bot.store import Store
from bot.store.tables import OutboxRow
from bot.telegram.card import text_data
from bot.telegram.outbox import Outbox
from tests.patience import PATIENCE_S

TOKEN = "123456789:" + "a" * 35


async def around(request: web.Request) -> web.Response:
    raise web.HTTPTemporaryRedirect(request.path)


async def nowhere() -> None:
    return None


async def test_a_proxy_that_sends_us_in_a_circle_leaves_no_token_in_the_row(store: Store) -> None:
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", around)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with store.begin() as tx:
        await post(tx, "text", text_data("hello"), chat_id=7)
    bot = Bot(TOKEN, session=AiohttpSession(api=TelegramAPIServer.from_base(origin)))
    outbox = Outbox(
        store, bot, {}, supervisor_chat=nowhere, clock=SystemClock(), bell=Bell(store), zone=ZoneInfo("UTC")
    )
    task = asyncio.create_task(outbox.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with store.begin() as tx:
                    row = (await tx.scalars(select(OutboxRow))).one()
                if "TooManyRedirects" in row.last_error:
                    break
                await asyncio.sleep(0.05)
    finally:
        await outbox.stop()
        await task
        await bot.session.close()
        await runner.cleanup()
    assert "[token]" in row.last_error and TOKEN not in row.last_error

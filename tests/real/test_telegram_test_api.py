"""Our Telegram side on a fake Bot API that somebody else wrote (telegram-test-api, npm), and the same on our sandbox.

One scenario, two servers: a command is answered with a button, a tap edits that message. Its two known gaps: getMe
lacks `is_bot`, so the bot is told who it is; callback queries lack `chat_instance`, which is patched in as it starts.
Its getUpdates answers at once, so a pause goes before each call.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command
from aiogram.methods import GetUpdates
from aiogram.types import CallbackQuery, User
from aiogram.types import Message as TgMessage
from aiogram.utils.formatting import Bold, Text

from bot.clock import SystemClock
from bot.notices import Bell, post
from bot.store import Store
from bot.store.tables import Base
from bot.telegram.access import command_of
from bot.telegram.callbacks import DraftTap
from bot.telegram.card import text_data
from bot.telegram.keyboards import Button
from bot.telegram.outbox import Outbox
from tests.integration.sandbox_client import Client, running
from tests.real.installed import REAL, need, why_missing

PACKAGE = REAL / "node" / "node_modules" / "telegram-test-api"
TOKEN = "700000001:" + "x" * 35
USER = 1001
# Once it listens it says so; `chat_instance` is what its callback queries lack.
START = """
const Server = require(process.argv[1]);
const plain = Server.formatUpdate;
Server.formatUpdate = (update) => {
  const made = plain.call(Server, update);
  if (made.callback_query) made.callback_query.chat_instance = '1';
  return made;
};
const server = new Server({ host: '127.0.0.1', port: Number(process.argv[2]) });
server.start().then(() => console.log('listening'));
"""


class Side(Protocol):
    """A person on some server."""

    origin: str
    token: str

    async def command(self, text: str) -> None: ...

    async def tap(self, message_id: int, label: str, data: str) -> None: ...

    async def shown(self) -> list[tuple[int, str, list[str]]]:
        """The bot's messages: id, text, labels of the buttons."""
        ...


class Theirs:
    def __init__(self, origin: str, session: aiohttp.ClientSession) -> None:
        self.origin, self.token, self.session = origin, TOKEN, session
        who = {"id": USER, "first_name": "You", "is_bot": False}
        self.common = {
            "from": who,
            "chat": {"id": USER, "first_name": "You", "type": "private"},
            "date": int(time.time()),
        }

    async def command(self, text: str) -> None:
        entities = [{"type": "bot_command", "offset": 0, "length": len(text)}]
        await self._post("/sendCommand", {**self.common, "botToken": TOKEN, "text": text, "entities": entities})

    async def tap(self, message_id: int, label: str, data: str) -> None:
        message = {**self.common, "message_id": message_id, "text": label}
        await self._post("/sendCallback", {**self.common, "botToken": TOKEN, "message": message, "data": data})

    async def shown(self) -> list[tuple[int, str, list[str]]]:
        history = (await self._post("/getUpdatesHistory", {"token": TOKEN}))["result"]
        sent = [u for u in history if "chat_id" in u.get("message", {})]
        return [(u["messageId"], u["message"]["text"], _labels(u["message"].get("reply_markup"))) for u in sent]

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self.session.post(self.origin + path, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


class Ours:
    def __init__(self, client: Client) -> None:
        self.client, self.origin, self.token = client, client.sandbox.origin, client.sandbox.token

    async def command(self, text: str) -> None:
        await self.client.say(text)

    async def tap(self, message_id: int, label: str, data: str) -> None:
        await self.client.press(message_id, label)

    async def shown(self) -> list[tuple[int, str, list[str]]]:
        messages = (await self.client.messages())["messages"]
        bots = [m for m in messages if m["from"]["is_bot"]]
        return [(m["message_id"], m["text"], [b["label"] for row in m["buttons"] for b in row]) for m in bots]


def _labels(markup: Any) -> list[str]:
    return [b["text"] for row in (markup or {}).get("inline_keyboard", []) for b in row]


@asynccontextmanager
async def their_server() -> AsyncIterator[Side]:
    node = need("node")
    if not PACKAGE.is_dir():
        pytest.skip(f"telegram-test-api is not there: {why_missing('telegram-test-api')}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        node, "-e", START, str(PACKAGE), str(port), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert (await asyncio.wait_for(process.stdout.readline(), 20)).strip() == b"listening"
        async with aiohttp.ClientSession() as session:
            yield Theirs(f"http://127.0.0.1:{port}", session)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def our_server() -> AsyncIterator[Side]:
    async with running() as client:
        yield Ours(client)


def dispatcher_of(store: Store) -> Dispatcher:
    """The smallest bot on our parts: the table of commands, a notice, a tap that raises its version."""
    dispatcher = Dispatcher()
    command = command_of("broadcast-targeted")
    assert command is not None

    @dispatcher.message(Command(*command.spellings))
    async def on_command(message: TgMessage) -> None:
        button = Button("✅ Send 1", DraftTap(draft="k7q2", version=1, verb="send"), style="success")
        async with store.begin() as tx:
            data = text_data(Text(Bold("Draft k7q2"), " · 1 prompt"), [[button]])
            await post(tx, "text", data, chat_id=message.chat.id, key="draft:k7q2")

    @dispatcher.callback_query(DraftTap.filter())
    async def on_tap(query: CallbackQuery, callback_data: DraftTap) -> None:
        async with store.begin() as tx:
            data = text_data(f"{callback_data.draft} v{callback_data.version}: 1 of 1 taken")
            await post(tx, "text", data, chat_id=query.from_user.id, key="draft:k7q2")
        await query.answer("Sent")

    return dispatcher


@asynccontextmanager
async def _closing(store: Store) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await store.close()


@asynccontextmanager
async def bot_on(side: Side, store: Store) -> AsyncIterator[None]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(side.origin))
    bot = Bot(side.token, session=session)
    bot._me = User(id=bot.id, is_bot=True, first_name="maf", username="maf_bot")

    async def pause(make_request: Any, bot: Bot, method: Any) -> Any:
        if isinstance(method, GetUpdates):
            await asyncio.sleep(0.2)  # a busy loop otherwise, see above
        return await make_request(bot, method)

    session.middleware(pause)
    dispatcher = dispatcher_of(store)

    async def supervisor() -> int:
        return USER

    outbox = Outbox(
        store, bot, {}, supervisor_chat=supervisor, clock=SystemClock(), bell=Bell(store), zone=ZoneInfo("UTC")
    )
    working = asyncio.create_task(outbox.run())
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False))
    try:
        yield
    finally:
        await dispatcher.stop_polling()
        await polling
        await outbox.stop()
        await working
        await session.close()


async def until(side: Side, text: str) -> tuple[int, str, list[str]]:
    """The bot's only message, once it holds `text`."""
    async with asyncio.timeout(20):
        while True:
            shown = await side.shown()
            assert len(shown) <= 1, shown
            if shown and text in shown[0][1]:
                return shown[0]
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("server", [their_server, our_server], ids=["telegram-test-api", "sandbox"])
@pytest.mark.parametrize("spelling", ["/broadcast_targeted", "/broadcast-targeted"])
async def test_a_command_a_button_an_edit(server: Any, spelling: str, tmp_path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'maf.db'}")
    async with store.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with _closing(store), server() as side, bot_on(side, store):
        await side.command(spelling)
        number, text, labels = await until(side, "Draft k7q2")
        assert (text, labels) == ("Draft k7q2 · 1 prompt", ["✅ Send 1"])
        await side.tap(number, labels[0], "d:k7q2:1:send")
        edited = await until(side, "1 of 1 taken")
        # Not the buttons: an edit without any takes them away in Telegram and here, and leaves them there over there.
        assert edited[:2] == (number, "k7q2 v1: 1 of 1 taken")

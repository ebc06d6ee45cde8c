"""A real aiogram bot on the sandbox: commands, taps, files, topics, drafts, and what it makes of a refusal."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramRetryAfter
from aiogram.filters import Command
from aiogram.types import BotCommand, BufferedInputFile, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup
from aiogram.types import Message as TgMessage
from aiogram.utils.formatting import Bold, Text
from PIL import Image

from .sandbox_client import Client, running


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running() as client:
        yield client


@pytest.fixture
async def bot(client: Client) -> AsyncIterator[Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(client.sandbox.origin))
    async with Bot(client.sandbox.token, session=session) as bot:
        yield bot


async def test_an_aiogram_bot_lives_on_it(client: Client, bot: Bot) -> None:
    dispatcher = Dispatcher()

    @dispatcher.message(Command("broadcast_targeted", "broadcast-targeted"))
    async def on_command(message: TgMessage) -> None:
        go = InlineKeyboardButton(text="Go", callback_data="go:1", style="success")
        content = Text("Hello ", Bold("you"))
        await message.answer(**content.as_kwargs(), reply_markup=InlineKeyboardMarkup(inline_keyboard=[[go]]))

    @dispatcher.callback_query(F.data == "go:1")
    async def on_tap(query: CallbackQuery) -> None:
        assert isinstance(query.message, TgMessage)
        await query.message.edit_text("Done")
        await query.answer("Went")

    await bot.set_my_commands([BotCommand(command="broadcast_targeted", description="draft")])
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False))
    try:
        await client.say("/broadcast-targeted")
        messages = await client.until(lambda ms: len(ms) == 2)
        assert messages[1]["buttons"] == [[{"label": "Go", "data": "go:1", "style": "success"}]]
        assert messages[1]["entities"] == [{"type": "bold", "offset": 6, "length": 3}]
        pressed = await client.press(messages[1]["message_id"], "Go")
        assert pressed["answer"] == {"text": "Went", "show_alert": False}
        messages = await client.until(lambda ms: ms[1]["edits"] == 1)
        assert (messages[1]["text"], messages[1]["buttons"]) == ("Done", [])
        # The button is gone, the person's app did not know: the tap still arrives with its old data.
        await client.press(messages[1]["message_id"], "go:1")
        commands = await client.get(f"/sandbox/commands?chat={client.sandbox.owner}")
        assert [c["command"] for c in commands] == ["broadcast_targeted"]
    finally:
        await dispatcher.stop_polling()
        await polling


async def test_files(client: Client, bot: Bot) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(drawn, "PNG")
    sent = await bot.send_photo(client.sandbox.owner, BufferedInputFile(drawn.getvalue(), "a.png"), caption="A chart")
    assert sent.photo is not None and (sent.photo[-1].width, sent.photo[-1].height) == (40, 30)
    file = await bot.get_file(sent.photo[-1].file_id)
    assert file.file_path is not None
    downloaded = await bot.download_file(file.file_path)
    assert downloaded is not None and downloaded.read() == drawn.getvalue()
    document = await bot.send_document(client.sandbox.owner, BufferedInputFile(b"log", "maf.log"))
    assert document.document is not None and document.document.file_name == "maf.log"
    shown = (await client.messages())["messages"]
    async with client.session.get(client.sandbox.origin + shown[0]["photo"]["url"]) as answer:
        assert await answer.read() == drawn.getvalue()
    assert shown[0]["text"] == "A chart" and shown[1]["document"]["file_name"] == "maf.log"


async def test_topics_pins_reactions_and_drafts(client: Client, bot: Bot) -> None:
    owner = client.sandbox.owner
    topic = await bot.create_forum_topic(owner, "w1")
    message = await bot.send_message(owner, "in the topic", message_thread_id=topic.message_thread_id)
    assert message.message_thread_id == topic.message_thread_id
    assert [m["topic"] for m in (await client.messages())["messages"]] == ["w1"]
    assert await bot.pin_chat_message(owner, message.message_id)
    assert (await client.messages())["pinned"] == [message.message_id]
    assert await bot.send_message_draft(chat_id=owner, draft_id=1, text="thinking")
    assert (await client.messages())["draft"] == "thinking"
    assert await bot.send_chat_action(owner, "typing")
    assert (await client.messages())["typing"] is True
    assert (await bot.get_chat(owner)).id == owner
    assert (await bot.get_chat_member(owner, owner)).status == "member"


async def test_aiogram_sees_the_flood_wait(client: Client, bot: Bot) -> None:
    await client.fault("429", method="sendMessage", retry_after=3)
    with pytest.raises(TelegramRetryAfter) as caught:
        await bot.send_message(client.sandbox.owner, "x")
    assert caught.value.retry_after == 3

"""Answering: what a handler says goes out as a notice, so that it is sent even if we crash now."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.types import CallbackQuery
from aiogram.utils.formatting import Text

from bot.errors import MafError
from bot.excerpt import readable
from bot.notices import kind_of, post, touch
from bot.notices.shown import Shown, just_said, on_its_way, shown
from bot.store import Store, Transaction
from bot.telegram.card import text_data
from bot.telegram.keyboards import Button
from bot.telegram.text import beginning, units
from bot.telegram.topics import TOPIC
from handlers.wording import told

log = logging.getLogger(__name__)

# Bot API 10.3, answerCallbackQuery: 0-200 characters, counted as in messages.
MAX_ALERT = 200
# A press is worth no longer wait: while Telegram hangs, the person's next message waits for this one.
ANSWER_TIMEOUT_S = 10
TOO_OLD = "That message is too old for its buttons, so nothing was done. Ask for it again."
JUST = timedelta(seconds=30)
# How long to wait for the id of a message that is on its way, and how often to look.
KNOWN_WITHIN_S, LOOK_S = 10.0, 0.1


class Say:
    """Says things in one chat; `topic` is the one of its forum topics that was written in, if any. What is said belongs
    to the person with this `tenure`."""

    def __init__(self, store: Store, chat_id: int, topic: int | None = None, tenure: int | None = None) -> None:
        self.store = store
        self.chat_id = chat_id
        self.topic = topic
        self.tenure = tenure

    async def text(self, content: Text | str, keyboard: Sequence[Sequence[Button]] = ()) -> None:
        """A plain answer."""
        await self.card("text", text_data(content, keyboard))

    async def card(
        self, kind: str, data: Mapping[str, Any], *, live: bool = False, key: str | None = None, below: bool = False
    ) -> None:
        """A message of some kind; a live one has a key under which it is rendered again. `below`: a new one, though
        another stands there with that key."""
        key = new_key(kind) if live and key is None else key
        async with self.store.begin() as tx:
            here = self._here(data)
            await post(tx, kind, here, chat_id=self.chat_id, key=key, below=below, tenure=self.tenure)

    async def once(self, key: str, content: Text | str) -> None:
        """A plain answer that is given one time in this chat, whatever asks for it again."""
        async with self.store.begin() as tx:
            if await kind_of(tx, key, self.chat_id) is None:
                await post(tx, "text", self._here(text_data(content)), chat_id=self.chat_id, key=key)

    async def error(self, error: MafError, *, again: bool = True) -> None:
        """What went wrong, and what to do. With `again` False not a second time when it was only just said: somebody
        who taps a button ten times reads it once."""
        data = self._here(text_data(told(error)))
        async with self.store.begin() as tx:
            if again or not await just_said(tx, self.chat_id, "text", data, datetime.now(UTC) - JUST):
                await post(tx, "text", data, chat_id=self.chat_id, tenure=self.tenure)

    def _here(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        return data if self.topic is None else {**data, TOPIC: self.topic}

    async def shown(self, message_id: int) -> Shown | None:
        """The notice behind one of our messages in this chat."""
        async with self._notice(message_id) as (_tx, notice):
            return notice

    async def is_over(self, message_id: int) -> bool:
        """Whether this message of ours belongs to somebody who has lost a right since."""
        async with self.store.begin() as tx:
            notice = await shown(tx, self.chat_id, message_id)
        return notice is not None and not notice.lasts

    async def refresh(self, message_id: int, **data: Any) -> None:
        """Render the message with this id again, with `data` changed."""
        async with self._notice(message_id) as (tx, notice):
            if notice is None or notice.key is None or not notice.lasts:
                return
            if data:
                await post(
                    tx, notice.kind, {**notice.data, **data}, chat_id=notice.chat_id, key=notice.key, urgent=True
                )
            else:
                await touch(tx, notice.key)

    async def turn_into(self, message_id: int, kind: str, data: Mapping[str, Any], *, was: Collection[str]) -> bool:
        """Make a message of one of the kinds `was` one of another kind; False where it is none of them (any more)."""
        async with self._notice(message_id) as (tx, notice):
            if notice is None or notice.key is None or notice.kind not in was:
                return False
            here, mine = self._here(data), self.tenure
            await post(tx, kind, here, chat_id=notice.chat_id, key=notice.key, urgent=True, tenure=mine)
            return True

    @asynccontextmanager
    async def _notice(self, message_id: int) -> AsyncIterator[tuple[Transaction, Shown | None]]:
        """The notice behind a message of this chat, and the transaction that found it. One that is not known while
        something is on its way is waited for."""
        until = time.monotonic() + KNOWN_WITHIN_S
        while True:
            async with self.store.begin() as tx:
                notice = await shown(tx, self.chat_id, message_id)
                if notice is not None or time.monotonic() > until or not await on_its_way(tx, self.chat_id):
                    yield tx, notice
                    return
            await asyncio.sleep(LOOK_S)


def new_key(kind: str) -> str:
    """For a message that is to be followed: whoever follows it does so before it is posted, and misses nothing."""
    return f"{kind}:{secrets.token_hex(6)}"


class Tap:
    """The answer to a button press: once, and soon. `answered`: it was answered already, while it waited."""

    def __init__(self, query: CallbackQuery, bot: Bot, *, answered: bool = False) -> None:
        self.query = query
        self.bot = bot
        self.answered = answered

    @property
    def message_id(self) -> int:
        """The message under which the button stands; 0 when it is gone."""
        return self.query.message.message_id if self.query.message else 0

    async def answer(self, text: str = "", *, alert: bool = False) -> bool:
        """Answer the press, with as much of `text` as fits; whether it was shown. It was not if the press was answered
        before, or is too old, or Telegram cannot be reached: none of that undoes what the press did."""
        if self.answered:
            return False
        self.answered = True
        text = readable(text)
        shown = text if fits(text) else beginning(text, MAX_ALERT - 1) + "…"
        try:
            await self.bot(self.query.answer(shown or None, show_alert=alert), request_timeout=ANSWER_TIMEOUT_S)
        except AiogramError as error:
            log.info("a button press could not be answered: %s", error)
            return False
        return True

    async def tell(self, text: str, say: Say, *, alert: bool = False) -> None:
        """What came of the press, which stands nowhere else: in its answer, or in a message where that cannot be."""
        if not fits(text) or not await self.answer(text, alert=alert):
            await say.text(text)


def fits(text: str) -> bool:
    """Whether the answer to a press can hold it."""
    return units(text) <= MAX_ALERT

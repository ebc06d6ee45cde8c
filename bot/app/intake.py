"""What comes in: each update recorded, a text that an app cut put together, and all of it handled in turn."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Hashable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.exceptions import AiogramError
from aiogram.types import Message, Update
from aiogram.types.update import UpdateTypeLookupError

from bot.errors import MafError, Refused
from bot.notices import post
from bot.operations import Services
from bot.store.patience import kept, patient
from bot.telegram import pieces, tenure
from bot.telegram.access import Role
from bot.telegram.card import text_data
from bot.telegram.inbox import Inbox
from bot.telegram.people import Access
from bot.telegram.text import units
from bot.telegram.topics import TOPIC
from bot.telegram.turns import Before, Turns, place
from handlers.middlewares import ANSWER_WITHIN_S, for_another_bot
from handlers.say import Tap

log = logging.getLogger(__name__)

# How long a long text waits for more, from its last message on: an app sends the pieces at once. After a restart
# Telegram is to be asked first.
WAIT_S, FIRST_WAIT_S = 2.0, 5.0
# What waited longer than this over a restart is not done without asking.
LATE = timedelta(minutes=5)
TOGETHER = "✂️ The rest of your text came, so it is whole now."


class LongText:
    """A text that comes in several messages, as far as it has come."""

    def __init__(self, updates: list[Update], wait: float) -> None:
        """`wait`: seconds for which more may come; not after `over`."""
        self.updates = updates
        self.collected = True  # by a turn that takes every piece; when that has ended, the next piece needs one
        self.asked = False
        self.missing = False  # a piece has come that could not be recorded; Telegram sends it again
        self._until = time.monotonic() + wait
        self._recording = 0
        self._news = asyncio.Event()

    @property
    def first(self) -> int:
        """By which it is known: the id of its first update."""
        return self.updates[0].update_id

    @property
    def messages(self) -> list[Message]:
        return [update.message for update in self.updates if update.message is not None]

    async def add(self, update: Update, record: Awaitable[bool]) -> None:
        """Take the next piece in, once it is recorded; nobody goes on without it meanwhile."""
        self._recording += 1
        self.missing = True
        try:
            if await record:
                self.updates.append(update)
                self._until = time.monotonic() + WAIT_S
            self.missing = False
        finally:
            self._recording -= 1
            self._news.set()

    def over(self) -> None:
        """The person went on to something else: no more will come."""
        self._until = 0.0
        self._news.set()

    async def complete(self) -> None:
        """Return as soon as no more is to be expected."""
        while self._recording or (pieces.may_go_on(self.updates[-1]) and time.monotonic() < self._until):
            left = None if self._recording else self._until - time.monotonic()
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)


class Intake:
    """The updates of one bot on their way to the handlers."""

    def __init__(
        self,
        services: Services,
        bot: Bot,
        dispatcher: Dispatcher,
        *,
        access: Access,
        inbox: Inbox,
        turns: Turns,
        resumed: asyncio.Event,
    ) -> None:
        """`resumed`: updates are recorded at once, and handled from then on."""
        self._services = services
        self._bot = bot
        self._dispatcher = dispatcher
        self._access = access
        self._inbox = inbox
        self._turns = turns
        self._resumed = resumed
        self._long: dict[Hashable, LongText] = {}  # the newest of each person in each chat

    async def take(self, update: Update) -> None:
        """Record it, then begin to handle it. Raises SQLAlchemyError where it could not be recorded."""
        where = place(update)
        if not await self._inbox.knows(update):
            self._turns.give(where, partial(self._handle, update, recorded=False), name=f"update {update.update_id}")
            return
        long = self._long.get(where)
        if long is not None and pieces.goes_on(long.messages, update, asked=long.asked):
            await long.add(update, self._inbox.record(self._bot.id, update, piece_of=long.first))
            if not long.collected:
                self._begin(long)
            return
        begins = pieces.may_go_on(update) and await self._is_for_us(update)
        if not await self._inbox.record(self._bot.id, update, piece_of=update.update_id if begins else None):
            return
        if long is not None and update.callback_query is None:
            self._long.pop(where).over()
        if begins:
            self._begin(LongText([update], WAIT_S))
        else:
            self._turns.give(where, partial(self._handle, update), name=f"update {update.update_id}")

    async def restore(self) -> None:
        """The texts that waited when the bot ended wait again."""
        for text in await self._inbox.waiting(self._bot.id):
            late = self._services.clock.now() - text.at > LATE
            self._begin(LongText(list(text.updates), FIRST_WAIT_S), late=late)

    async def go_on(self, first: int, user_id: int, more: str = "") -> int:
        """Handle a text that waits, as it is or with `more` behind it; how many characters. Raises Refused."""
        update = pieces.joined(await self._mine(first, user_id), more)
        if not await self._inbox.begin(self._bot.id, first):
            raise _gone()
        self._forget(first)
        self._turns.give(place(update), partial(self._handle, update), name=f"update {first}")
        return len(update.message.text or "") if update.message is not None else 0

    async def drop(self, first: int, user_id: int) -> None:
        """Do nothing with a text that waits. Raises Refused."""
        await self._mine(first, user_id)
        if not await self._inbox.drop(self._bot.id, first):
            raise _gone()
        self._forget(first)

    async def _mine(self, first: int, user_id: int) -> list[Update]:
        """The messages of a text that waits and that this person wrote."""
        found = [text for text in await self._inbox.waiting(self._bot.id) if text.updates[0].update_id == first]
        if not found:
            raise _gone()
        message = found[0].updates[0].message
        if message is None or message.from_user is None or message.from_user.id != user_id:
            raise Refused("Somebody else wrote that; only they can say whether it is all.")
        return list(found[0].updates)

    def _begin(self, long: LongText, *, late: bool = False) -> None:
        where = place(long.updates[0])
        self._long[where], long.collected = long, True
        self._turns.give(where, partial(self._collect, long, late=late), name=f"text {long.first}")

    def _forget(self, first: int) -> None:
        self._long = {where: long for where, long in self._long.items() if long.first != first}

    async def _is_for_us(self, update: Update) -> bool:
        """Whether somebody who is let in speaks to this bot: nobody else's text waits, or is asked about."""
        message = update.message
        if message is None or message.from_user is None:
            return False
        try:
            if await for_another_bot(message, self._bot):
                return False
        except AiogramError as error:  # our own name is not known yet; for half a text it is better to wait
            log.info("whether a text is for this bot cannot be told: %s", error)
        replied = message.reply_to_message
        to_us = replied is not None and replied.from_user is not None and replied.from_user.is_bot
        if message.chat.type != "private" and not to_us and not (message.text or "").startswith("/"):
            return False
        return await self._access.role_of(message.from_user.id) is not Role.NOBODY

    async def _collect(self, long: LongText, before: Before, *, late: bool = False) -> None:
        """Wait for the rest of a text. What may be only a half is asked about, and never handled by itself."""
        await self._resumed.wait()
        if before is not None:
            await asyncio.wait({before})
        await long.complete()
        long.collected = False
        if late or long.missing or pieces.is_full(long.messages[-1]):
            long.asked = True
            await kept(lambda: self._ask(long, late=late))
            return
        self._forget(long.first)
        if await kept(lambda: self._inbox.begin(self._bot.id, long.first)):
            whole = pieces.joined(long.updates)
            if long.asked:
                await kept(lambda: self._say(long, "text", text_data(TOGETHER)))
            await self._handle(whole, None)

    async def _ask(self, long: LongText, *, late: bool) -> None:
        author = long.messages[0].from_user
        if author is None or await self._access.role_of(author.id) is Role.NOBODY:
            await self._inbox.drop(self._bot.id, long.first)
            return
        size = sum(units(one.text or "") for one in long.messages)
        await self._say(long, "rest", {"first": long.first, "size": size, "late": late})

    async def _say(self, long: LongText, kind: str, data: Mapping[str, Any]) -> None:
        """In the message that asks for the rest of this text."""
        message = long.messages[0]
        topic = {TOPIC: message.message_thread_id} if message.is_topic_message else {}
        chat, key = message.chat.id, f"rest:{long.first}"
        async with self._services.store.begin() as tx:
            mine = await tenure.of(tx, message.from_user.id if message.from_user is not None else None)
            await post(tx, kind, {**data, **topic}, chat_id=chat, key=key, urgent=True, tenure=mine)

    async def _handle(self, update: Update, before: Before, *, recorded: bool = True) -> None:
        """In the order of asking: "/skip w1" just before "/apply" must count."""
        await self._resumed.wait()
        answered = before is not None and await self._waited(update, before)
        try:
            if is_known(update):
                with patient(False):
                    await self._dispatcher.feed_update(self._bot, update, answered=answered)
        except MafError as error:
            log.warning("update %s: %s", update.update_id, error.message)
        except Exception:  # The edge of the process: one update must not end the bot.
            log.exception("update %s failed", update.update_id)
        if recorded:
            await kept(lambda: self._inbox.handled(self._bot.id, update.update_id))

    async def _waited(self, update: Update, before: asyncio.Task[None]) -> bool:
        """Wait for the turn of an update; True if a press was answered meanwhile, as its button must not hang."""
        await asyncio.wait({before}, timeout=ANSWER_WITHIN_S)
        answer = not before.done() and update.callback_query is not None
        if answer and update.callback_query is not None:
            await Tap(update.callback_query, self._bot).answer()
        await asyncio.wait({before})
        return answer


def is_known(update: Update) -> bool:
    """Whether it is of a type that aiogram knows. What could not be read is of none (bot.telegram.inbox.readable), nor
    is what a newer Bot API sends; the dispatcher would print the whole of it."""
    try:
        return bool(update.event_type)
    except UpdateTypeLookupError:
        return False


def _gone() -> Refused:
    return Refused("That text does not wait any more.")

"""Forum topics: in a chat that has them, what is about one agent goes into that agent's topic, and who writes in a
topic is answered there.

Bot API 10.3: `is_forum` of getChat; createForumTopic needs the right to manage topics. A chat without topics, or one in
which the bot may not make them, is written to as ever.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest

from bot.clock import Clock
from bot.store import Store, setting
from bot.telegram.refusals import about

log = logging.getLogger(__name__)

# Seconds for which an answer to "does this chat have topics, and may we write there" is believed.
ASK_AGAIN_S = 600.0
TIMEOUT_S = 30

# In the data of a notice: the id of the topic that was written in.
TOPIC = "topic"

About = Callable[[str, Mapping[str, Any]], Awaitable[str | None]]


class Topics:
    """Which topic belongs to which agent, by chat; kept in the store, for a topic cannot be found again by its name."""

    def __init__(self, store: Store, bot: Bot, clock: Clock, about: About) -> None:
        self._store = store
        self._bot = bot
        self._clock = clock
        self._about = about
        self._forums: dict[int, tuple[bool, float]] = {}
        self._shut: dict[tuple[int, int], float] = {}

    async def of(self, chat_id: int, kind: str, data: Mapping[str, Any]) -> int | None:
        """The topic for a notice of this kind; None where it belongs to the whole chat. Makes the topic if need be."""
        written_in = data.get(TOPIC)
        if isinstance(written_in, int) and self._open(chat_id, written_in):
            return written_in
        if chat_id > 0 or not await self._is_forum(chat_id):
            return None
        agent = await self._about(kind, data)
        if agent is None:
            return None
        known = await self._known(chat_id)
        if agent in known:
            return known[agent] if self._open(chat_id, known[agent]) else None
        try:
            made = await self._bot.create_forum_topic(chat_id, name=agent[:128], request_timeout=TIMEOUT_S)
        except TelegramBadRequest as error:
            log.warning("chat %s: no topic for %s: %s", chat_id, agent, error.message)
            self._forums[chat_id] = (False, self._clock.monotonic())
            return None
        await self._keep(chat_id, {**known, agent: made.message_thread_id})
        return made.message_thread_id

    async def refused(self, chat_id: int, topic: int, error: TelegramBadRequest) -> bool:
        """Whether the topic is why a message was refused: then it is not written into for a while. One that somebody
        deleted is made again by the next message about its agent; one that was closed is not."""
        if about(error) != "topic":
            return False
        deleted = "TOPIC_CLOSED" not in error.message
        self._shut[chat_id, topic] = self._clock.monotonic()
        if deleted:
            known = await self._known(chat_id)
            await self._keep(chat_id, {agent: one for agent, one in known.items() if one != topic})
        return True

    def look_again(self, chat_id: int) -> None:
        """What was found out about this chat may be otherwise now."""
        self._forums.pop(chat_id, None)
        for place in [place for place in self._shut if place[0] == chat_id]:
            del self._shut[place]

    def _open(self, chat_id: int, topic: int) -> bool:
        return self._clock.monotonic() - self._shut.get((chat_id, topic), float("-inf")) >= ASK_AGAIN_S

    async def _is_forum(self, chat_id: int) -> bool:
        known, at = self._forums.get(chat_id, (False, float("-inf")))
        if self._clock.monotonic() - at < ASK_AGAIN_S:
            return known
        try:
            chat = await self._bot.get_chat(chat_id, request_timeout=TIMEOUT_S)
        except AiogramError as error:
            log.info("chat %s could not be asked for topics: %s", chat_id, error)
            return known
        self._forums[chat_id] = (bool(chat.is_forum), self._clock.monotonic())
        return bool(chat.is_forum)

    async def _known(self, chat_id: int) -> dict[str, int]:
        async with self._store.begin() as tx:
            return await setting.get(tx, f"topics:{chat_id}", {})

    async def _keep(self, chat_id: int, topics: dict[str, int]) -> None:
        async with self._store.begin() as tx:
            await setting.put(tx, f"topics:{chat_id}", topics)

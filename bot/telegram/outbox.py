"""The outbox worker: the one place that sends and edits messages.

Each chat has a lane of its own, so that a chat which Telegram slows down slows no other. In a lane new messages go out
in the order of their rows; live messages are edited in between, only ever to their newest version.

A message counts as sent when Telegram said so. One whose answer was lost is sent again and says that it may be a
repeat: losing it would be worse, and the Bot API has no way to ask. What a chat does not take now waits for it, see
bot.telegram.closed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, time
from typing import Protocol
from zoneinfo import ZoneInfo

from aiogram import Bot

from bot.clock import Clock
from bot.store import Store
from bot.store.complaint import Complaint
from bot.telegram.card import Card, text_card
from bot.telegram.closed import WHOLE, ClosedChats
from bot.telegram.lane import Lane
from bot.telegram.outbox_rows import OutboxRows
from bot.telegram.topics import Topics

log = logging.getLogger(__name__)

POLL_S = 1.0


class Rings(Protocol):
    """What the worker needs of bot.notices.Bell, which lies above this layer."""

    def ring(self) -> None: ...

    async def wait(self, timeout: float) -> bool: ...


class Outbox:
    """Sends what is due until it is stopped. Everything it knows survives a restart in the rows."""

    def __init__(
        self,
        store: Store,
        bot: Bot,
        cards: Mapping[str, Card],
        *,
        supervisor_chat: Callable[[], Awaitable[int | None]],
        clock: Clock,
        bell: Rings,
        zone: ZoneInfo,
        quiet_hours: tuple[time, time] | None = None,
        topics: Topics | None = None,
    ) -> None:
        self.store = store
        self.bot = bot
        self.cards: dict[str, Card] = {"text": text_card, **cards}
        self.supervisor_chat = supervisor_chat
        self.clock = clock
        self.bell = bell
        self.zone = zone
        self.quiet_hours = quiet_hours
        self.topics = topics
        self.rows = OutboxRows(store)
        self.closed = ClosedChats(store)
        # (chat, topic) that is closed: when the next message is tried there.
        self.shut: dict[tuple[int, int], datetime] = {}
        self.notice = asyncio.Lock()  # around each for the supervisors' chat
        self.stopping = asyncio.Event()
        self._lanes: dict[int, Lane] = {}
        self._complaint = Complaint(log, "the outbox cannot read its rows and tries again")

    async def run(self) -> None:
        """Work until `stop`."""
        work = self._begin
        while not self.stopping.is_set():
            try:
                await work()
            except Exception as error:  # The edge of the worker: without it nobody hears anything any more.
                self._complaint.say(error)
            else:
                work = self._wake_lanes
                self._complaint.over()
            await self.bell.wait(POLL_S)

    async def stop(self, timeout: float = 10.0) -> None:
        """Finish the calls that are under way, begin no new one."""
        self.stopping.set()
        self.bell.ring()
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for lane in self._lanes.values():
            lane.wake.set()
        if tasks:
            _done, late = await asyncio.wait(tasks, timeout=timeout)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def try_again(self, chat_id: int, *, surely: bool = False) -> None:
        """Something came from this chat: if it is closed it may be open again, or (`surely`) is."""
        if any(chat == chat_id for chat, _ in self.shut):
            await self.closed.try_now(chat_id, self.clock.now(), surely=surely)
            if surely and self.topics is not None:
                self.topics.look_again(chat_id)
            self.bell.ring()

    async def _begin(self) -> None:
        """The supervisors' chat is tried at once: its settings, or ours, may have been set right."""
        self.shut = await self.closed.known()
        chat_id = await self.supervisor_chat()
        if chat_id is not None:
            await self.try_again(chat_id, surely=True)

    async def _wake_lanes(self) -> None:
        now = self.clock.now()
        self.shut = await self.closed.known()
        for found in await self.rows.chats_due(now):
            chat_id = found if found is not None else await self.supervisor_chat()
            if chat_id is None or self.shut.get((chat_id, WHOLE), now) > now:
                continue  # nobody has paired yet, or it cannot be written to: it waits
            lane = self._lanes.setdefault(chat_id, Lane(self, chat_id))
            lane.wake.set()
            if lane.task is None or lane.task.done():
                lane.task = asyncio.create_task(lane.run(), name=f"outbox {chat_id}")

"""The outbox worker: the one place that sends and edits messages.

Each chat has a lane of its own, so that a chat which Telegram slows down slows no other. In a lane new messages go out
in the order of their rows; live messages are edited in between, only ever to their newest version.

A message counts as sent when Telegram said so. One whose answer was lost is sent again and says that it may be a
repeat: losing it would be worse, and the Bot API has no way to ask.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.utils.formatting import Italic, Text

from bot.clock import Clock
from bot.errors import MafError
from bot.store import Store
from bot.store.complaint import Complaint
from bot.store.patience import kept
from bot.store.tables import OutboxRow
from bot.telegram.card import Card, Message, RenderContext, text_card
from bot.telegram.outbox_rows import NO_ANSWER, OutboxRows
from bot.telegram.pace import Pace, backoff, steps_aside
from bot.telegram.quiet import quiet_until
from bot.telegram.topics import Topics
from bot.telegram.wire import Verdict, deliver, parts_of, verdict

log = logging.getLogger(__name__)

POLL_S = 1.0
REPEAT = "↻ Maybe a repeat: the first try got no answer."


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

    async def revive(self, chat_id: int, within: timedelta = timedelta(hours=24)) -> int:
        """The person unblocked the bot: what they missed goes out after all; how many messages."""
        count = await self.rows.revive(chat_id, self.clock.now(), within)
        self.bell.ring()
        return count

    async def _begin(self) -> None:
        """What the supervisor chat missed lately is tried once more: which chat that is may have been set right."""
        chat_id = await self.supervisor_chat()
        if chat_id is not None:
            await self.revive(chat_id)

    async def _wake_lanes(self) -> None:
        for found in await self.rows.chats_due(self.clock.now()):
            chat_id = found if found is not None else await self.supervisor_chat()
            if chat_id is None:
                continue  # nobody has paired yet: it waits
            lane = self._lanes.setdefault(chat_id, Lane(self, chat_id))
            lane.wake.set()
            if lane.task is None or lane.task.done():
                lane.task = asyncio.create_task(lane.run(), name=f"outbox {chat_id}")


class Lane:
    """The messages of one chat, one after another."""

    def __init__(self, outbox: Outbox, chat_id: int) -> None:
        self.outbox = outbox
        self.chat_id = chat_id
        self.pace = Pace(group=chat_id < 0, filled_at=outbox.clock.monotonic())
        self.wake = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._complaint = Complaint(log, f"messages to chat {chat_id} wait")

    async def run(self) -> None:
        """Send what is due to this chat, in order, until there is nothing more. What fails ends the run, and the
        outbox begins it again at its next look.
        """
        try:
            while not self.outbox.stopping.is_set():
                row, wait = await self._next()
                if row is not None:
                    await self._handle(row)
                    self._complaint.over()
                elif wait is None:
                    break
                else:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self.wake.wait(), wait)
                    self.wake.clear()
        except Exception as error:  # As above; with no bell, which would begin it again at once, and again.
            self._complaint.say(error)
        else:
            self.outbox.bell.ring()  # something may have come in between the last look and now

    async def _next(self) -> tuple[OutboxRow | None, float | None]:
        """The row whose turn it is, or the seconds until one's turn may come; neither if nothing is due."""
        now, clock = self.outbox.clock.now(), self.outbox.clock.monotonic()
        supervisor = await self.outbox.supervisor_chat() == self.chat_id
        rows = await self.outbox.rows.due(self.chat_id, now, supervisor=supervisor)
        quiet = quiet_until(now, self.outbox.quiet_hours, self.outbox.zone)
        waits: list[float] = []
        for row in sorted(rows, key=lambda r: (_is_edit(r), r.id)):
            if quiet and row.chat_id is None and not row.urgent and row.message_id is None:
                await self.outbox.rows.not_yet(row.id, row.last_error, quiet)
                continue
            wait = self.pace.wait(clock)
            if _is_edit(row) and not row.urgent:
                wait = max(wait, self.pace.wait_edit(row.id, clock))
            if wait <= 0:
                return row, None
            waits.append(wait)
        return None, min(waits) if waits else None

    async def _handle(self, row: OutboxRow) -> None:
        message = await self._render(row)
        if message is None:
            return
        outbox, unsure = self.outbox, row.last_error.startswith(NO_ANSWER) and not _is_edit(row)
        if unsure:
            content = Text(message.content, "\n\n", Italic(REPEAT))
            message = replace(message, content=content)
        standing = row.parts if row.sent_to == self.chat_id else []
        topic = await self._topic(row) if not standing else None
        await outbox.rows.trying(row.id)
        self.pace.called(outbox.clock.monotonic(), edited=row.id if _is_edit(row) else None)
        try:
            ids = await deliver(
                outbox.bot,
                self.chat_id,
                parts_of(message),
                standing,
                reply_to=row.reply_to,
                silent=row.silent,
                topic=topic,
                record=lambda ids, more: kept(lambda: outbox.rows.part_sent(row.id, self.chat_id, ids, more=more)),
            )
        except ValueError as error:  # pydantic: the card built something that the Bot API has no words for
            await self._give_up(row, f"cannot be sent: {error}")
        except OSError as error:
            await self._again(row, str(error), unsure=True)
        except AiogramError as error:
            if await self._only_the_topic(topic, error):
                await outbox.rows.not_yet(row.id, "")
            else:
                await self._settle(row, error, verdict(error))
        else:
            self.pace.answered()
            now = outbox.clock.now()
            await kept(lambda: outbox.rows.done(row, self.chat_id, ids, now, shown=message.shown))

    async def _only_the_topic(self, topic: int | None, error: AiogramError) -> bool:
        """Whether it can be said elsewhere in the chat."""
        topics = self.outbox.topics
        if topic is None or topics is None or not isinstance(error, TelegramBadRequest):
            return False
        return await topics.refused(self.chat_id, topic, error)

    async def _topic(self, row: OutboxRow) -> int | None:
        """Where in the chat it belongs. A chat that cannot be asked is written to as one without topics."""
        if self.outbox.topics is None:
            return None
        try:
            return await self.outbox.topics.of(self.chat_id, row.kind, row.data)
        except AiogramError as error:
            log.info("chat %s: no topic: %s", self.chat_id, error)
            return None

    async def _render(self, row: OutboxRow) -> Message | None:
        """The message as it is to look now. A card that fails takes down its own row and no other."""
        outbox = self.outbox
        context = RenderContext(
            now=outbox.clock.now(),
            zone=outbox.zone,
            store=outbox.store,
            chat_id=self.chat_id,
            key=row.key,
            editing=_is_edit(row),
        )
        try:
            message = await outbox.cards[row.kind](row.data, context)
            if message is not None and parts_of(message):
                return message
        except MafError as error:
            await self._give_up(row, f"cannot be rendered: {error}")
            return None
        except Exception as error:
            # The edge of the worker: a card that cannot be drawn must not hold up what comes after it.
            log.exception("notice %s of kind %s cannot be rendered", row.id, row.kind)
            await outbox.rows.failed(row.id, f"cannot be rendered: {type(error).__name__}: {error}")
            return None
        await outbox.rows.done(row, self.chat_id, row.parts, outbox.clock.now())  # nothing (left) to say
        return None

    async def _settle(self, row: OutboxRow, error: AiogramError, what: Verdict) -> None:
        """An attempt failed: decide what becomes of the row and of the chat."""
        rows, clock, why = self.outbox.rows, self.outbox.clock, str(error)
        if what.then == "hold":
            self.pace.refused(clock.monotonic(), what.seconds)
            await rows.not_yet(row.id, "refused for now: " + why)
            log.warning("chat %s waits %.0f s: %s", self.chat_id, what.seconds, why)
        elif what.then == "fail":
            await self._give_up(row, _reason(error))
            if what.chat_gone:
                supervisor = await self.outbox.supervisor_chat() == self.chat_id
                await rows.chat_failed(self.chat_id, _reason(error), supervisor=supervisor)
        elif what.then == "moved":
            log.warning("chat %s is a supergroup now: %s", self.chat_id, what.moved_to)
            await rows.moved(self.chat_id, what.moved_to)
            await rows.not_yet(row.id, "")
        elif what.then == "done":
            log.error("chat %s: an answer could not be read, the message counts as sent: %s", self.chat_id, why)
            await kept(lambda: rows.done(row, self.chat_id, row.parts, clock.now()))
        else:
            await self._again(row, why, unsure=what.unsure, unreachable=what.unreachable)

    async def _again(self, row: OutboxRow, why: str, *, unsure: bool, unreachable: bool = False) -> None:
        clock, tries = self.outbox.clock, row.attempts + 1
        if row.attempts == 0:
            log.warning("chat %s: no luck, will try again: %s", self.chat_id, why)
        wait = backoff(tries)
        aside = steps_aside(tries, unreachable=unreachable)
        if not aside:
            self.pace.hold(clock.monotonic(), wait)  # the whole chat waits, so that the order stays
        later = clock.now() + timedelta(seconds=wait) if aside else None
        await self.outbox.rows.not_yet(row.id, f"{NO_ANSWER}: {why}" if unsure else why, later)

    async def _give_up(self, row: OutboxRow, why: str) -> None:
        log.error("notice %s of kind %s for chat %s failed: %s", row.id, row.kind, self.chat_id, why)
        await self.outbox.rows.failed(row.id, why)


def _is_edit(row: OutboxRow) -> bool:
    return row.sent_version > 0 and row.message_id is not None


def _reason(error: AiogramError) -> str:
    """What Telegram said, without aiogram's words around it."""
    return str(getattr(error, "message", error))

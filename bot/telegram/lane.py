"""The messages of one chat, one after another: what is due is rendered, sent or edited, and what came of it written
down."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.utils.formatting import Italic, Text

from bot.errors import MafError
from bot.store.complaint import Complaint
from bot.store.patience import kept
from bot.store.tables import OutboxRow
from bot.telegram.card import Message, RenderContext
from bot.telegram.closed import GENERAL, WHOLE
from bot.telegram.outbox_rows import NO_ANSWER
from bot.telegram.pace import Pace, backoff, steps_aside
from bot.telegram.quiet import quiet_until
from bot.telegram.refusals import reason
from bot.telegram.wire import Manner, Verdict, deliver, parts_of, verdict

if TYPE_CHECKING:
    from bot.telegram.outbox import Outbox

log = logging.getLogger(__name__)

REPEAT = "↻ Maybe a repeat: the first try got no answer."
ENDED = "Not kept up to date any more: the role of who asked for it has changed."
LATER = timedelta(minutes=5)


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
        if (until := self.outbox.shut.get((self.chat_id, WHOLE))) is not None:
            if until > now:
                return None, None
            await self.outbox.closed.leave_out_old(self.chat_id, now, supervisor=supervisor)
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
        if row.chat_id is not None:
            await self._bring(row)
            return
        # While the supervisors' chat becomes another one, two lanes have the same row.
        async with self.outbox.notice:
            now = await self.outbox.rows.still_due(row.id)
            if now is not None and await self.outbox.supervisor_chat() == self.chat_id:
                await self._bring(now)

    async def _bring(self, row: OutboxRow) -> None:
        """Have the chat show it as it is to look now."""
        ended = await self.outbox.rows.ended(row)
        if ended and (row.message_id is None or await self.outbox.rows.unread(row)):
            await self.outbox.rows.end(row.id)
            return
        message = await self._render(row)
        if message is None:
            return
        if ended:
            message = replace(message, content=Text(message.content, "\n\n", Italic(ENDED)), keyboard=(), shown=None)
        elif row.last_error.startswith(NO_ANSWER) and not _is_edit(row):
            message = replace(message, content=Text(message.content, "\n\n", Italic(REPEAT)))
        stands = row.sent_to == self.chat_id and bool(row.parts)
        topic = None if stands else await self._topic(row)
        if not stands and topic is None and await self._general_is_shut(row):
            return
        await self._send(row, message, topic, ended=ended)

    async def _send(self, row: OutboxRow, message: Message, topic: int | None, *, ended: bool) -> None:
        """Send or edit it, and write down what came of that."""
        standing = row.parts if row.sent_to == self.chat_id else []
        outbox = self.outbox
        await outbox.rows.trying(row.id)
        self.pace.called(outbox.clock.monotonic(), edited=row.id if _is_edit(row) else None)
        try:
            ids, whole = await deliver(
                outbox.bot,
                self.chat_id,
                message,
                standing,
                manner=Manner(row.reply_to, row.silent, topic),
                record=lambda ids, more: kept(lambda: outbox.rows.part_sent(row.id, self.chat_id, ids, more=more)),
            )
        except ValueError as error:  # pydantic: the card built something that the Bot API has no words for
            await self._give_up(row, f"cannot be sent: {error}")
        except OSError as error:
            await self._again(row, str(error), unsure=True)
        except AiogramError as error:
            if await self._only_the_topic(topic, error):
                await outbox.rows.not_yet(row.id, row.last_error)
            else:
                await self._settle(row, error, verdict(error))
        else:
            self.pace.answered()
            now = outbox.clock.now()
            seen = message.shown if whole else None
            await kept(lambda: outbox.rows.done(row, self.chat_id, ids, now, shown=seen, ended=ended))
            if not standing:
                await self._is_open(topic)

    async def _general_is_shut(self, row: OutboxRow) -> bool:
        """Whether it belongs to a General topic that is closed; then it waits for it."""
        until = self.outbox.shut.get((self.chat_id, GENERAL))
        if until is None or until <= self.outbox.clock.now():
            return False
        await self.outbox.rows.not_yet(row.id, row.last_error, until)
        return True

    async def _is_open(self, topic: int | None) -> None:
        """A new message went out: the chat is not closed, nor is its General topic if it stands there."""
        for place in (WHOLE, GENERAL) if topic is None else (WHOLE,):
            if self.outbox.shut.pop((self.chat_id, place), None) is not None:
                log.info("chat %s can be written to again", self.chat_id)
                await kept(partial(self.outbox.closed.open, self.chat_id, place))

    async def _close(self, row: OutboxRow, topic: int, why: str) -> None:
        """The chat, or its General topic, takes nothing now: this waits, with all that is due there."""
        outbox, now = self.outbox, self.outbox.clock.now()
        if (self.chat_id, topic) not in outbox.shut:
            where = "its General topic" if topic == GENERAL else "it"
            log.warning("chat %s: %s cannot be written to, and what is due there waits: %s", self.chat_id, where, why)
        until = await outbox.closed.close(self.chat_id, topic, why, now)
        outbox.shut[self.chat_id, topic] = until
        await outbox.rows.not_yet(row.id, row.last_error, until if topic == GENERAL else None)

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
        rows, clock, why = self.outbox.rows, self.outbox.clock, str(getattr(error, "message", error))
        if what.then == "hold":
            self.pace.refused(clock.monotonic(), what.seconds)
            await rows.not_yet(row.id, "refused for now: " + why)
            log.warning("chat %s waits %.0f s: %s", self.chat_id, what.seconds, why)
        elif what.then == "closed":
            await self._close(row, WHOLE, reason(error))
        elif what.then == "topic" and not _is_edit(row):
            await self._close(row, GENERAL, reason(error))
        elif what.then == "topic":
            await rows.not_yet(row.id, why, clock.now() + LATER)
        elif what.then == "fail":
            await self._give_up(row, why)
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

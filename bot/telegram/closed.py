"""Chats and General topics that cannot be written to now, as rows: since when, why, when the next try is due.

What is due there stays due. One message at a time finds out whether it can be sent again: at the next try, and as soon
as something comes from that chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, or_, select, update

from bot.log import without_tokens
from bot.store import Store, Transaction, rows_changed
from bot.store.tables import ClosedChatRow, OutboxRow

WHOLE, GENERAL = 0, 1
FIRST_TRY, LONGEST = timedelta(minutes=1), timedelta(minutes=30)
# Who writes into a chat that is closed to us does not have us try at each message.
AFTER_A_SIGN = timedelta(seconds=10)
# What waits longer is not sent any more: an answer is worth nothing after a day, a notice after a week.
KEEP_ANSWERS, KEEP_NOTICES = timedelta(hours=24), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Closed:
    """A chat (`topic` 0) or its General topic (1) that is closed, and what waits for it. `told` of the messages tell
    the supervisors something unasked."""

    chat_id: int
    topic: int
    reason: str
    since: datetime
    next_try: datetime
    waiting: int = 0
    told: int = 0


class ClosedChats:
    """Every method is one short transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def close(self, chat_id: int, topic: int, reason: str, now: datetime) -> datetime:
        """A message was refused; when the next one is tried. The pauses grow from a minute to half an hour."""
        async with self._store.begin() as tx:
            row = await tx.get(ClosedChatRow, (chat_id, topic))
            tries = row.tries + 1 if row is not None else 1
            next_try: datetime = now + min(FIRST_TRY * 2 ** min(tries - 1, 10), LONGEST)
            if row is None:
                row = ClosedChatRow(chat_id=chat_id, topic=topic, since=now)
                tx.add(row)
            row.reason, row.tried_at, row.tries, row.next_try = without_tokens(reason)[:500], now, tries, next_try
        return next_try

    async def known(self) -> dict[tuple[int, int], datetime]:
        """All that are closed, as (chat, topic): when the next message is tried there."""
        async with self._store.begin() as tx:
            return {(row.chat_id, row.topic): row.next_try for row in await tx.scalars(select(ClosedChatRow))}

    async def try_now(self, chat_id: int, now: datetime, *, surely: bool) -> None:
        """Something came from that chat: a sign that it may be open again, or `surely` the word that it is."""
        async with self._store.begin() as tx:
            rows = list(await tx.scalars(select(ClosedChatRow).where(ClosedChatRow.chat_id == chat_id)))
            for row in rows:
                soon = now if surely else max(now, row.tried_at + AFTER_A_SIGN)
                row.next_try = min(row.next_try, soon)
            if rows:
                held = (OutboxRow.chat_id == chat_id) | OutboxRow.chat_id.is_(None)
                await tx.execute(update(OutboxRow).where(OutboxRow.status == "due", held).values(not_before=None))

    async def open(self, chat_id: int, topic: int) -> None:
        """A message went out there: it is closed no more. What was left out meanwhile is told."""
        async with self._store.begin() as tx:
            row = await tx.get(ClosedChatRow, (chat_id, topic))
            if row is None:
                return
            await tx.delete(row)
            if row.left_out:
                older = "1 older message was" if row.left_out == 1 else f"{row.left_out} older messages were"
                words = f"⚠️ I could not write here for a while ({row.reason}). {older} left out."
                tx.add(OutboxRow(chat_id=chat_id, kind="text", data={"text": words}, created_at=datetime.now(UTC)))

    async def leave_out_old(self, chat_id: int, now: datetime, *, supervisor: bool) -> None:
        """What has waited too long for this closed chat is given up, and counted."""
        answers = (OutboxRow.chat_id == chat_id) & (OutboxRow.created_at < now - KEEP_ANSWERS)
        notices = OutboxRow.chat_id.is_(None) & (OutboxRow.created_at < now - KEEP_NOTICES)
        old = update(OutboxRow).where(
            OutboxRow.status == "due", OutboxRow.message_id.is_(None), or_(answers, notices) if supervisor else answers
        )
        async with self._store.begin() as tx:
            count = await rows_changed(tx, old.values(status="failed", last_error="waited too long for a closed chat"))
            if count:
                await tx.execute(
                    update(ClosedChatRow)
                    .where(ClosedChatRow.chat_id == chat_id, ClosedChatRow.topic == WHOLE)
                    .values(left_out=ClosedChatRow.left_out + count)
                )


async def closed_chats(tx: Transaction, supervisor: int | None) -> Sequence[Closed]:
    """All of them, the supervisor chat first, each with what waits for it."""
    rows = await tx.scalars(select(ClosedChatRow).order_by(ClosedChatRow.since))
    found = []
    for row in rows:
        unsent = (OutboxRow.status == "due", OutboxRow.message_id.is_(None))
        answers = await tx.scalar(select(func.count()).where(*unsent, OutboxRow.chat_id == row.chat_id)) or 0
        told = 0
        if row.chat_id == supervisor:
            aloud = (OutboxRow.chat_id.is_(None), OutboxRow.silent.is_(False))
            told = await tx.scalar(select(func.count()).where(*unsent, *aloud)) or 0
        found.append(_closed(row, waiting=answers + told, told=told))
    return sorted(found, key=lambda one: one.chat_id != supervisor)


async def forget(tx: Transaction, chat_id: int) -> None:
    """This chat is no more."""
    await tx.execute(delete(ClosedChatRow).where(ClosedChatRow.chat_id == chat_id))


def _closed(row: ClosedChatRow, *, waiting: int = 0, told: int = 0) -> Closed:
    return Closed(row.chat_id, row.topic, row.reason, row.since, row.next_try, waiting, told)

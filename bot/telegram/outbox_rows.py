"""The outbox as rows: which are due, what is noted about them before and after each try."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from sqlalchemy import case, delete, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from bot.log import without_tokens
from bot.store import Store, Transaction, setting
from bot.store.tables import ChatRow, OutboxRow
from bot.telegram import tenure
from bot.telegram.chats import moved_key
from bot.telegram.closed import forget

# Stands in last_error while a call is under way. Found there later, nobody knows whether the message arrived.
NO_ANSWER = "no answer"


class OutboxRows:
    """Every method is one short transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def chats_due(self, now: datetime) -> list[int | None]:
        """Chats with something to send or edit; None stands for the supervisor chat."""
        async with self.store.begin() as tx:
            found = await tx.scalars(select(OutboxRow.chat_id).where(_due(now)).distinct())
            return list(found)

    async def due(self, chat_id: int, now: datetime, *, supervisor: bool) -> list[OutboxRow]:
        """What is due for one chat, oldest first; with the notices for the supervisor chat if this is it."""
        here = _in_chat(chat_id, supervisor)
        async with self.store.begin() as tx:
            rows = await tx.scalars(select(OutboxRow).where(_due(now), here).order_by(OutboxRow.id).limit(200))
            return list(rows)

    async def still_due(self, row_id: int) -> OutboxRow | None:
        """A row as it is now; None if nothing is to be done about it any more."""
        async with self.store.begin() as tx:
            row = await tx.get(OutboxRow, row_id)
            return row if row is not None and row.status == "due" else None

    async def trying(self, row_id: int) -> None:
        """A call is about to be made: after a crash this tells that the message may stand in the chat."""
        async with self.store.begin() as tx:
            await tx.execute(
                update(OutboxRow)
                .where(OutboxRow.id == row_id)
                .values(attempts=OutboxRow.attempts + 1, last_error=NO_ANSWER)
            )

    async def part_sent(self, row_id: int, chat_id: int, ids: Sequence[int], *, more: bool) -> None:
        """One message of a longer text arrived: it is never sent again. `more`: the next call is about to be made."""
        async with self.store.begin() as tx:
            await tx.execute(
                update(OutboxRow)
                .where(OutboxRow.id == row_id)
                .values(message_id=ids[0], parts=list(ids), sent_to=chat_id, last_error=NO_ANSWER if more else "")
            )

    async def done(
        self,
        row: OutboxRow,
        chat_id: int,
        ids: Sequence[int],
        now: datetime,
        *,
        shown: Callable[[Transaction, int], Awaitable[None]] | None = None,
        ended: bool = False,
    ) -> None:
        """The chat shows `row.version`; still due if somebody raised the version meanwhile, unless it has `ended`.
        `shown`: what its card notes of that."""
        newest = case((OutboxRow.version == row.version, "sent"), else_="due")
        async with self.store.begin() as tx:
            if shown is not None:
                await shown(tx, chat_id)
            await tx.execute(
                update(OutboxRow)
                .where(OutboxRow.id == row.id)
                .values(
                    sent_version=row.version,
                    status="ended" if ended else newest,
                    message_id=ids[0] if ids else row.message_id,
                    parts=list(ids),
                    sent_to=chat_id,
                    sent_at=row.sent_at or now,
                    attempts=0,
                    last_error="",
                    not_before=None,
                )
            )

    async def not_yet(self, row_id: int, why: str, not_before: datetime | None = None) -> None:
        """It did not go out now; it stays due."""
        async with self.store.begin() as tx:
            await tx.execute(
                update(OutboxRow).where(OutboxRow.id == row_id).values(last_error=_kept(why), not_before=not_before)
            )

    async def failed(self, row_id: int, why: str) -> None:
        async with self.store.begin() as tx:
            await tx.execute(
                update(OutboxRow).where(OutboxRow.id == row_id).values(status="failed", last_error=_kept(why))
            )

    async def ended(self, row: OutboxRow) -> bool:
        """Whether what it says belongs to a person who has lost a right since, or stands where nobody is let in."""
        async with self.store.begin() as tx:
            return not await tenure.lasts(tx, row.tenure) or await self._unread(tx, row)

    async def unread(self, row: OutboxRow) -> bool:
        """Whether it is for the private chat of somebody who is not let in."""
        async with self.store.begin() as tx:
            return await self._unread(tx, row)

    @staticmethod
    async def _unread(tx: Transaction, row: OutboxRow) -> bool:
        return row.chat_id is not None and await tenure.is_strangers(tx, row.chat_id)

    async def end(self, row_id: int) -> None:
        """It is not sent or edited any more."""
        async with self.store.begin() as tx:
            await tx.execute(update(OutboxRow).where(OutboxRow.id == row_id).values(status="ended"))

    async def moved(self, old: int, new: int) -> None:
        """A group became a supergroup: rows, the bound chat and the chosen one follow. What stands in the old one
        cannot be edited any more."""
        async with self.store.begin() as tx:
            await tx.execute(
                update(OutboxRow)
                .where(OutboxRow.chat_id == old)
                .values(chat_id=new, message_id=None, parts=[], sent_to=None)
            )
            await setting.put(tx, moved_key(old), new)
            await forget(tx, old)
            if await tx.get(ChatRow, new) is None:
                await tx.execute(update(ChatRow).where(ChatRow.chat_id == old).values(chat_id=new, type="supergroup"))
            else:
                await tx.execute(delete(ChatRow).where(ChatRow.chat_id == old))


def _in_chat(chat_id: int, supervisor: bool) -> ColumnElement[bool]:
    """Rows for this chat, with the notices for the supervisor chat if this is it."""
    here: ColumnElement[bool] = OutboxRow.chat_id == chat_id
    return or_(here, OutboxRow.chat_id.is_(None)) if supervisor else here


def _due(now: datetime) -> ColumnElement[bool]:
    return (OutboxRow.status == "due") & or_(OutboxRow.not_before.is_(None), OutboxRow.not_before <= now)


def _kept(why: str) -> str:
    """An error as a row may hold it: a library may quote the address of the request, with the token in its path."""
    return without_tokens(why)[:500]

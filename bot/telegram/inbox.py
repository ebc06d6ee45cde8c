"""What came in: each update recorded once, before it is handled.

Telegram sends an update again when it does not know that we have it; the row makes it count once. A row that was
never marked as handled belongs to a process that died in between: the person is told, nothing is repeated by itself.
A piece of a longer text waits for the others (bot.telegram.pieces): its handling has not begun, and begins with them.
Of strangers there is no row: they would fill the store, and nothing is done for them that must not be done twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiogram.exceptions import ClientDecodeError
from aiogram.types import Update
from pydantic import ValidationError
from sqlalchemy import delete, select, sql, update
from sqlalchemy.exc import IntegrityError

from bot.clock import Clock
from bot.foreign import read_json
from bot.store import Store, Transaction, rows_changed
from bot.store.codes import without_codes
from bot.store.tables import PersonRow, UpdateRow

log = logging.getLogger(__name__)

# Telegram keeps updates for 24 hours; what is older cannot come again.
KEEP = timedelta(days=7)
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Pieces:
    """Messages of one text that waits to be handled, in order; `at` is when the last of them came in."""

    updates: tuple[Update, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Unhandled:
    """An update whose handling was cut off."""

    update_id: int
    user_id: int | None
    chat_id: int | None
    what: str


class Inbox:
    """The updates of one bot."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def knows(self, event: Update) -> bool:
        """Whether it comes from somebody who is let in."""
        what = event.callback_query or event.message or event.edited_message or event.my_chat_member
        if what is None or what.from_user is None or abs(what.from_user.id) > LARGEST_ID:
            return False
        async with self._store.begin() as tx:
            return await tx.get(PersonRow, what.from_user.id) is not None

    async def record(self, bot_id: int, event: Update, *, piece_of: int | None = None) -> bool:
        """Write it down; False when it was written down before, and then it must not be handled. `piece_of`: the first
        update of the text that it belongs to, where that waits for its rest.

        An id that no store could hold is none of Telegram's: passed over too.
        """
        if event.update_id > LARGEST_ID:
            log.error("an update with the id %.3g is passed over", event.update_id)
            return False
        payload = event.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        try:
            async with self._store.begin() as tx:
                if await tx.get(UpdateRow, (bot_id, event.update_id)) is not None:
                    return False
                now = self._clock.now()
                kept = await without_codes(tx, payload, now)
                row = UpdateRow(bot_id=bot_id, update_id=event.update_id, payload=kept, piece_of=piece_of)
                row.received_at = now
                tx.add(row)
        except IntegrityError:  # two at once, on a database that lets both look first
            return False
        return True

    async def handled(self, bot_id: int, update_id: int) -> None:
        """It came to its end."""
        async with self._store.begin() as tx:
            await self.mark(tx, bot_id, update_id)

    async def mark(self, tx: Transaction, bot_id: int, update_id: int) -> None:
        """`handled`, in the caller's transaction."""
        await tx.execute(
            update(UpdateRow)
            .where(UpdateRow.bot_id == bot_id, UpdateRow.update_id == update_id)
            .values(handled_at=self._clock.now())
        )

    async def waiting(self, bot_id: int) -> list[Pieces]:
        """The texts that wait, oldest first."""
        here = (UpdateRow.bot_id == bot_id, UpdateRow.handled_at.is_(None), UpdateRow.piece_of.is_not(None))
        async with self._store.begin() as tx:
            rows = (await tx.scalars(select(UpdateRow).where(*here).order_by(UpdateRow.update_id))).all()
            texts: dict[int, list[UpdateRow]] = {}
            for row in rows:
                texts.setdefault(row.piece_of or 0, []).append(row)
        found = []
        for first, text in texts.items():
            try:
                updates = tuple(Update.model_validate(row.payload) for row in text)
            except ValidationError:
                log.exception("the text that begins with update %s cannot be read and is left", first)
                continue
            found.append(Pieces(updates, text[-1].received_at))
        return found

    async def begin(self, bot_id: int, first: int) -> bool:
        """The text that begins with this update waits no more: from here on its handling may have begun. False where
        somebody was quicker. Its other pieces count as handled, for they are a part of the first one now."""
        async with self._store.begin() as tx:
            if (
                await rows_changed(tx, _pieces(bot_id, first).where(UpdateRow.update_id == first).values(piece_of=None))
                == 0
            ):
                return False
            await tx.execute(_pieces(bot_id, first).values(piece_of=None, handled_at=self._clock.now()))
        return True

    async def drop(self, bot_id: int, first: int) -> bool:
        """Nothing is to be done with the text that begins with this update. False where somebody was quicker."""
        async with self._store.begin() as tx:
            return (
                await rows_changed(tx, _pieces(bot_id, first).values(piece_of=None, handled_at=self._clock.now())) > 0
            )

    async def cut_off(self, bot_id: int) -> list[Unhandled]:
        """Updates that never came to their end, oldest first. Asked before this process records its first."""
        left = (UpdateRow.bot_id == bot_id, UpdateRow.handled_at.is_(None), UpdateRow.piece_of.is_(None))
        async with self._store.begin() as tx:
            rows = await tx.scalars(select(UpdateRow).where(*left).order_by(UpdateRow.update_id))
            return [_unhandled(row.update_id, row.payload or {}) for row in rows]

    async def forget_old(self) -> None:
        """Drop the rows of updates that cannot come again, and of texts about which nobody said for days whether they
        are whole."""
        async with self._store.begin() as tx:
            await tx.execute(
                delete(UpdateRow).where(
                    UpdateRow.handled_at.is_not(None) | UpdateRow.piece_of.is_not(None),
                    UpdateRow.received_at < self._clock.now() - KEEP,
                )
            )


def readable(error: ClientDecodeError) -> list[Update]:
    """The updates of a batch that did not decode as a whole; those that cannot be read become empty updates, so that
    they are passed over and do not block the ones behind them for ever."""
    raw: Any = error.data
    if isinstance(raw, str | bytes):
        try:
            raw = read_json(raw)
        except ValueError:
            return []
    found = []
    for one in raw.get("result", []) if isinstance(raw, dict) else []:
        if not isinstance(one, dict) or not isinstance(one.get("update_id"), int):
            continue
        try:
            found.append(Update.model_validate(one))
        except ValidationError:
            log.exception("update %s cannot be read and is passed over", one["update_id"])
            found.append(Update(update_id=one["update_id"]))
    return found


def _pieces(bot_id: int, first: int) -> sql.Update:
    """All that waits of one text."""
    return update(UpdateRow).where(
        UpdateRow.bot_id == bot_id, UpdateRow.piece_of == first, UpdateRow.handled_at.is_(None)
    )


def _unhandled(update_id: int, payload: dict[str, Any]) -> Unhandled:
    message = payload.get("message") or payload.get("edited_message") or {}
    press = payload.get("callback_query") or {}
    source = press or message
    chat = (press.get("message") or message).get("chat") or {}
    user = source.get("from") or source.get("from_user") or {}
    file = (message.get("document") or {}).get("file_name", "")
    what = _label(press) if press else str(message.get("text", file))[:60]
    return Unhandled(update_id, user.get("id"), chat.get("id"), what)


def _label(press: dict[str, Any]) -> str:
    """What stood on the button."""
    keyboard = ((press.get("message") or {}).get("reply_markup") or {}).get("inline_keyboard") or []
    buttons = [button for row in keyboard for button in row]
    return next((str(b.get("text")) for b in buttons if b.get("callback_data") == press.get("data")), "a button")

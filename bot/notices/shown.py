"""Which notice a message in a chat shows: for a reply to it, or a button under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from bot.store import Transaction
from bot.store.tables import OutboxRow
from bot.telegram import tenure
from bot.telegram.outbox_rows import NO_ANSWER

RECENT = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice as it was posted. `lasts`: whether who it belongs to has lost no right since (bot.telegram.tenure)."""

    kind: str
    data: dict[str, Any]
    key: str | None
    chat_id: int | None
    lasts: bool = True


async def just_said(tx: Transaction, chat_id: int, kind: str, data: Mapping[str, Any], since: datetime) -> bool:
    """Whether this very notice is the last one of that chat, and not older than `since`."""
    here = or_(OutboxRow.sent_to == chat_id, OutboxRow.chat_id == chat_id)
    row = await tx.scalar(select(OutboxRow).where(here).order_by(OutboxRow.id.desc()).limit(1))
    return row is not None and row.created_at >= since and (row.kind, row.data) == (kind, dict(data))


async def on_its_way(tx: Transaction, chat_id: int) -> bool:
    """Whether a call that shows something in that chat has not come back yet: a person may see, tap and answer what it
    sent before we know its id."""
    here = or_(OutboxRow.chat_id == chat_id, OutboxRow.chat_id.is_(None))
    called = (OutboxRow.status == "due", OutboxRow.last_error == NO_ANSWER)
    return await tx.scalar(select(OutboxRow.id).where(*called, here).limit(1)) is not None


async def shown(tx: Transaction, chat_id: int, message_id: int) -> Shown | None:
    """The notice behind one of our messages; None when it is none of ours."""
    here = or_(OutboxRow.sent_to == chat_id, OutboxRow.chat_id == chat_id)
    row = await tx.scalar(
        select(OutboxRow).where(OutboxRow.message_id == message_id, here).order_by(OutboxRow.id.desc()).limit(1)
    )
    if row is None:
        # A long text is several messages; the ids of all of them stand in `parts`.
        near = await tx.scalars(select(OutboxRow).where(here).order_by(OutboxRow.id.desc()).limit(RECENT))
        row = next((r for r in near if message_id in (r.parts or ())), None)
    if row is None:
        return None
    lasts = row.status != "ended" and await tenure.lasts(tx, row.tenure)
    return Shown(row.kind, dict(row.data or {}), row.key, row.chat_id, lasts)

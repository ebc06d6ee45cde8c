"""Writing notices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import case, select, update

from bot.notices.bell import ring_after_commit
from bot.store import Transaction, rows_changed
from bot.store.codes import without_codes
from bot.store.tables import OutboxRow


async def post(
    tx: Transaction,
    kind: str,
    data: Mapping[str, Any],
    *,
    chat_id: int | None = None,
    key: str | None = None,
    reply_to: int | None = None,
    urgent: bool = False,
    silent: bool = False,
    below: bool = False,
    tenure: int | None = None,
) -> int:
    """Something to tell a person; the id of its row.

    chat_id None means the supervisor chat, looked up when it is sent. Such a notice is ours to begin, so quiet hours
    hold it unless it is urgent; one with a chat_id answers somebody and is never held. With a `key` that already has a
    message in that chat, that one is edited instead; `below` makes a new one all the same. `tenure` is that of the
    person it belongs to (or from now on does): with it the message ends (bot.telegram.tenure). `data` must be JSON.
    """
    ring_after_commit(tx)
    data = await without_codes(tx, dict(data), datetime.now(UTC))  # an answer may quote what somebody wrote
    if key is not None and not below:
        row = await _live(tx, key, chat_id)
        if row is not None and row.status == "ended":
            return row.id
        if row is not None:
            row.kind, row.data, row.urgent = kind, dict(data), urgent
            row.version, row.status, row.not_before = row.version + 1, "due", None
            row.tenure = tenure if tenure is not None and row.tenure is not None else row.tenure
            return row.id
    row = OutboxRow(
        chat_id=chat_id,
        kind=kind,
        data=dict(data),
        key=key,
        reply_to=reply_to,
        urgent=urgent,
        silent=silent,
        tenure=tenure,
        created_at=datetime.now(UTC),
    )
    tx.add(row)
    await tx.flush()
    return row.id


async def kind_of(tx: Transaction, key: str, chat_id: int) -> str | None:
    """What the live message with this key in that chat is now; nobody changes it until the transaction ends. None
    where there is none."""
    row = await _live(tx, key, chat_id)
    return row.kind if row is not None else None


async def touch(tx: Transaction, *keys: str | None, urgent: bool = False) -> bool:
    """What the live messages with these keys show has changed: have them rendered again; whether there are any.

    An urgent edit answers a tap, at once; what changes by itself keeps the pace of edits.
    """
    known = [key for key in keys if key is not None]
    if not known:
        return False
    ring_after_commit(tx)
    touched = (
        update(OutboxRow)
        .where(OutboxRow.key.in_(known), OutboxRow.status.not_in(["failed", "ended"]))
        .values(
            version=OutboxRow.version + 1,
            status="due",
            not_before=None,
            urgent=case((OutboxRow.message_id.is_(None), OutboxRow.urgent), else_=urgent),
        )
    )
    return await rows_changed(tx, touched) > 0


async def _live(tx: Transaction, key: str, chat_id: int | None) -> OutboxRow | None:
    rows = await tx.scalars(
        select(OutboxRow)
        .where(OutboxRow.key == key, OutboxRow.status != "failed", OutboxRow.chat_id == chat_id)
        .order_by(OutboxRow.id.desc())
        .limit(1)
        .with_for_update()
    )
    return rows.first()

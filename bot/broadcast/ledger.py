"""Drafts as rows: reading them whole, and the compare-and-set steps that move them on.

Every function takes the transaction of its caller. A step that comes too late (another version, another status) raises
the error that says what happened instead; nothing is changed then.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from bot.agents.delivery.rows import delivery_of
from bot.broadcast.model import Draft, Item, NewItem
from bot.errors import NotFound, Refused
from bot.store import Transaction, rows_changed
from bot.store.tables import DeliveryRow, DraftRow, ItemRow

# No letters that look like digits: an id is read aloud and typed on a phone.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
REOPENED = frozenset({"cancelled", "superseded"})  # how a draft was closed that can be taken up again


class DraftRefused(Refused):
    """A draft cannot be sent or changed as it was asked."""

    code = "draft"


class DraftChanged(DraftRefused):
    """This draft has changed since you opened it. Here is the new one."""

    code = "draft_changed"


class NotShown(DraftRefused):
    """This chat has not been shown this draft as it is now."""

    code = "draft_not_shown"

    def __init__(self, draft: Draft) -> None:
        super().__init__(f"Nothing was sent: this chat has not been shown draft {draft.id} as it is now. Here it is.")
        self.draft = draft


class DraftExpired(DraftRefused):
    """This draft is too old to send. Send /broadcast_targeted for a fresh one."""

    code = "draft_expired"


class DraftClosed(DraftRefused):
    """This draft is closed. Send /broadcast_targeted for a fresh one."""

    code = "draft_closed"


def _item(row: ItemRow, delivery: DeliveryRow | None) -> Item:
    return Item(
        id=row.id,
        agent=row.agent,
        action=row.action,
        bead=row.bead,
        title=row.title,
        prompt=row.prompt,
        reason=row.reason,
        status=delivery.status if delivery else row.status,
        delivery=delivery_of(delivery) if delivery else None,
    )


async def newest_id(tx: Transaction) -> str:
    """The id of the pending draft, else of the newest. Raises NotFound when there was never one."""
    first = (DraftRow.status == "pending").desc(), DraftRow.created_at.desc(), DraftRow.id
    found = await tx.scalar(select(DraftRow.id).order_by(*first).limit(1))
    if found is None:
        raise NotFound("There is no draft yet.", hint="Make one: maf broadcast draft")
    return found


async def read(tx: Transaction, draft_id: str | None = None, *, to_change: bool = False) -> Draft:
    """A draft with its items and their deliveries; the newest without an id. Raises NotFound naming the nearest.

    `to_change`: nobody else changes the draft until the transaction ends. PostgreSQL would let two in at once.
    """
    wanted = await newest_id(tx) if draft_id is None else draft_id
    row = await tx.get(DraftRow, wanted, populate_existing=True, with_for_update=to_change)
    if row is None:
        recent = await tx.scalars(select(DraftRow.id).order_by(DraftRow.created_at.desc()).limit(50))
        raise NotFound.of("draft", wanted, recent.all())
    pairs = await tx.execute(
        select(ItemRow, DeliveryRow)
        .outerjoin(DeliveryRow, DeliveryRow.id == ItemRow.delivery_id)
        .where(ItemRow.draft_id == wanted)
        .order_by(ItemRow.position)
        .execution_options(populate_existing=True)
    )
    return Draft(
        id=row.id,
        version=row.version,
        pack=row.pack,
        status=row.status,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        applied_by=row.applied_by,
        applied_at=row.applied_at,
        chat_id=row.chat_id,
        options=dict(row.options or {}),
        items=tuple(_item(item, delivery) for item, delivery in pairs),
    )


async def insert(
    tx: Transaction,
    items: Sequence[NewItem],
    *,
    pack: str,
    by: str,
    now: datetime,
    expires_at: datetime,
    chat_id: int | None,
    options: dict[str, Any],
) -> str:
    """Write a new draft; its id is 4 characters that no other draft has."""
    draft_id = new_id()
    while await tx.get(DraftRow, draft_id) is not None:
        draft_id = new_id()
    tx.add(
        DraftRow(
            id=draft_id,
            version=1,
            pack=pack,
            status="pending",
            created_by=by,
            chat_id=chat_id,
            options=options,
            created_at=now,
            expires_at=expires_at,
        )
    )
    await tx.flush()
    for position, item in enumerate(items):
        tx.add(ItemRow(draft_id=draft_id, position=position, **asdict(item)))
    await tx.flush()
    return draft_id


def new_id() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(4))


def refuse_closed(draft: Draft, now: datetime) -> None:
    """Raise the error that says why a draft can no longer be touched; nothing when it still can."""
    fresh = "Fresh one: maf broadcast draft"
    who = str(draft.options.get("closed_by", ""))
    if draft.status in {"applying", "done"}:
        raise DraftClosed(f"{draft.applied_by or 'Somebody'} sent draft {draft.id} already.", hint=fresh)
    if draft.status == "cancelled":
        raise DraftClosed(f"Draft {draft.id} was cancelled by {who or 'somebody'}.", hint=fresh)
    if draft.status == "superseded":
        newer = str(draft.options.get("superseded_by", ""))
        raise DraftClosed(f"Draft {draft.id} was replaced by draft {newer}.", hint=f"Send that one: {newer}")
    if draft.status == "expired" or draft.expires_at <= now:
        what = "the rest of it was not sent" if draft.sent else "nothing of it was sent"
        raise DraftExpired(f"Draft {draft.id} has expired; {what}.", hint=fresh)


def refuse_stale(draft: Draft, version: int | None) -> None:
    """Raise DraftChanged for any other version than the draft's own, with what was last done to it."""
    if version is not None and version != draft.version:
        what = draft.options.get("changed")
        raise DraftChanged(f"This draft has changed since you opened it: {what}. Here is the new one." if what else "")


async def take(
    tx: Transaction, draft_id: str, version: int | None, now: datetime, *, changed: str, **values: Any
) -> Draft:
    """Compare and set a pending draft: raise its version by one and write `values`; return it as it is then.

    `changed` says who does what, for those who come too late ("Olga skipped w2"). `version` None: whatever it is now.
    Raises DraftChanged, DraftClosed, DraftExpired, NotFound.
    """
    draft = await read(tx, draft_id, to_change=True)
    refuse_closed(draft, now)
    refuse_stale(draft, version)
    options = {**draft.options, **values.pop("options", {}), "changed": changed}
    taken = {"version": draft.version + 1, "options": options, **values}
    await tx.execute(update(DraftRow).where(DraftRow.id == draft.id).values(**taken))
    return await read(tx, draft.id)


async def set_item(tx: Transaction, item_id: int, expect: Collection[str], **values: Any) -> bool:
    """Write an item if its own status is one of `expect`; whether it was."""
    this = ItemRow.id == item_id, ItemRow.status.in_(sorted(expect))
    return await rows_changed(tx, update(ItemRow).where(*this).values(**values)) == 1


async def move_item(tx: Transaction, item: Item, expect: Collection[str], **values: Any) -> bool:
    """As set_item, and only while the item has the delivery (or none) that it had when it was read. Two who begin at
    the same item can so never give it two prompts."""
    linked = ItemRow.delivery_id == item.delivery.id if item.delivery else ItemRow.delivery_id.is_(None)
    this = ItemRow.id == item.id, ItemRow.status.in_(sorted(expect)), linked
    return await rows_changed(tx, update(ItemRow).where(*this).values(**values)) == 1


async def set_status(tx: Transaction, draft_id: str, expect: Collection[str], **values: Any) -> bool:
    """Write a draft if its status is one of `expect`; whether it was."""
    this = DraftRow.id == draft_id, DraftRow.status.in_(sorted(expect))
    return await rows_changed(tx, update(DraftRow).where(*this).values(**values)) == 1

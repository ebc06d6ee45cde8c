"""Drafts as rows: reading them whole, and the compare-and-set steps that move them on.

Every function takes the transaction of its caller. A step that comes too late (another version, another status) raises
the error that says what happened instead; nothing is changed then.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, select, update

from bot.agents.delivery.model import Delivery
from bot.agents.delivery.rows import delivery_of
from bot.clock import iso
from bot.errors import NotFound, Refused
from bot.store import Transaction
from bot.store.tables import DeliveryRow, DraftRow, ItemRow

# No letters that look like digits: an id is read aloud and typed on a phone.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
# A delivery in one of these will not move by itself any more.
SETTLED = frozenset({"submitted", "started", "unconfirmed", "refused", "failed", "skipped", "drafted"})
FAILED = frozenset({"refused", "failed"})
TAKEN = frozenset({"submitted", "started"})


class DraftRefused(Refused):
    """A draft cannot be sent or changed as it was asked."""

    code = "draft"


class DraftChanged(DraftRefused):
    """This draft has changed since you opened it. Here is the new one."""

    code = "draft_changed"


class DraftExpired(DraftRefused):
    """This draft is too old to send. Send /broadcast_targeted for a fresh one."""

    code = "draft_expired"


class DraftClosed(DraftRefused):
    """This draft is closed. Send /broadcast_targeted for a fresh one."""

    code = "draft_closed"


@dataclass(frozen=True, slots=True)
class Item:
    """One agent's line in a draft. `status` is the delivery's as soon as there is one."""

    id: int
    agent: str
    action: str
    bead: str | None
    title: str
    prompt: str
    reason: str
    status: str
    delivery: Delivery | None

    @property
    def sends(self) -> bool:
        return self.status == "drafted"

    def as_dict(self) -> dict[str, Any]:
        return {
            "agent": self.agent,
            "action": self.action,
            "bead": self.bead,
            "title": self.title,
            "prompt": self.prompt,
            "reason": self.reason,
            "status": self.status,
            "delivery": self.delivery.as_dict() if self.delivery else None,
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """A planned broadcast with its items in order; the contract's `draft` shape by as_dict()."""

    id: str
    version: int
    pack: str
    status: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    applied_by: str | None
    applied_at: datetime | None
    chat_id: int | None
    options: dict[str, Any]
    items: tuple[Item, ...]

    @property
    def key(self) -> str:
        """The key of its live message."""
        return f"draft:{self.id}"

    @property
    def sendable(self) -> tuple[Item, ...]:
        return tuple(i for i in self.items if i.sends)

    @property
    def sent(self) -> tuple[Item, ...]:
        """Items that somebody sent, whatever became of them."""
        return tuple(i for i in self.items if i.status not in {"drafted", "skipped"})

    def item(self, agent: str) -> Item:
        for item in self.items:
            if item.agent == agent:
                return item
        raise NotFound.of("agent in this draft", agent, [i.agent for i in self.items])

    def as_dict(self) -> dict[str, Any]:
        return {
            "draft": self.id,
            "version": self.version,
            "pack": self.pack,
            "status": self.status,
            "created_by": self.created_by,
            "created_at": iso(self.created_at),
            "expires_at": iso(self.expires_at),
            "applied_by": self.applied_by,
            "notes": list(self.options.get("notes", [])),
            "items": [i.as_dict() for i in self.items],
        }


@dataclass(frozen=True, slots=True)
class NewItem:
    """What is written for one line of a new draft."""

    agent: str
    action: str
    bead: str | None = None
    title: str = ""
    prompt: str = ""
    reason: str = ""
    status: str = "drafted"


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
    """The id of the newest draft. Raises NotFound when there was never one."""
    found = await tx.scalar(select(DraftRow.id).order_by(DraftRow.created_at.desc(), DraftRow.id).limit(1))
    if found is None:
        raise NotFound("There is no draft yet.", hint="Make one: maf broadcast draft")
    return found


async def read(tx: Transaction, draft_id: str | None = None) -> Draft:
    """A draft with its items and their deliveries; the newest without an id. Raises NotFound naming the nearest."""
    wanted = draft_id or await newest_id(tx)
    row = await tx.get(DraftRow, wanted, populate_existing=True)
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
        tx.add(
            ItemRow(
                draft_id=draft_id,
                position=position,
                agent=item.agent,
                action=item.action,
                bead=item.bead,
                title=item.title,
                prompt=item.prompt,
                reason=item.reason,
                status=item.status,
            )
        )
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


async def take(tx: Transaction, draft_id: str, version: int | None, now: datetime, **values: Any) -> Draft:
    """Compare-and-set on a pending draft: raise its version by one and write `values`; return it as it is then.

    Raises DraftChanged, DraftClosed, DraftExpired, NotFound. `version` None: whatever it is now.
    """
    draft = await read(tx, draft_id)
    refuse_closed(draft, now)
    if version is not None and version != draft.version:
        raise DraftChanged
    changed = await tx.execute(
        update(DraftRow)
        .where(DraftRow.id == draft.id, DraftRow.version == draft.version, DraftRow.status == "pending")
        .values(version=DraftRow.version + 1, **values)
    )
    if _rows(changed) != 1:  # on PostgreSQL another transaction may have come in between
        raise DraftChanged
    return await read(tx, draft.id)


async def set_item(tx: Transaction, item_id: int, expect: Collection[str], **values: Any) -> bool:
    """Write an item if its own status is one of `expect`; whether it was."""
    changed = await tx.execute(
        update(ItemRow).where(ItemRow.id == item_id, ItemRow.status.in_(sorted(expect))).values(**values)
    )
    return _rows(changed) == 1


async def move_item(tx: Transaction, item: Item, expect: Collection[str], **values: Any) -> bool:
    """As set_item, and only while the item has the delivery (or none) that it had when it was read. Two who begin at
    the same item can so never give it two prompts."""
    linked = ItemRow.delivery_id == item.delivery.id if item.delivery else ItemRow.delivery_id.is_(None)
    changed = await tx.execute(
        update(ItemRow).where(ItemRow.id == item.id, ItemRow.status.in_(sorted(expect)), linked).values(**values)
    )
    return _rows(changed) == 1


async def set_status(tx: Transaction, draft_id: str, expect: Collection[str], **values: Any) -> bool:
    """Write a draft if its status is one of `expect`; whether it was."""
    changed = await tx.execute(
        update(DraftRow).where(DraftRow.id == draft_id, DraftRow.status.in_(sorted(expect))).values(**values)
    )
    return _rows(changed) == 1


def _rows(result: Any) -> int:
    return int(cast("CursorResult[Any]", result).rowcount)

"""The rows of deliveries. Every change of status is one row written, together with the message that shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, cast, get_args

from sqlalchemy import select, update

from bot.agents.delivery.model import Decision, Delivery, Evidence, EvidenceKind, Mode, Status
from bot.clock import Clock
from bot.errors import NotFound, Refused
from bot.notices import touch
from bot.store import Store, Transaction
from bot.store.audit import enter, fingerprint
from bot.store.tables import DeliveryRow


class DecidedAlready(Refused):
    """Somebody has decided about this prompt already."""

    code = "decided"


class DeliveryRows:
    """Reads and writes deliveries; many at once are one transaction."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(self, tx: Transaction, delivery: Delivery) -> None:
        """Write a new one in the caller's transaction."""
        tx.add(
            DeliveryRow(
                id=delivery.id,
                agent=delivery.agent,
                text=delivery.text,
                mode=delivery.mode,
                status=delivery.status,
                notes=list(delivery.notes),
                reason=delivery.reason,
                created_by=delivery.created_by,
                created_at=delivery.created_at,
                updated_at=delivery.updated_at,
                expires_at=delivery.expires_at,
                notice_key=delivery.notice_key,
            )
        )

    async def decide(self, tx: Transaction, delivery: Delivery, decision: Decision, reason: str) -> None:
        """Write down what a person decided, in the caller's transaction. Raises DecidedAlready, or Refused when it
        needs no decision any more; of two who decide at once one wins."""
        undecided = (DeliveryRow.id == delivery.id, DeliveryRow.decision.is_(None), DeliveryRow.status == "unconfirmed")
        changes = {"decision": decision, "reason": reason, "updated_at": self._clock.now()}
        changed = await tx.execute(update(DeliveryRow).where(*undecided).values(**changes).returning(DeliveryRow.id))
        if changed.first() is None:
            row = await tx.get(DeliveryRow, delivery.id, populate_existing=True)
            if row is not None and row.decision is not None:
                raise DecidedAlready(row.reason)
            raise Refused(f"The delivery to {delivery.agent} is {row.status if row else 'gone'} already.")
        await touch(tx, delivery.notice_key)

    async def call_off(self, delivery_id: str, by: str) -> Delivery:
        """Write down that a person does not want it sent; once more is the same. Raises NotFound, Refused (it is typed
        already, or has ended)."""
        waits = DeliveryRow.status.in_(("intended", "queued")), DeliveryRow.called_off_by == ""
        async with self._store.begin() as tx:
            await tx.execute(update(DeliveryRow).where(DeliveryRow.id == delivery_id, *waits).values(called_off_by=by))
            row = await tx.get(DeliveryRow, delivery_id, populate_existing=True)
            if row is None:
                raise NotFound(f"No delivery named {delivery_id}.")
            if not row.called_off_by:
                raise Refused(f"The prompt for {row.agent} is {row.status} already.")
            await touch(tx, row.notice_key, urgent=True)
            return delivery_of(row)

    async def begin(self, ids: Collection[str]) -> None:
        """These are going to be typed now. Of one that waited for its agent nobody is asking at this moment, so the
        audit trail says so."""
        now = self._clock.now()
        async with self._store.begin() as tx:
            for row in (await tx.scalars(select(DeliveryRow).where(DeliveryRow.id.in_(ids)))).all():
                if row.status == "queued":
                    await self._enter(tx, "delivery.begin", row)
                row.status, row.reason, row.updated_at = "intended", "", now
                await touch(tx, row.notice_key)

    async def go_on(self, deliveries: Collection[Delivery]) -> None:
        """The bot was restarted, and goes on with these."""
        async with self._store.begin() as tx:
            for row in (
                await tx.scalars(select(DeliveryRow).where(DeliveryRow.id.in_([d.id for d in deliveries])))
            ).all():
                await self._enter(tx, "delivery.go-on", row)

    async def _enter(self, tx: Transaction, action: str, row: DeliveryRow) -> None:
        detail = {"delivery": row.id, "for": row.created_by, "status": row.status, **fingerprint(row.text)}
        await enter(tx, self._clock.now(), action=action, target=row.agent, detail=detail)

    async def get(self, delivery_id: str) -> Delivery:
        """Raises NotFound."""
        return (await self.get_many([delivery_id]))[0]

    async def get_many(self, ids: Collection[str]) -> list[Delivery]:
        """In the order asked for. Raises NotFound for the first that is missing."""
        async with self._store.begin() as tx:
            rows = await tx.scalars(select(DeliveryRow).where(DeliveryRow.id.in_(ids)))
            found = {row.id: delivery_of(row) for row in rows}
        for one in ids:
            if one not in found:
                raise NotFound(f"No delivery named {one}.")
        return [found[one] for one in ids]

    async def with_status(self, *statuses: Status, since: datetime | None = None) -> list[Delivery]:
        """The oldest first; `since` looks at when they last changed."""
        query = select(DeliveryRow).where(DeliveryRow.status.in_(statuses)).order_by(DeliveryRow.created_at)
        if since is not None:
            query = query.where(DeliveryRow.updated_at >= since)
        async with self._store.begin() as tx:
            return [delivery_of(row) for row in await tx.scalars(query)]

    async def change(self, delivery_id: str, **values: Any) -> Delivery:
        """Change one; see change_many."""
        return (await self.change_many({delivery_id: values}))[delivery_id]

    async def change_many(self, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Delivery]:
        """Change columns of many in one transaction, with the messages that show them; returns them as they are now."""
        now = self._clock.now()
        async with self._store.begin() as tx:
            rows = (await tx.scalars(select(DeliveryRow).where(DeliveryRow.id.in_(changes)))).all()
            for row in rows:
                for name, value in changes[row.id].items():
                    setattr(row, name, value)
                row.updated_at = now
            for key in {row.notice_key for row in rows if row.notice_key}:
                await touch(tx, key)
            return {row.id: delivery_of(row) for row in rows}

    async def change_alike(self, ids: Collection[str], **values: Any) -> None:
        """Write the same into many rows, in one statement, with the messages that show them."""
        async with self._store.begin() as tx:
            these = DeliveryRow.id.in_(ids)
            await tx.execute(update(DeliveryRow).where(these).values(**values, updated_at=self._clock.now()))
            shown = select(DeliveryRow.notice_key).where(these, DeliveryRow.notice_key.is_not(None)).distinct()
            for key in (await tx.scalars(shown)).all():
                await touch(tx, str(key))


async def sent_again(tx: Transaction, old: DeliveryRow) -> list[DeliveryRow]:
    """The prompts that a person sent in place of this one, the newest first. They share the message that shows them."""
    again = (
        select(DeliveryRow)
        .where(DeliveryRow.notice_key == old.notice_key, DeliveryRow.agent == old.agent)
        .where(DeliveryRow.created_at > old.created_at)
        .order_by(DeliveryRow.created_at.desc())
    )
    return list(await tx.scalars(again))


def delivery_of(row: DeliveryRow) -> Delivery:
    """The row as a frozen value. A row of before may name a hook as its evidence, which is none."""
    evidence = None
    if row.evidence_kind in get_args(EvidenceKind) and row.evidence_at:
        evidence = Evidence(cast(EvidenceKind, row.evidence_kind), row.evidence_at)
    return Delivery(
        id=row.id,
        agent=row.agent,
        text=row.text,
        mode=cast(Mode, row.mode),
        status=cast(Status, row.status),
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        evidence=evidence,
        started_at=row.started_at,
        reason=row.reason,
        notes=tuple(row.notes),
        expires_at=row.expires_at,
        notice_key=row.notice_key,
        decision=cast("Decision | None", row.decision),
        called_off_by=row.called_off_by,
    )

"""What the bot does without a tap: a row and a notice before it, a way to decline, and an audit row with actor "bot".

Who wants something done announces it under what it comes of (its cause), looks whether it was declined, and begins it
in the transaction of its first step. Announcing again changes what the message says, so it may be done at every turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from bot.clock import Clock
from bot.errors import NotFound
from bot.fleet.self_action import AUDITED, NOTICE, SelfAction, TooLate, action_of, key_of
from bot.notices import post, touch
from bot.store import Store, Transaction
from bot.store.audit import BOT, SCHEDULE, Audit, note
from bot.store.patience import kept
from bot.store.tables import OutboxRow, SelfActionRow

TELL_AGAIN = timedelta(minutes=10)  # after a message that could not be sent at all
LEAD = timedelta(seconds=60)  # between a notice that stands in the chat and what it announces


class SelfActions:
    """All of one home."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self.lead = LEAD

    async def announce(
        self,
        kind: str,
        agent: str,
        cause: str,
        *,
        due_at: datetime | None = None,
        data: Mapping[str, Any],
        tell: bool = True,
    ) -> SelfAction:
        """Write down, and tell, what is going to be done; of one that is announced already what has changed. `tell`
        False: another message tells it."""
        now = self._clock.now()
        new = SelfAction(0, kind, agent, cause, "announced", now, due_at=due_at, data=dict(data))

        async def write() -> SelfAction:
            async with self._store.begin() as tx:
                return await self._announce(tx, new, tell)

        return await kept(write)

    async def _announce(self, tx: Transaction, new: SelfAction, tell: bool) -> SelfAction:
        row = await tx.scalar(_open(new.kind).where(SelfActionRow.cause == new.cause))
        if row is None:
            row = SelfActionRow(
                kind=new.kind,
                agent=new.agent,
                cause=new.cause,
                data=dict(new.data),
                due_at=new.due_at,
                announced_at=new.announced_at,
            )
            tx.add(row)
            await tx.flush()
            if tell:
                await self._tell(tx, row)
        elif row.status in ("announced", "declined") and (row.due_at, row.data) != (new.due_at, new.data):
            row.due_at, row.data = new.due_at, dict(new.data)
            await touch(tx, key_of(row.id))
        await self._note_told(tx, row)
        if tell and row.told_at is None and await self._was_lost(tx, row):
            await self._tell(tx, row)
        return action_of(row)

    async def get(self, action_id: int) -> SelfAction:
        """Raises NotFound."""
        async with self._store.begin() as tx:
            return action_of(await _row(tx, action_id))

    async def refresh(self, action_id: int) -> None:
        """Have its message rendered again: what it shows besides has changed."""
        async with self._store.begin() as tx:
            await touch(tx, key_of(action_id), urgent=True)

    async def planned(self) -> list[SelfAction]:
        """All that have not ended, the oldest first."""
        query = select(SelfActionRow).where(SelfActionRow.ended_at.is_(None)).order_by(SelfActionRow.id)
        async with self._store.begin() as tx:
            return [action_of(row) for row in await tx.scalars(query)]

    async def standing(self, kind: str, agent: str | None = None) -> dict[str, SelfAction]:
        """Those of a kind that have not ended, by their causes (of one agent)."""
        query = _open(kind) if agent is None else _open(kind).where(SelfActionRow.agent == agent)
        async with self._store.begin() as tx:
            rows = list(await tx.scalars(query.order_by(SelfActionRow.id)))
            for row in rows:
                await self._note_told(tx, row)
            return {row.cause: action_of(row) for row in rows}

    async def failed_since(self, kind: str, cause: str, since: datetime) -> bool:
        """Was it tried since then, and did not come about?"""
        query = select(func.count()).where(SelfActionRow.kind == kind, SelfActionRow.cause == cause)
        query = query.where(SelfActionRow.status == "failed", SelfActionRow.ended_at > since)
        async with self._store.begin() as tx:
            return bool(await tx.scalar(query))

    async def decline(self, action_id: int, by: str) -> SelfAction:
        """A person does not want it; once more is the same. Raises NotFound, TooLate."""
        return await self._switch(action_id, "announced", "declined", by)

    async def allow(self, action_id: int, by: str) -> SelfAction:
        """A person wants it after all. Raises NotFound, TooLate."""
        del by  # the audit row of the tap names who it was
        return await self._switch(action_id, "declined", "announced", "")

    async def _switch(self, action_id: int, before: str, after: str, by: str) -> SelfAction:
        async with self._store.begin() as tx:
            row = await _row(tx, action_id)
            note(does=AUDITED[row.kind], agent=row.agent)
            if row.status == before and row.ended_at is None:
                row.status, row.declined_by = after, by
                await touch(tx, key_of(row.id), urgent=True)
            elif row.status != after:
                raise TooLate(_too_late(row))
            return action_of(row)

    def ready(self, action: SelfAction) -> bool:
        """Was it told long enough before, and is it not declined? What a person asked for needs no time."""
        if action.status != "announced":
            return False
        return bool(action.asked_by) or (action.told_at is not None and self._clock.now() - action.told_at >= self.lead)

    async def begin(self, tx: Transaction, action: SelfAction, detail: Mapping[str, Any] | None = None) -> bool:
        """Begin it, with its audit row, in the transaction of its first step. False where somebody declined it, or it
        has ended, since it was read: then nothing may be done."""
        mine = update(SelfActionRow).where(SelfActionRow.id == action.id, SelfActionRow.status == "announced")
        taken = await tx.execute(mine.values(status="begun").returning(SelfActionRow.id))
        if taken.first() is None:
            return False
        entry = await self._audit.write(
            tx,
            actor=BOT,
            place=SCHEDULE,
            action=AUDITED[action.kind],
            target=action.agent,
            detail={**action.data, **(detail or {})},
        )
        (await _row(tx, action.id)).audit = entry
        await touch(tx, action.key)
        return True

    async def begun(self, action: SelfAction, detail: Mapping[str, Any] | None = None) -> bool:
        """The same in a transaction of its own, where the first step writes none."""
        async with self._store.begin() as tx:
            return await self.begin(tx, action, detail)

    async def again(self, action: SelfAction, why: str) -> None:
        """It was begun, and nothing was done: it stands as announced."""
        await self._close(action, "announced", why, over=False)

    async def end(
        self, action: SelfAction, *, failed: bool = False, outcome: str = "", data: Mapping[str, Any] | None = None
    ) -> None:
        """It was done, or could not be; `data`: what its message shows besides."""
        await self._close(action, "failed" if failed else "done", outcome, over=True, data=data)

    async def drop(self, action: SelfAction, why: str = "") -> None:
        """It is not needed any more. One that was declined stays so."""
        await self._close(action, "declined" if action.declined else "dropped", why, over=True)

    async def cut_off(self, kind: str) -> None:
        """What an earlier run of the bot had begun of this kind does not go on by itself."""
        for action in (await self.standing(kind)).values():
            if action.status == "begun":
                await self.end(action, failed=True, outcome="the bot was restarted meanwhile")

    async def forget(self, agent: str) -> None:
        """The agent is deleted: the next one of its name has nothing to do with it."""
        async with self._store.begin() as tx:
            ended = update(SelfActionRow).where(SelfActionRow.agent == agent, SelfActionRow.ended_at.is_(None))
            gone = ended.values(status="dropped", outcome=f"{agent} is deleted", ended_at=self._clock.now())
            for action_id in (await tx.scalars(gone.returning(SelfActionRow.id))).all():
                await touch(tx, key_of(action_id))

    async def _close(
        self, action: SelfAction, status: str, outcome: str, *, over: bool, data: Mapping[str, Any] | None = None
    ) -> None:
        async def write() -> None:
            async with self._store.begin() as tx:
                row = await _row(tx, action.id)
                if row.ended_at is not None:
                    return
                if row.audit is not None:
                    await self._audit.end(tx, row.audit, _audited(status, outcome))
                row.status, row.outcome, row.data = status, outcome, {**row.data, **(data or {})}
                row.ended_at, row.audit = (self._clock.now(), row.audit) if over else (None, None)
                await touch(tx, action.key)

        await kept(write)

    async def _tell(self, tx: Transaction, row: SelfActionRow) -> None:
        """To be seen before it happens, at night too, and no reason to ring."""
        about = {"self": row.id, "agent": row.agent} if row.agent else {"self": row.id}
        await post(tx, NOTICE, about, key=key_of(row.id), urgent=True, silent=True)

    async def _was_lost(self, tx: Transaction, row: SelfActionRow) -> bool:
        """Did its message fail for good, and that a while ago?"""
        query = select(OutboxRow).where(OutboxRow.key == key_of(row.id)).order_by(OutboxRow.id.desc()).limit(1)
        last = await tx.scalar(query)
        if last is None or last.status != "failed":
            return last is None
        return self._clock.now() - last.created_at > TELL_AGAIN

    async def _note_told(self, tx: Transaction, row: SelfActionRow) -> None:
        if row.told_at is None:
            told = select(func.min(OutboxRow.sent_at)).where(OutboxRow.key == key_of(row.id))
            row.told_at = await tx.scalar(told)


def _open(kind: str) -> Any:
    return select(SelfActionRow).where(SelfActionRow.kind == kind, SelfActionRow.ended_at.is_(None))


async def _row(tx: Transaction, action_id: int) -> SelfActionRow:
    row = await tx.get(SelfActionRow, action_id, populate_existing=True)
    if row is None:
        raise NotFound("There is nothing of that kind any more.")
    return row


def _too_late(row: SelfActionRow) -> str:
    if row.status == "begun":
        return "It is being done at this moment."
    if row.status in ("done", "failed"):
        return "It was done already."
    return "That is over: nothing is going to be done."


def _audited(status: str, outcome: str) -> str:
    if status == "done":
        return "done"
    return f"{'failed' if status == 'failed' else 'refused'}: {outcome}"

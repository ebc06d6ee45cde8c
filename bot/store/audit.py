"""The audit trail: a row before an action, its outcome after it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from bot.clock import Clock, iso
from bot.errors import MafError
from bot.store.codes import without_codes
from bot.store.engine import Store, Transaction
from bot.store.patience import kept, patient_task
from bot.store.tables import AuditRow

log = logging.getLogger(__name__)

BOT = "bot"  # the actor of what is done without a tap or a command
SCHEDULE = "schedule"  # and its place
# What the action at hand has to add to its row: one dict for each `Audit.action`.
_noted: ContextVar[dict[str, Any] | None] = ContextVar("noted", default=None)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the trail. `outcome` is begun while it runs, then done, refused: …, failed: … or interrupted."""

    id: int
    at: datetime
    actor: str
    place: str
    action: str
    target: str
    detail: Mapping[str, Any]
    outcome: str

    def as_dict(self) -> dict[str, Any]:
        """One entry of `maf audit --json`."""
        return {
            "at": iso(self.at),
            "actor": self.actor,
            "place": self.place,
            "action": self.action,
            "target": self.target,
            "detail": dict(self.detail),
            "outcome": self.outcome,
        }


def in_words(actor: str) -> str:
    """Who acts, as the others read it in a message.

    >>> in_words("cli:olga"), in_words("cli"), in_words("agent:w1"), in_words("Sam")
    ('olga at the terminal', 'somebody at the terminal', 'agent w1', 'Sam')
    """
    place, _, name = actor.partition(":")
    if place == "agent":
        return f"agent {name}"
    return f"{name or 'somebody'} at the terminal" if place == "cli" else actor


def fingerprint(text: str) -> dict[str, Any]:
    """A prompt as the trail holds it: the beginning of its SHA-256 (UTF-8), and its length in characters.

    >>> fingerprint("go on")
    {'sha256': 'b5013eb1c1b2db1f', 'characters': 5}
    """
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()[:16], "characters": len(text)}


def note(**detail: Any) -> None:
    """Add to the row of the action at hand what is known only while it is done (which agents all of them were, what a
    code lets in). Values must be JSON, and no secrets. Outside of an action nothing happens."""
    noted = _noted.get()
    if noted is not None:
        noted.update(detail)


async def enter(
    tx: Transaction,
    at: datetime,
    *,
    action: str,
    target: str = "",
    detail: Mapping[str, Any] | None = None,
    outcome: str = "done",
) -> None:
    """The row of what the bot does by itself, in the caller's transaction. `outcome` begun: it is going to be tried,
    and the row stays one, however often that is and whatever ends the bot meanwhile; what it is `done` with later is
    told by the same action and target and by all of that detail."""
    did, ended = dict(detail or {}), None if outcome == "begun" else at
    open_rows = select(AuditRow).where(
        AuditRow.actor == BOT,
        AuditRow.action == action,
        AuditRow.target == target,
        AuditRow.outcome.in_(("begun", "interrupted")),
    )
    for row in await tx.scalars(open_rows.order_by(AuditRow.id.desc())):
        if row.detail.items() <= did.items():
            row.detail, row.outcome, row.finished_at = did, outcome, ended
            return
    row = AuditRow(at=at, actor=BOT, place=SCHEDULE, action=action, target=target, detail=did)
    row.outcome, row.finished_at = outcome, ended
    tx.add(row)


class Audit:
    """Writes and reads the trail. `blank` takes out of a text what no row may hold."""

    def __init__(self, store: Store, clock: Clock, blank: Callable[[str], str] = str) -> None:
        self._blank = blank
        self._store = store
        self._clock = clock
        self._late: set[asyncio.Task[None]] = set()

    async def begin(
        self, *, actor: str, place: str, action: str, target: str = "", detail: Mapping[str, Any] | None = None
    ) -> int:
        """Write that somebody is about to do something; committed when this returns."""
        async with self._store.begin() as tx:
            return await self.write(tx, actor=actor, place=place, action=action, target=target, detail=detail)

    async def write(
        self,
        tx: Transaction,
        *,
        actor: str,
        place: str,
        action: str,
        target: str = "",
        detail: Mapping[str, Any] | None = None,
        outcome: str = "begun",
    ) -> int:
        """The row of an action in the caller's transaction; its id. `outcome`: of one that this transaction does."""
        now = self._clock.now()
        target, kept = await without_codes(tx, (target, dict(detail or {})), now)
        row = AuditRow(
            at=now,
            actor=actor,
            place=place,
            action=action,
            target=self._blank(target)[:200],
            detail=_each_text(kept, self._blank),
            outcome=outcome,
            finished_at=None if outcome == "begun" else now,
        )
        tx.add(row)
        await tx.flush()
        return row.id

    async def end(self, tx: Transaction, entry: int, outcome: str) -> None:
        """Write how it ended, in the caller's transaction."""
        now = self._clock.now()
        outcome = await without_codes(tx, outcome, now)
        ended = update(AuditRow).where(AuditRow.id == entry)
        await tx.execute(ended.values(outcome=self._blank(outcome)[:500], finished_at=now))

    async def finish(self, entry: int, outcome: str, noted: Mapping[str, Any] | None = None) -> None:
        """Write how it ended. What was done is done: a store that takes nothing now must not have it told as failed,
        so it is written as soon as the store takes it, or at least stands in the log."""
        try:
            await self._write_end(entry, outcome, noted)
        except (MafError, SQLAlchemyError) as error:
            log.warning("how audit entry %d ended (%s) is written later: %s", entry, outcome, error)
            task = patient_task(kept(lambda: self._write_end(entry, outcome, noted)), name=f"audit {entry}")
            self._late.add(task)
            task.add_done_callback(self._written)

    async def interrupted(self) -> None:
        """Nothing that an earlier process began goes on. Called before this one begins anything."""
        async with self._store.begin() as tx:
            await tx.execute(
                update(AuditRow)
                .where(AuditRow.outcome == "begun")
                .values(outcome="interrupted", finished_at=self._clock.now())
            )

    async def close(self) -> None:
        """Give up what could not be written."""
        for task in list(self._late):
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("%s could not be written: %s", task.get_name(), error)

    async def _write_end(self, entry: int, outcome: str, noted: Mapping[str, Any] | None) -> None:
        async with self._store.begin() as tx:
            if noted:
                row = await tx.get_one(AuditRow, entry)
                row.detail = {**row.detail, **_each_text(dict(noted), self._blank)}
            await self.end(tx, entry, outcome)

    @asynccontextmanager
    async def action(
        self, *, actor: str, place: str, action: str, target: str = "", detail: Mapping[str, Any] | None = None
    ) -> AsyncIterator[int]:
        """The rows around an action: `begun` before it, and after it how it ended, with what was noted meanwhile.
        Errors pass through."""
        entry = await self.begin(actor=actor, place=place, action=action, target=target, detail=detail)
        noted: dict[str, Any] = {}
        token = _noted.set(noted)
        try:
            yield entry
        except MafError as error:
            await self.finish(entry, f"refused: {error.message}", noted)
            raise
        except BaseException as error:  # a cancelled one too: every entry says how it ended
            await self.finish(entry, f"failed: {type(error).__name__}", noted)
            raise
        finally:
            _noted.reset(token)
        await self.finish(entry, "done", noted)

    async def recent(self, limit: int = 50) -> list[Entry]:
        """The newest entries, newest first."""
        query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
        async with self._store.begin() as tx:
            rows = (await tx.scalars(query)).all()
        return [Entry(r.id, r.at, r.actor, r.place, r.action, r.target, r.detail, r.outcome) for r in rows]


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """The same JSON value with each text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _each_text(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(inner, change) for inner in value]
    return value

"""What everybody in Agent Mail is told: written down with the fact, sent when the server is there, once.

An error answer does not mean that the message is not stored. So every message carries a line of its own, and before it
is sent again the server's messages are searched for it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from bot.clock import Clock
from bot.mail.client import OVERSEER, AgentMail, MailDown, MailRefused
from bot.mail.letters import Letter
from bot.store import Store, Transaction, rows_changed, setting
from bot.store.audit import enter, fingerprint
from bot.store.tables import AnnouncementRow

log = logging.getLogger(__name__)

THREAD = "quota"
KEEP = timedelta(hours=24)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 600.0
NAME_ROW = "agent_mail"  # the setting that holds our name there


async def announce(tx: Transaction, letter: Letter, at: datetime) -> str:
    """Write down what is to be said, in the transaction of the fact itself. Returns the id of the announcement."""
    row = AnnouncementRow(
        id=f"n{secrets.token_hex(5)}",
        subject=letter.subject,
        body=letter.body,
        thread=THREAD,
        created_at=at,
        next_at=at,
    )
    tx.add(row)
    return row.id


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts, 1 or more: 10 s, doubled each time, at most 10 minutes."""
    return timedelta(seconds=min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempts - 1, 10)))


def line_of(announcement: str) -> str:
    """The line by which a message is found again."""
    return f"notice: {announcement}"


@dataclass(frozen=True, slots=True)
class Seat:
    """Our place on the server; no name where it lets nobody register without a token of its own."""

    slug: str
    name: str | None


class Announcements:
    """Delivers what was announced."""

    def __init__(self, store: Store, clock: Clock, mail: AgentMail, root: str) -> None:
        self._store = store
        self._clock = clock
        self._mail = mail
        self._root = root
        self._seat: Seat | None = None
        self._down = False
        self._one_round = asyncio.Lock()

    async def deliver(self) -> int:
        """Send what is due, oldest first. Returns how many arrived; that the server is down is logged once."""
        async with self._one_round:
            try:
                return await self._round()
            finally:
                await self._mail.close()

    async def _round(self) -> int:
        arrived = 0
        for row in await self._due():
            if self._clock.now() - row.created_at > KEEP:
                log.warning("Agent Mail did not take this for a day, it is dropped: %s", row.subject)
                await self._done(row, "failed: Agent Mail did not take it for a day")
                continue
            if not await self._taken(row):
                continue
            try:
                await self._send(row)
            except MailRefused as error:
                self._seat = None  # it may have forgotten us
                log.warning("%s (%s is tried again)", error.message, row.subject)
                continue
            except MailDown as error:
                await self._wait(row, error)
                break
            await self._done(row)
            self._down = False
            arrived += 1
        return arrived

    async def _due(self) -> list[AnnouncementRow]:
        async with self._store.begin() as tx:
            found = await tx.scalars(
                select(AnnouncementRow)
                .where(AnnouncementRow.next_at <= self._clock.now())
                .order_by(AnnouncementRow.created_at, AnnouncementRow.id)
            )
            return list(found)

    async def _taken(self, row: AnnouncementRow) -> bool:
        """Count the attempt before it is made, and have it in the audit trail: who comes after a crash must look first.
        False: another bot has it."""
        next_at = self._clock.now() + pause(row.attempts + 1)
        taken = (
            update(AnnouncementRow)
            .where(AnnouncementRow.id == row.id, AnnouncementRow.attempts == row.attempts)
            .values(attempts=row.attempts + 1, next_at=next_at)
        )
        async with self._store.begin() as tx:
            if await rows_changed(tx, taken) != 1:
                return False
            await self._enter(tx, row, "begun")
            return True

    async def _wait(self, row: AnnouncementRow, error: MailDown) -> None:
        """All wait for the server together."""
        if not self._down:
            log.warning("%s What is to be said there waits. %s", error.message, error.hint)
        self._down = True
        next_at = self._clock.now() + pause(row.attempts + 1)
        async with self._store.begin() as tx:
            await tx.execute(update(AnnouncementRow).values(next_at=next_at))

    async def _enter(self, tx: Transaction, row: AnnouncementRow, outcome: str) -> None:
        said = {"announcement": row.id, "subject": row.subject, **fingerprint(row.body)}
        await enter(tx, self._clock.now(), action="mail.announce", target=row.thread, detail=said, outcome=outcome)

    async def _done(self, row: AnnouncementRow, outcome: str = "done") -> None:
        async with self._store.begin() as tx:
            await self._enter(tx, row, outcome)
            await tx.execute(delete(AnnouncementRow).where(AnnouncementRow.id == row.id))

    async def _send(self, row: AnnouncementRow) -> None:
        """Sent as the agent that we are; in the person's name, to which every agent gives way, only where we may be
        none."""
        line = line_of(row.id)
        if row.attempts and await self._mail.holds(line):
            return
        seat = await self._seated()
        others = [name for name in await self._mail.agents(seat.slug) if name not in (seat.name, OVERSEER)]
        if seat.name is None:
            if others:
                body = f"{row.body}\n\n{line}"
                await self._mail.send_as_overseer(seat.slug, others, subject=row.subject, body=body, thread=row.thread)
            return
        try:
            # With nobody else there it is our own mail: it can be read on the server's page.
            await self._write(row, seat.name, others or [seat.name], line)
        except MailRefused:
            if await self._mail.holds(line):
                return
            if not others:
                raise
            await self._one_by_one(row, seat.name, others)

    async def _write(self, row: AnnouncementRow, sender: str, to: list[str], line: str) -> None:
        body = f"{row.body}\n\n{line}"
        await self._mail.send(self._root, sender, to, subject=row.subject, body=body, thread=row.thread)

    async def _one_by_one(self, row: AnnouncementRow, sender: str, others: list[str]) -> None:
        """One agent that takes no mail has the server refuse a message to all. Raises MailRefused if none takes it."""
        told, refused = 0, MailRefused()
        for name in others:
            line = f"{line_of(row.id)} {name}"
            try:
                if not await self._mail.holds(line):
                    await self._write(row, sender, [name], line)
                told += 1
            except MailRefused as error:
                refused = error
        if not told:
            raise refused

    async def _seated(self) -> Seat:
        """Registered, under the name that we had before if the server lets us keep it."""
        if self._seat is None:
            slug = await self._mail.ensure_project(self._root)
            known = await self._known_name()
            name: str | None = None
            try:
                name = await self._mail.register(self._root, known)
            except MailRefused as error:
                log.info("Agent Mail does not register us: %s", error.message)
            if name is not None and name != known:
                await self._keep_name(name)
            self._seat = Seat(slug, name)
        return self._seat

    async def _known_name(self) -> str | None:
        async with self._store.begin() as tx:
            value: dict[str, Any] = await setting.get(tx, NAME_ROW, {})
        return str(value["name"]) if value.get("at") == [self._mail.place, self._root] and value.get("name") else None

    async def _keep_name(self, name: str) -> None:
        value = {"at": [self._mail.place, self._root], "name": name}
        async with self._store.begin() as tx:
            await setting.put(tx, NAME_ROW, value)

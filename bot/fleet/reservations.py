"""Files that agents reserve for themselves in Agent Mail: written down as they do it, released when they have ended."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import UTC
from typing import Any

from sqlalchemy import delete, or_, select, update

from bot.agents.model import Agent
from bot.agents.state.files import ConversationFiles
from bot.clis.entry import Entry
from bot.clis.kinds import cli_for
from bot.clis.tail import LOOKED_AT, last_entries
from bot.clock import Clock
from bot.errors import Refused
from bot.mail import AgentMail, MailDown, MailRefused
from bot.mail.reservations import Reader, Reservation
from bot.store import Store, Transaction
from bot.store.audit import enter
from bot.store.tables import AgentRow, ReservationRow

ANSWER_S = 5.0  # within which the server has to answer while a person waits
_PORTION = 1000  # numbers in one request; a statement of SQLite, ours or the server's, may name 32,766

Holder = tuple[str, str]  # a project in Agent Mail, and the name of an agent there


class StillReserved(Refused):
    """Files stay reserved."""

    code = "still_reserved"


class Reservations:
    """Knows each reservation by its number, so that never one of somebody else is released who has the same name.

    A restart, a move to another account or a new conversation changes nothing. What its CLI wrote down in no file that
    we read (it was killed before the answer came; a subagent has a file of its own) stands until its time is up.
    `mail` is None where Agent Mail is off.
    """

    def __init__(self, store: Store, files: ConversationFiles, *, clock: Clock, mail: AgentMail | None) -> None:
        self._store = store
        self._clock = clock
        self._mail = mail
        self._readers: defaultdict[str, Reader] = defaultdict(Reader)
        self._heard: list[tuple[str, Reservation]] = []
        self._one_at_a_time = asyncio.Lock()
        files.heard = self._hear

    def _hear(self, agent_id: str, entries: list[Entry]) -> None:
        """In the thread that reads the conversations."""
        self._heard.extend((agent_id, found) for found in self._readers[agent_id].read(entries))

    async def keep(self) -> None:
        """Write down what was heard since."""
        async with self._one_at_a_time:
            await self._keep()

    async def let_go(self, agent: Agent) -> int:
        """The agent has ended: release what it still holds. Returns how many reservations the server released.

        An adopted one goes on in its pane, with what it reserved. Raises StillReserved: what could not be released
        is tried again by `release_left`.
        """
        async with self._one_at_a_time:
            # What it wrote while no bot ran, and in the moment before it ended.
            self._heard.extend((agent.id, found) for found in await asyncio.to_thread(_last_look, agent))
            self._readers.pop(agent.id, None)
            await self._keep()
            its = ReservationRow.agent == agent.id
            async with self._store.begin() as tx:
                if agent.adopted:
                    await tx.execute(delete(ReservationRow).where(its))
                    return 0
                await self._drop_expired(tx)
                rows = list(await tx.scalars(select(ReservationRow).where(its)))
                await tx.execute(update(ReservationRow).where(its).values(agent=None))
            return await self._release(rows)

    async def release_left(self) -> None:
        """Release what agents that are gone still hold. Raises StillReserved."""
        async with self._one_at_a_time:
            await self._release(await self._left(), asked=False)

    async def left(self) -> dict[Holder, int]:
        """How many reservations agents that are gone hold, by the name they had."""
        return {holder: len(rows) for holder, rows in _by_holder(await self._left()).items()}

    async def release(self, holder: Holder) -> None:
        """Release what was left under this name. Raises StillReserved."""
        async with self._one_at_a_time:
            await self._release(_by_holder(await self._left()).get(holder, ()))

    async def _keep(self) -> None:
        heard, now = self._heard[:], self._clock.now()
        # Heard again, it has been renewed, or a conversation is read once more: it stays the one's who had it first.
        last = {(found.project, found.number): (agent_id, found) for agent_id, found in heard}
        standing = {key: held for key, held in last.items() if held[1].expires_at > now}
        if standing:
            async with self._store.begin() as tx:
                for key, (agent_id, found) in standing.items():
                    row = await tx.get(ReservationRow, key)
                    if row is None:
                        tx.add(_row(agent_id, found))
                    else:
                        row.expires_at = max(row.expires_at, found.expires_at)
        del self._heard[: len(heard)]

    async def _left(self) -> list[ReservationRow]:
        gone = or_(ReservationRow.agent.is_(None), ReservationRow.agent.not_in(select(AgentRow.id)))
        async with self._store.begin() as tx:
            await self._drop_expired(tx)
            return list(await tx.scalars(select(ReservationRow).where(gone)))

    async def _drop_expired(self, tx: Transaction) -> None:
        await tx.execute(delete(ReservationRow).where(ReservationRow.expires_at <= self._clock.now()))

    async def _release(self, rows: Collection[ReservationRow], *, asked: bool = True) -> int:
        """One name after the other. What the server refuses is not asked for again. Where nobody `asked` at this moment
        the audit trail says what was done."""
        released, refused, left = 0, "", list(rows)
        try:
            for (project, name), held in _portions(rows):
                if self._mail is None:
                    raise StillReserved(f"Agent Mail is off here (ENABLE_AGENT_MAIL). {_standing(left)}")
                numbers = [row.number for row in held]
                if not asked:
                    await self._begin(project, name, numbers)
                count, why = 0, ""
                try:
                    count = await self._mail.release(project, name, numbers)
                except MailRefused as error:
                    why = refused = f"{error.message} {_standing(held)}"
                released += count
                async with self._store.begin() as tx:
                    await _forget(tx, project, numbers)
                    if not asked:
                        did = {"name": name, "numbers": numbers, "released": count}
                        await self._enter(tx, project, did, f"refused: {why}"[:500] if why else "done")
                left = [row for row in left if row not in held]
        except MailDown as error:
            raise StillReserved(
                f"{refused} {error.message} {_standing(left)} The bot goes on trying.".lstrip()
            ) from error
        finally:
            if self._mail is not None:
                await self._mail.close()
        if refused:
            raise StillReserved(refused)
        return released

    async def _begin(self, project: str, name: str, numbers: list[int]) -> None:
        async with self._store.begin() as tx:
            await self._enter(tx, project, {"name": name, "numbers": numbers}, "begun")

    async def _enter(self, tx: Transaction, project: str, detail: dict[str, Any], outcome: str) -> None:
        now = self._clock.now()
        await enter(tx, now, action="reservations.release", target=project, detail=detail, outcome=outcome)


async def _forget(tx: Transaction, project: str, numbers: Collection[int]) -> None:
    these = ReservationRow.project == project, ReservationRow.number.in_(numbers)
    await tx.execute(delete(ReservationRow).where(*these))


def _row(agent_id: str, found: Reservation) -> ReservationRow:
    return ReservationRow(
        project=found.project, number=found.number, name=found.name, agent=agent_id, expires_at=found.expires_at
    )


def _by_holder(rows: Collection[ReservationRow]) -> dict[Holder, list[ReservationRow]]:
    found: defaultdict[Holder, list[ReservationRow]] = defaultdict(list)
    for row in rows:
        found[row.project, row.name].append(row)
    return dict(found)


def _portions(rows: Collection[ReservationRow]) -> Iterator[tuple[Holder, list[ReservationRow]]]:
    for holder, held in _by_holder(rows).items():
        for start in range(0, len(held), _PORTION):
            yield holder, held[start : start + _PORTION]


def _standing(rows: Collection[ReservationRow]) -> str:
    until = max(row.expires_at for row in rows).astimezone(UTC)
    them = "1 reservation stands" if len(rows) == 1 else f"{len(rows)} reservations stand"
    return f"{them} until {until:%Y-%m-%d %H:%M} UTC at the latest."


def _last_look(agent: Agent) -> list[Reservation]:
    """What the end of its conversation tells. Blocking."""
    if agent.transcript is None:
        return []
    return Reader().read(last_entries(agent.transcript, LOOKED_AT, cli_for(agent.kind).entries))

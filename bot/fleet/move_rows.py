"""Moves between accounts as rows: each step is written before it is taken, and the end together with its notice."""

from __future__ import annotations

from sqlalchemy import select, update

from bot.agents.model import Agent
from bot.clock import Clock
from bot.fleet.move import Move
from bot.mail import announce, letters
from bot.notices import post
from bot.store import Store
from bot.store.patience import kept
from bot.store.tables import RotationRow

NOTICE = "rotation"


class MoveRows:
    """Every method is one short transaction."""

    def __init__(self, store: Store, clock: Clock, *, mail: bool) -> None:
        self._store = store
        self._clock = clock
        self._mail = mail  # the agents are told in Agent Mail as well

    async def begin(self, agent: Agent, target: str, by: str, reason: str) -> int:
        """The row of a move that is planned; its id."""
        async with self._store.begin() as tx:
            row = RotationRow(
                agent=agent.id,
                source=agent.profile or "",
                target=target,
                conversation=agent.conversation,
                source_file=str(agent.transcript) if agent.transcript else None,
                step="planned",
                reason=reason,
                asked_by=by,
                began_at=self._clock.now(),
            )
            tx.add(row)
            await tx.flush()
            return row.id

    async def step(self, row: int, step: str) -> None:
        """What is done next."""

        async def write() -> None:
            async with self._store.begin() as tx:
                await tx.execute(update(RotationRow).where(RotationRow.id == row).values(step=step))

        await kept(write)

    async def step_of(self, row: int) -> str:
        async with self._store.begin() as tx:
            return (await tx.get_one(RotationRow, row)).step

    async def end(self, row: int, outcome: str, detail: str, *, key: str | None = None) -> Move:
        """How it ended, told to the person: in the message with this key, or in a new one."""
        return await kept(lambda: self._end(row, outcome, detail, key))

    async def open(self, agent_id: str | None = None) -> list[RotationRow]:
        """Moves that have not ended (of one agent), the oldest first."""
        query = select(RotationRow).where(RotationRow.outcome == "").order_by(RotationRow.id)
        if agent_id is not None:
            query = query.where(RotationRow.agent == agent_id)
        async with self._store.begin() as tx:
            return list(await tx.scalars(query))

    async def _end(self, row: int, outcome: str, detail: str, key: str | None) -> Move:
        async with self._store.begin() as tx:
            found = await tx.get_one(RotationRow, row)
            found.outcome, found.detail, found.ended_at = outcome, detail, self._clock.now()
            await post(tx, NOTICE, {"rotation": row}, key=key, urgent=outcome == "stuck")
            if self._mail:
                why = found.reason if outcome == "moved" else detail
                letter = letters.of_move(found.agent, found.source, found.target, outcome, why)
                await announce(tx, letter, self._clock.now())
            return Move(row, found.agent, found.source, found.target, outcome, found.reason, detail)

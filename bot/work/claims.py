"""Who works on which bead: our own rows first, then Beads itself where it can be written.

The row comes first because its unique index makes two winners impossible in our own fleet; Beads then decides against
everybody else. Where Beads are read-only the row is all there is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bot.beads import Bead, BeadsBook, BeadTaken
from bot.clock import Clock
from bot.errors import MafError
from bot.store import Store, Transaction
from bot.store.audit import enter
from bot.store.tables import ClaimRow

DELETED = "the agent was deleted"  # why a bead is given back; of an open claim: that this is still to be done


@dataclass(frozen=True, slots=True)
class OpenClaim:
    """A bead that we gave to an agent and that has not come back. `in_beads`: it stands in Beads too. `made_for`: what
    it was taken for, if that may give it back."""

    agent: str
    bead: str
    repo: str
    claimed_at: datetime
    in_beads: bool = False
    made_for: str = ""


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """`holder` is who has the bead now. `fresh`: this very call took it, so a refused prompt gives it back."""

    bead: str
    agent: str
    holder: str
    fresh: bool = False
    in_beads: bool = False

    @property
    def won(self) -> bool:
        return self.holder == self.agent


class Claims:
    """Claims of one home. Beads are called outside of any transaction."""

    def __init__(self, store: Store, beads: BeadsBook, clock: Clock) -> None:
        self._store = store
        self._beads = beads
        self._clock = clock

    async def claim(self, agent: str, bead: Bead, *, made_for: str = "") -> ClaimResult:
        """Take a bead for an agent; taking it again is no error and not `fresh`, and what it was made for stays.

        One that is only marked to be given back is the agent's own again: an agent that is gone had the same name.

        A lost race is an answer (`won` False, `holder` says who). Raises what Beads raise otherwise (closed or blocked
        meanwhile, bd down); then nothing of ours remains.
        """
        holder, fresh = await self._take_row(agent, bead, made_for)
        if holder != agent:
            return ClaimResult(bead.id, agent, holder)
        try:
            client = await self._beads.for_workdir(Path(bead.repo))
            if not client.writable:
                return ClaimResult(bead.id, agent, agent, fresh)
            await client.claim(bead.id, agent)
        except BeadTaken as taken:
            await self._close_row(bead.repo, bead.id, agent, f"{taken.holder} had it in Beads")
            return ClaimResult(bead.id, agent, taken.holder)
        except MafError:
            if fresh:
                await self._close_row(bead.repo, bead.id, agent, "not claimed in Beads")
            raise
        async with self._store.begin() as tx:
            row = await _open_row(tx, bead.repo, bead.id)
            if row is not None:
                row.in_beads = True
        return ClaimResult(bead.id, agent, agent, fresh, in_beads=True)

    async def release(self, bead: str, agent: str, reason: str, *, repo: str | None = None, asked: bool = True) -> bool:
        """Give back what we claimed for this agent; False, and nothing changes, if it holds no such claim. Where nobody
        `asked` for it at this moment the audit trail says so.

        Beads first: if that fails the row stays open and the error is raised, so that it can be tried again. A bead
        that has changed hands in Beads meanwhile stays as it is there.
        """
        mine = [c for c in await self.all_open() if (c.agent, c.bead) == (agent, bead) and repo in {None, c.repo}]
        for claim in mine:
            client = await self._beads.for_workdir(Path(claim.repo))
            if client.writable:
                if not asked:
                    async with self._store.begin() as tx:
                        detail = {"agent": agent, "repo": claim.repo, "reason": reason}
                        await self._enter(tx, "bead.release", bead, detail, "begun")
                await client.release(bead, agent)
            await self._close_row(claim.repo, bead, agent, reason, audited="" if asked else "bead.release")
        return bool(mine)

    async def mark(self, claim: OpenClaim, reason: str) -> None:
        """It could not be given back now; the reason stands in place of what it was made for, until it can."""
        async with self._store.begin() as tx:
            row = await _open_row(tx, claim.repo, claim.bead)
            if row is not None and row.agent == claim.agent:
                row.reason = reason

    async def of(self, agent: str) -> list[OpenClaim]:
        """What an agent holds, oldest first; not what one of its name held that was deleted."""
        return [c for c in await self.all_open() if c.agent == agent and c.made_for != DELETED]

    async def all_open(self) -> list[OpenClaim]:
        """All open claims, oldest first."""
        async with self._store.begin() as tx:
            rows = await tx.scalars(select(ClaimRow).where(ClaimRow.released_at.is_(None)).order_by(ClaimRow.id))
            return [OpenClaim(r.agent, r.bead, r.repo, r.claimed_at, r.in_beads, r.reason) for r in rows]

    async def settle(self, repo: str, open_beads: Collection[str], *, read_at: datetime) -> list[OpenClaim]:
        """Close our rows for beads of a repo that were not open any more (done, or gone) when Beads were read; returns
        what was closed. A claim made since then is left alone."""
        held = [c for c in await self.all_open() if c.repo == repo and c.claimed_at < read_at]
        over = [c for c in held if c.bead not in open_beads]
        for claim in over:
            await self._close_row(claim.repo, claim.bead, claim.agent, "done", audited="bead.done")
        return over

    async def _take_row(self, agent: str, bead: Bead, made_for: str) -> tuple[str, bool]:
        """(holder, did we insert it). The unique index on open claims is what decides."""
        try:
            async with self._store.begin() as tx:
                row = await _open_row(tx, bead.repo, bead.id)
                if row is not None:
                    if (row.agent, row.reason) == (agent, DELETED):
                        row.reason, row.claimed_at = made_for, self._clock.now()
                    return row.agent, False
                now = self._clock.now()
                tx.add(ClaimRow(repo=bead.repo, bead=bead.id, agent=agent, claimed_at=now, reason=made_for))
        except IntegrityError:
            async with self._store.begin() as tx:
                row = await _open_row(tx, bead.repo, bead.id)
                return (row.agent if row is not None else "someone else"), False
        return agent, True

    async def _close_row(self, repo: str, bead: str, agent: str, reason: str, *, audited: str = "") -> None:
        """`audited`: the action of the audit row, where the bot does it by itself."""
        now = self._clock.now()
        async with self._store.begin() as tx:
            row = await _open_row(tx, repo, bead)
            if row is not None and row.agent == agent:
                row.released_at, row.reason = now, reason
                if audited:
                    await self._enter(tx, audited, bead, {"agent": agent, "repo": repo, "reason": reason})

    async def _enter(
        self, tx: Transaction, action: str, bead: str, detail: dict[str, Any], outcome: str = "done"
    ) -> None:
        await enter(tx, self._clock.now(), action=action, target=bead, detail=detail, outcome=outcome)


async def _open_row(tx: Transaction, repo: str, bead: str) -> ClaimRow | None:
    found = select(ClaimRow).where(ClaimRow.repo == repo, ClaimRow.bead == bead, ClaimRow.released_at.is_(None))
    return (await tx.scalars(found)).one_or_none()

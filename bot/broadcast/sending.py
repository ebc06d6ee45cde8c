"""One item on its way: validated, its bead claimed, a delivery written and followed; the bead given back if need be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from pathlib import Path
from typing import Any

from bot.agents.delivery.model import FAILED
from bot.agents.delivery.service import Deliveries
from bot.beads.book import BeadsBook
from bot.beads.model import Bead
from bot.broadcast import ledger
from bot.broadcast.model import Draft, Item
from bot.broadcast.report import count, duration
from bot.broadcast.situation import Situation
from bot.broadcast.survey import Survey
from bot.broadcast.validate import objection
from bot.checkpoint import Checkpoint, pass_by
from bot.clock import Clock
from bot.errors import MafError, NotFound, Refused
from bot.notices import touch
from bot.store import Store
from bot.work.claims import Claims

log = logging.getLogger(__name__)

# How long one look at a queued delivery waits before it looks again.
WAIT_S = 30.0


class _TakenAlready(Exception):
    """Somebody else has given this item its delivery meanwhile: theirs counts, and ours is rolled back."""


class Sender:
    """The steps between an item that was taken (`intended`) and its delivery's end: each a row before it is an act."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        survey: Survey,
        claims: Claims,
        book: BeadsBook,
        deliveries: Deliveries,
        checkpoint: Checkpoint = pass_by,
    ) -> None:
        self._store = store
        self._clock = clock
        self._survey = survey
        self._claims = claims
        self._book = book
        self._deliveries = deliveries
        self._checkpoint = checkpoint

    async def send(self, draft_id: str, item_ids: Collection[int]) -> None:
        """Send these taken items, all at once; returns when each has come to its end."""
        draft = await self._read(draft_id)
        items = [i for i in draft.items if i.id in item_ids and i.delivery is None and i.status == "intended"]
        if why := self._too_late(draft):
            for item in items:
                await self.refuse(draft, item, why)
            return
        situation = await self._survey.take(with_beads=any(i.bead for i in items))
        plain = [i for i in items if not i.bead]
        jobs: list[Coroutine[Any, Any, None]] = [self._send_bead(draft, i, situation) for i in items if i.bead]
        if plain:
            jobs.append(self._send_plain(draft, plain, situation))
        # Every job comes to its end before an error of one of them is looked at.
        for result in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def follow(self, draft: Draft, item: Item, delivery_id: str) -> None:
        """Stay with a delivery until it is final; give the bead back if the prompt was not taken."""
        while self._deliveries.under_way(delivery_id):
            await self._deliveries.wait(delivery_id, WAIT_S)
        delivery = await self._deliveries.get(delivery_id)
        if delivery.status in FAILED:
            await self.give_back(draft, item, f"the prompt was {delivery.status}: {delivery.reason}")
        async with self._store.begin() as tx:
            await touch(tx, draft.key)

    async def give_back(self, draft: Draft, item: Item, reason: str) -> None:
        """Release the claim that this item made. A bead that the agent came by otherwise stays with it."""
        for claim in await self._claims.of(item.agent):
            if claim.bead != item.bead or claim.made_for != draft.claims_for:
                continue
            try:
                await self._claims.release(claim.bead, claim.agent, reason[:200], repo=claim.repo, asked=False)
            except MafError as error:
                # The row stays open and Apply.reconcile_claims tries again.
                log.warning("%s could not be given back: %s", claim.bead, error.message)

    async def refuse(self, draft: Draft, item: Item, reason: str) -> None:
        """Nothing was typed for this item; a claim of it, made now or before a crash, is given back first."""
        await self.give_back(draft, item, reason)
        async with self._store.begin() as tx:
            await ledger.move_item(tx, item, {"intended"}, status="refused", reason=reason)
            await touch(tx, draft.key, draft.key_of_edit(item.agent))

    async def refuse_rest(self, draft_id: str, reason: str) -> None:
        """Whatever was taken and has no delivery yet was not sent, and says why."""
        draft = await self._read(draft_id)
        for item in draft.items:
            if item.status == "intended" and item.delivery is None:
                await self.refuse(draft, item, reason)

    async def settle_claims(self) -> None:
        """Close the claims of beads that are done by now, whoever closed them."""
        held = await self._claims.all_open()
        if not held:
            return
        read_at = self._clock.now()
        tasks = await self._book.gather({Path(claim.repo) for claim in held})
        for repo, unfinished in tasks.unfinished.items():
            for claim in await self._claims.settle(repo, unfinished, read_at=read_at):
                log.info("%s is done; %s holds it no more", claim.bead, claim.agent)

    async def settle(self, draft_id: str) -> None:
        """Close a draft once nothing of it moves any more."""
        async with self._store.begin() as tx:
            draft = await ledger.read(tx, draft_id)
            if draft.status == "applying" and count(draft.items).settled:
                await ledger.set_status(tx, draft_id, {"applying"}, status="done")
            await touch(tx, draft.key)

    def _too_late(self, draft: Draft) -> str:
        """What stands in for the approval of a draft when it is too old by now; empty if it still counts."""
        now = self._clock.now()
        if now < draft.approval_ends:
            return ""
        return f"not sent: it was approved {duration((now - (draft.applied_at or now)).total_seconds())} ago"

    async def _read(self, draft_id: str) -> Draft:
        async with self._store.begin() as tx:
            return await ledger.read(tx, draft_id)

    async def _send_plain(self, draft: Draft, items: Collection[Item], situation: Situation) -> None:
        """Items without a bead go out together: one settle pause for all of them."""
        ready = []
        for item in items:
            reason = objection(item, situation, None)
            if reason:
                await self.refuse(draft, item, reason)
                continue
            delivery_id = await self._intend(draft, item)
            if delivery_id:
                ready.append((item, delivery_id))
        await self._deliveries.run_many([delivery_id for _, delivery_id in ready])
        await asyncio.gather(*(self.follow(draft, item, delivery_id) for item, delivery_id in ready))

    async def _send_bead(self, draft: Draft, item: Item, situation: Situation) -> None:
        bead = await self._bead_now(item, situation)
        reason = objection(item, situation, bead)
        if reason or bead is None:
            await self.refuse(draft, item, reason)
            return
        if item.action == "assign":
            try:
                claimed = await self._claims.claim(item.agent, bead, made_for=draft.claims_for)
            except MafError as error:
                await self.refuse(draft, item, error.message)
                return
            if not claimed.won:
                await self.refuse(draft, item, f"{bead.id} went to {claimed.holder}")
                return
        self._checkpoint("after_claimed", f"{draft.id}/{item.agent}")
        delivery_id = await self._intend(draft, item)
        if delivery_id is None:
            return
        await self._deliveries.run(delivery_id)
        await self.follow(draft, item, delivery_id)

    async def _bead_now(self, item: Item, situation: Situation) -> Bead | None:
        agent = next((a for a in situation.agents if a.id == item.agent), None)
        if agent is None or item.bead is None:
            return None
        found = situation.bead(agent, item.bead)
        if found is not None:
            return found
        try:
            return await (await self._book.for_workdir(agent.workdir)).show(item.bead)
        except NotFound:
            return None

    async def _intend(self, draft: Draft, item: Item) -> str | None:
        """The delivery's row and the item's link to it, in one transaction; None when it was refused, or has one."""
        try:
            async with self._store.begin() as tx:
                if why := self._too_late(draft):  # the store may have been locked for hours
                    raise Refused(why)
                delivery = await self._deliveries.create(
                    tx,
                    agent=item.agent,
                    text=item.prompt,
                    created_by=draft.applied_by or draft.created_by,
                    notice_key=draft.key,
                )
                if not await ledger.move_item(tx, item, {"intended"}, delivery_id=delivery.id):
                    raise _TakenAlready
                await touch(tx, draft.key, draft.key_of_edit(item.agent))
        except _TakenAlready:
            return None
        except MafError as error:
            await self.refuse(draft, item, error.message)
            return None
        return delivery.id

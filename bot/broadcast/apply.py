"""Sending a draft: every step is a row before it is an action, so that a crash neither loses nor repeats a prompt.

An item goes `drafted` -> `intended` (taken for sending, in the transaction that wins the tap) -> its bead is claimed
-> a delivery row, in one transaction with the link to it -> the delivery's own steps. After a restart `resume` goes on
from whatever row stands there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from typing import Any

from sqlalchemy import select

from bot.agents.delivery.model import FAILED, FINAL
from bot.agents.delivery.rows import sent_again
from bot.broadcast import ledger
from bot.broadcast.drafts import CARD
from bot.broadcast.model import CLAIMED_FOR, Draft, Item
from bot.broadcast.report import count
from bot.broadcast.sending import Sender
from bot.checkpoint import Checkpoint, pass_by
from bot.clock import Clock
from bot.errors import Refused
from bot.notices import post, touch
from bot.store import Store, Transaction
from bot.store.audit import enter, fingerprint, note
from bot.store.errors import explained, trouble
from bot.store.patience import kept, patient_task
from bot.store.tables import DeliveryRow, DraftRow, ItemRow
from bot.work.claims import Claims

log = logging.getLogger(__name__)


class Apply:
    """Sends drafts. The work runs in tasks of its own; `apply` returns as soon as the tap has won."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        sender: Sender,
        claims: Claims,
        checkpoint: Checkpoint = pass_by,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sender = sender
        self._claims = claims
        self._checkpoint = checkpoint
        self._tasks: dict[str, set[asyncio.Task[None]]] = {}

    async def apply(
        self, draft_id: str, version: int | None, by: str, *, items: Collection[str] | None = None
    ) -> Draft:
        """Take a draft (or some agents' items of it) for sending, and begin. One caller wins; the others are told.

        Raises DraftChanged, DraftClosed, DraftExpired, NotFound, Refused (nothing to send).
        """
        now = self._clock.now()
        async with self._store.begin() as tx:
            before = await ledger.read(tx, draft_id)
            ledger.refuse_closed(before, now)
            chosen = _chosen(before, items)
            note(draft=before.id, prompts={item.agent: fingerprint(item.prompt) for item in chosen})
            rest = len(before.sendable) - len(chosen)
            status = "pending" if rest else "applying"
            values: dict[str, Any] = {"status": status, "applied_at": now, "applied_by": by}
            whom = ", ".join(item.agent for item in chosen)
            draft = await ledger.take(tx, before.id, version, now, changed=f"{by} sent {whom}", **values)
            for item in chosen:
                await ledger.set_item(tx, item.id, {"drafted"}, status="intended")
            if rest:  # the page that was tapped stays
                await touch(tx, *draft.keys, urgent=True)
            else:  # its messages become the report; one drafted without a message (auto) gets one now
                await post(tx, CARD, {"draft": draft.id}, chat_id=draft.chat_id, key=draft.key, urgent=True)
                await touch(tx, *draft.keys, urgent=True)
            draft = await ledger.read(tx, draft.id)
        self._checkpoint("after_taken", draft.id)
        self._begin(draft, [i.id for i in chosen])
        return draft

    async def retry_failed(self, draft_id: str, by: str) -> Draft:
        """Send the refused and failed items of a draft again, validated anew. Raises Refused if there are none."""
        async with self._store.begin() as tx:
            draft = await ledger.read(tx, draft_id)
            failed = [i for i in draft.items if i.status in FAILED]
            if not failed:
                moves = not count(draft.items).settled
                now = f"{draft.applied_by} is sending it already" if moves else "nothing of it failed"
                raise Refused(f"There is nothing to retry in draft {draft.id}: {now}.")
            again = {"status": "intended", "delivery_id": None, "reason": f"tried again by {by}"}
            note(draft=draft.id, prompts={item.agent: fingerprint(item.prompt) for item in failed})
            taken = [i.id for i in failed if await ledger.move_item(tx, i, {"intended", *FAILED}, **again)]
            if not taken:  # on PostgreSQL another transaction may have come in between
                raise Refused(f"Somebody tries draft {draft.id} again already.")
            began = {"status": "applying"} if draft.status == "done" else {}
            await ledger.set_status(tx, draft.id, {draft.status}, applied_by=by, applied_at=self._clock.now(), **began)
            await touch(tx, *draft.keys, urgent=True)
            draft = await ledger.read(tx, draft.id)
        self._begin(draft, taken)
        return draft

    async def link(self, old_delivery: str, new_delivery: str) -> Draft | None:
        """A delivery was sent again under a new id: the item follows it. The draft, if it belongs to one."""
        async with self._store.begin() as tx:
            row = await tx.scalar(select(ItemRow).where(ItemRow.delivery_id == old_delivery))
            if row is None:
                return None
            row.delivery_id = new_delivery
            await tx.flush()
            draft = await ledger.read(tx, row.draft_id)
            await touch(tx, draft.key)
        item = next(i for i in draft.items if i.delivery and i.delivery.id == new_delivery)
        self._spawn(draft.id, self._sender.follow(draft, item, new_delivery))
        return draft

    async def finished(self, draft_id: str, timeout: float, *, queued_too: bool = False) -> Draft:
        """Wait until all that was begun of a draft has settled, at most `timeout` seconds; the draft as it is then.
        With `queued_too` a prompt that waits for its agent to be free counts as settled."""
        deadline = self._clock.monotonic() + timeout
        while True:
            tasks = set(self._tasks.get(draft_id, ()))
            async with self._store.begin() as tx:
                draft = await ledger.read(tx, draft_id)
            counts = count(draft.items)
            left = deadline - self._clock.monotonic()
            if not tasks or left <= 0 or (queued_too and not counts.moving):
                return draft
            await asyncio.wait(tasks, timeout=min(left, 0.2))

    async def resume(self) -> None:
        """Go on after a restart; call after Deliveries.resume.

        A prompt sent again is the item's from now on; items without a delivery are sent (or refused, if they were
        approved too long ago), deliveries are followed to their end, claims of refused items are given back.
        """
        async with self._store.begin() as tx:
            await _follow_newer(tx)
            ids = (
                await tx.scalars(
                    select(DraftRow.id)
                    .join(ItemRow, ItemRow.draft_id == DraftRow.id)
                    .outerjoin(DeliveryRow, DeliveryRow.id == ItemRow.delivery_id)
                    .where(ItemRow.status == "intended")
                    .where(
                        DraftRow.status.in_(["applying", "pending"])
                        | ItemRow.delivery_id.is_(None)
                        | DeliveryRow.status.not_in(FINAL)
                    )
                    .distinct()
                )
            ).all()
            drafts = [await ledger.read(tx, draft_id) for draft_id in ids]
        for draft in drafts:
            await self._pick_up(draft)
        await self._give_back_refused()

    async def close(self, timeout: float = 5.0) -> None:
        """Let running work reach its next row, then stop it; what is left resumes at the next start."""
        tasks = {task for group in self._tasks.values() for task in group}
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=timeout)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, draft: Draft, item_ids: Collection[int]) -> None:
        self._spawn(draft.id, self._sender.send(draft.id, item_ids))

    def _spawn(self, draft_id: str, work: Coroutine[Any, Any, None]) -> None:
        task = patient_task(self._run(draft_id, work), name=f"apply {draft_id}")
        self._tasks.setdefault(draft_id, set()).add(task)
        task.add_done_callback(lambda t: self._forget(draft_id, t))

    def _forget(self, draft_id: str, task: asyncio.Task[None]) -> None:
        group = self._tasks.get(draft_id, set())
        group.discard(task)
        if not group:
            self._tasks.pop(draft_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("draft %s could not be brought to its end", draft_id, exc_info=error)

    async def _run(self, draft_id: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            # The edge of a background task: nobody awaits it, so this is where a bug becomes a line the person sees.
            if trouble(error) is None:
                log.exception("sending draft %s", draft_id)
            why = explained(error).message
            await kept(lambda: self._sender.refuse_rest(draft_id, why))
        await kept(lambda: self._sender.settle(draft_id))

    async def _pick_up(self, draft: Draft) -> None:
        waiting = [i for i in draft.items if i.status == "intended" and i.delivery is None]
        if waiting:
            detail = {"for": draft.applied_by, "prompts": {i.agent: fingerprint(i.prompt) for i in waiting}}
            async with self._store.begin() as tx:
                await enter(tx, self._clock.now(), action="broadcast.go-on", target=draft.id, detail=detail)
            self._begin(draft, [i.id for i in waiting])
        for item in draft.items:
            if item.delivery is not None:
                self._spawn(draft.id, self._sender.follow(draft, item, item.delivery.id))
        if not waiting:
            await self._sender.settle(draft.id)

    async def reconcile_claims(self) -> None:
        """Close the claims of beads that are done; give back those whose prompt was refused."""
        await self._sender.settle_claims()
        await self._give_back_refused()

    async def _give_back_refused(self) -> None:
        """Beads whose prompt was refused and whose release did not happen before a crash, or failed."""
        for claim in await self._claims.all_open():
            if not claim.made_for.startswith(CLAIMED_FOR):
                continue
            async with self._store.begin() as tx:
                draft = await ledger.read(tx, claim.made_for.removeprefix(CLAIMED_FOR))
            for item in draft.items:
                if (item.agent, item.bead) == (claim.agent, claim.bead) and item.status in FAILED:
                    await self._sender.give_back(draft, item, "its prompt was refused")


async def _follow_newer(tx: Transaction) -> None:
    """Items whose unconfirmed prompt was sent again just before a crash, between the new row and the link to it."""
    pairs = await tx.execute(
        select(ItemRow, DeliveryRow)
        .join(DeliveryRow, DeliveryRow.id == ItemRow.delivery_id)
        .where(DeliveryRow.status == "unconfirmed", DeliveryRow.notice_key.is_not(None))
    )
    for item, old in pairs.all():
        newer = await sent_again(tx, old)
        sent = next((one for one in newer if one.status != "refused"), None)
        if sent is not None:
            item.delivery_id = sent.id
        elif newer and old.decision == "resent":  # nothing was typed: the first one is still to be decided about
            old.decision, old.reason = None, f"Not sent again. {newer[0].reason}"


def _chosen(draft: Draft, agents: Collection[str] | None) -> list[Item]:
    """The items to send now. Raises NotFound for an agent not in the draft, Refused when nothing is left to send."""
    if agents is None:
        chosen = list(draft.sendable)
    else:
        chosen = [draft.item(agent) for agent in dict.fromkeys(agents)]
        for item in chosen:
            if not item.sends:
                raise Refused(f"{item.agent} is {item.status} in draft {draft.id} already.")
    if not chosen:
        raise Refused(f"There is nothing to send in draft {draft.id}.")
    return chosen

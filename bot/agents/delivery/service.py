"""Delivery with proof: one prompt to one agent, typed at most once, and called sent only when the agent recorded it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from bot.agents.delivery import text as texts
from bot.agents.delivery.errands import Errands
from bot.agents.delivery.jobs import Jobs
from bot.agents.delivery.model import TTL, UNDER_WAY, Delivery, Mode, Status
from bot.agents.delivery.rows import DecidedAlready, DeliveryRows
from bot.agents.registry import Registry
from bot.agents.state.watch import Watch
from bot.checkpoint import Checkpoint, pass_by
from bot.clock import Clock
from bot.errors import NotFound, Refused
from bot.store import Store, Transaction
from bot.store.audit import fingerprint, note
from bot.store.patience import patient_task
from bot.store.tables import AgentRow
from bot.tmux.panes import Panes

log = logging.getLogger(__name__)

WAIT_S = 15.0
WITHDRAWN_S = 3.0  # for the job of a prompt that was called off to end


class Deliveries:
    """All deliveries of one home. `background` False: no bot runs, so nothing stays queued when a call returns."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        watch: Watch,
        panes: Panes,
        *,
        clock: Clock,
        background: bool = True,
        checkpoint: Checkpoint = pass_by,
    ) -> None:
        self._store = store
        self._registry = registry
        self._background = background
        self._clock = clock
        self._rows = DeliveryRows(store, clock)
        self._errands = Errands(registry, watch, panes, self._rows, clock, checkpoint=checkpoint, background=background)
        self._jobs = Jobs(self._errands, self._rows, background=background)

    async def create(
        self,
        tx: Transaction,
        *,
        agent: str,
        text: str,
        created_by: str,
        mode: Mode = "idle",
        notice_key: str | None = None,
        ttl: timedelta | None = TTL,
        raw: bool = False,
    ) -> Delivery:
        """Write a delivery as `intended`, its text ready to be typed. Raises NotFound, or Refused with the reason.

        `ttl` bounds how long it waits for a busy agent. `raw` leaves a leading / ! # @ its meaning.
        """
        row = await tx.get(AgentRow, agent)
        if row is None:
            raise NotFound.of("agent", agent, [one.id for one in await self._registry.all()] if self._known() else ())
        ref = texts.new_ref()
        ready, notes = texts.prepare(text, kind=row.kind, agent=agent, ref=ref, raw=raw)
        now = self._clock.now()
        delivery = Delivery(
            id=ref,
            agent=agent,
            text=ready,
            mode=mode,
            status="intended",
            created_by=created_by,
            created_at=now,
            updated_at=now,
            notes=notes,
            expires_at=now + ttl if ttl is not None else None,
            notice_key=notice_key,
        )
        self._rows.add(tx, delivery)
        self._jobs.own(ref)
        return delivery

    async def run(self, delivery_id: str, *, wait: float = WAIT_S) -> Delivery:
        """Do it; returns at a final status, or as `queued` while it goes on in the background.

        Without a running bot it waits up to `wait` seconds for a busy agent, and then it is `refused`.
        """
        return (await self.run_many([delivery_id], wait=wait))[0]

    async def run_many(self, ids: Collection[str], *, wait: float = WAIT_S) -> list[Delivery]:
        """Many at once, which costs one settle pause; results in the order of `ids`."""
        for delivery in await self._rows.get_many(ids):
            self._jobs.begin(delivery, wait)
        if self._background:
            await asyncio.gather(*(self._jobs.settled(one) for one in ids))
        else:
            await self._jobs.ended(ids)
            await self._jobs.started(ids)  # nobody follows them after this process
        return await self._rows.get_many(ids)

    async def wait(self, delivery_id: str, timeout: float) -> Delivery:
        """As it is when it became final, or after `timeout` seconds."""
        await self._jobs.ended([delivery_id], timeout=timeout)
        return await self._rows.get(delivery_id)

    def under_way(self, delivery_id: str) -> bool:
        """Will it come to its end by itself, in this process?"""
        return delivery_id in self._jobs

    async def send(
        self, agent: str, text: str, *, created_by: str, now: bool = False, wait: float = WAIT_S, raw: bool = False
    ) -> Delivery:
        """Create and run. A busy agent is waited for `wait` seconds; then it stays queued, or is refused without a bot.
        Once the prompt is taken it stays a moment for the first sign of work.

        Raises NotFound or Refused for a text or an agent that cannot be at all; the rest is an answer.
        """
        await self._registry.get(agent)
        # Without a bot nothing may be found by a later one and typed then, should this process be ended half-way.
        ttl = TTL if self._background else timedelta(seconds=wait)
        mode: Mode = "now" if now else "idle"
        async with self._store.begin() as tx:
            delivery = await self.create(tx, agent=agent, text=text, created_by=created_by, mode=mode, ttl=ttl, raw=raw)
        job = self._jobs.begin(delivery, wait)
        # It is being typed: who asked is told how that went, and not of a store that is locked meanwhile.
        return await patient_task(self._sent(delivery, job, wait), name=f"sent {delivery.id}")

    async def _sent(self, delivery: Delivery, job: asyncio.Task[Delivery], wait: float) -> Delivery:
        if not self._background:
            await job
        else:
            await asyncio.wait([job], timeout=wait)
        if not job.done() and (await self._rows.get(delivery.id)).status != "queued":
            await self._jobs.settled(delivery.id)  # typed: the rest has its own bounds
        await self._jobs.started([delivery.id])
        return await self._rows.get(delivery.id)

    async def get(self, delivery_id: str) -> Delivery:
        """Raises NotFound."""
        return await self._rows.get(delivery_id)

    async def resume(self) -> list[Delivery]:
        """After a restart: go on with what was under way; nothing is typed twice. Returns what was picked up."""
        open_rows = await self._rows.with_status(*UNDER_WAY)
        young = self._clock.now() - timedelta(hours=1)
        taken = await self._rows.with_status("submitted", "unconfirmed", since=young)
        await self._rows.go_on(open_rows)
        for delivery in open_rows:
            self._jobs.begin(delivery, WAIT_S)
        for delivery in taken:
            self._jobs.follow(delivery)
        return [*open_rows, *taken]

    async def press_enter(self, delivery_id: str, by: str) -> Delivery:
        """A person says so: press Enter, if exactly our text stands in the composer. Raises Refused with the reason."""
        delivery = await self._free(delivery_id, "unconfirmed", "typed")
        log.info("%s presses Enter for %s", by, delivery_id)
        return await self._jobs.do(delivery, self._errands.press_enter(delivery))

    async def resend(self, delivery_id: str, by: str) -> Delivery:
        """A person says so: send the text again, as a new delivery, unless the first one arrived after all.

        The new one as it is then; if it was refused nothing was typed, and the old one still waits for a decision.
        Raises DecidedAlready when somebody else was quicker, Refused for what needs no decision (any more).
        """
        old = await self._free(delivery_id, "unconfirmed")
        if (found := await self._errands.evidence_now(old)) is not None:
            self._jobs.follow(found)
            raise Refused(f"{old.agent} has taken the text after all; it was not sent again.")
        now, ref = self._clock.now(), texts.new_ref()
        new = replace(
            old,
            id=ref,
            text=texts.with_new_ref(old.text, old.id, ref),
            status="intended",
            created_by=by,
            created_at=now,
            updated_at=now,
            evidence=None,
            reason="",
            expires_at=now + TTL,
        )
        async with self._store.begin() as tx:
            await self._rows.decide(tx, old, "resent", f"Sent again as {ref} by {by}.")
            self._rows.add(tx, new)
        self._jobs.own(ref)
        done = await self.run(ref)
        if done.status == "refused":  # nothing was typed, so the old one is still to be decided about
            await self._rows.change(old.id, decision=None, reason=old.reason)
        return done

    async def leave(self, delivery_id: str, by: str) -> Delivery:
        """A person has looked and leaves it as it is. Raises as resend."""
        left = await self._free(delivery_id, "unconfirmed")
        async with self._store.begin() as tx:
            await self._rows.decide(tx, left, "left", f"Left as it is by {by}.")
        return await self._rows.get(delivery_id)

    async def withdraw(self, delivery_id: str, by: str) -> Delivery:
        """A person does not want a prompt sent that waits for its agent. Raises NotFound, Refused (it is typed
        already)."""
        delivery = await self._rows.call_off(delivery_id, by)
        note(delivery=delivery.id, agent=delivery.agent, **fingerprint(delivery.text))
        self._errands.call_off(delivery.id, f"{delivery.called_off_by} called it off.")
        await self._jobs.ended([delivery_id], timeout=WITHDRAWN_S)
        return await self._rows.get(delivery_id)

    async def call_off(self, agent: str, reason: str) -> None:
        """What waits for this agent is not typed any more: it ends as refused, at once or when its job looks next."""
        waiting = [one for one in await self._rows.with_status("intended", "queued") if one.agent == agent]
        for delivery in waiting:
            if delivery.id in self._jobs:
                self._errands.call_off(delivery.id, reason)
        alone = {one.id: {"status": "refused", "reason": reason} for one in waiting if one.id not in self._jobs}
        if alone:
            await self._rows.change_many(alone)

    async def close(self) -> None:
        """Stop; what is open goes on after the next start."""
        await self._jobs.close()
        await self._errands.close()

    def _known(self) -> bool:
        # Reading the registry begins a transaction, and SQLite has one writer: only a copy in memory may be asked here.
        return self._registry.loaded

    async def _free(self, delivery_id: str, *statuses: Status) -> Delivery:
        """The delivery, if it is at one of these statuses, nobody has decided about it, and nothing is under way."""
        delivery = await self._rows.get(delivery_id)
        note(delivery=delivery.id, agent=delivery.agent, **fingerprint(delivery.text))
        if delivery.id in self._jobs:
            raise Refused(f"The delivery to {delivery.agent} is still under way.")
        if delivery.status not in statuses:
            raise Refused(f"The delivery to {delivery.agent} is {delivery.status} already.")
        if delivery.decision is not None:
            raise DecidedAlready(delivery.reason)
        return delivery

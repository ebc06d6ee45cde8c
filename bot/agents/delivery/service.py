"""Delivery with proof: one prompt to one agent, typed at most once, and called sent only when the agent recorded it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from datetime import timedelta
from typing import Any

from bot.agents.delivery import text as texts
from bot.agents.delivery.checkpoint import Checkpoint, pass_by
from bot.agents.delivery.errands import Errands
from bot.agents.delivery.model import Delivery, Mode
from bot.agents.delivery.rows import DeliveryRows
from bot.agents.registry import Registry
from bot.agents.state.watch import Watch
from bot.clis.cli import cli_for
from bot.clock import Clock
from bot.errors import MafError, NotFound, Refused
from bot.store import Store, Transaction
from bot.store.tables import AgentRow
from bot.tmux.panes import Panes

log = logging.getLogger(__name__)

TTL = timedelta(minutes=30)
WAIT_S = 15.0
STARTED_S = 2.0  # how long who sends stays for the first sign of work, once the prompt is taken


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
        self._jobs: dict[str, asyncio.Task[Delivery]] = {}
        self._after: dict[str, asyncio.Task[Delivery]] = {}
        # Rows of ours, or looked after already. Any other open row is from before a restart, and is looked at first.
        self._ours: set[str] = set()

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
        ready, notes = prepare(text, kind=row.kind, agent=agent, ref=ref, raw=raw)
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
        self._ours.add(ref)
        return delivery

    async def run(self, delivery_id: str, *, wait: float = WAIT_S) -> Delivery:
        """Do it; returns at a final status, or as `queued` while it goes on in the background.

        Without a running bot it waits up to `wait` seconds for a busy agent, and then it is `refused`.
        """
        return (await self.run_many([delivery_id], wait=wait))[0]

    async def run_many(self, ids: Collection[str], *, wait: float = WAIT_S) -> list[Delivery]:
        """Many at once, which costs one settle pause; results in the order of `ids`."""
        for delivery in await self._rows.get_many(ids):
            self._begin(delivery, wait)
        if self._background:
            await asyncio.gather(*(self._settled(one) for one in ids))
        else:
            await asyncio.gather(*(self._jobs[one] for one in ids if one in self._jobs))
            await self._started(ids)  # nobody follows them after this process
        return await self._rows.get_many(ids)

    async def wait(self, delivery_id: str, timeout: float) -> Delivery:
        """As it is when it became final, or after `timeout` seconds."""
        job = self._jobs.get(delivery_id)
        if job is not None:
            await asyncio.wait([job], timeout=timeout)
        return await self._rows.get(delivery_id)

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
        job = self._begin(delivery, wait)
        if not self._background:
            await job
        else:
            await asyncio.wait([job], timeout=wait)
        if not job.done() and (await self._rows.get(delivery.id)).status != "queued":
            await self._settled(delivery.id)  # typed: the rest has its own bounds
        await self._started([delivery.id])
        return await self._rows.get(delivery.id)

    async def get(self, delivery_id: str) -> Delivery:
        """Raises NotFound."""
        return await self._rows.get(delivery_id)

    async def resume(self) -> list[Delivery]:
        """After a restart: go on with what was under way; nothing is typed twice. Returns what was picked up."""
        open_rows = await self._rows.with_status("intended", "queued", "typed")
        young = self._clock.now() - timedelta(hours=1)
        taken = await self._rows.with_status("submitted", since=young)
        for delivery in open_rows:
            self._begin(delivery, WAIT_S)
        for delivery in taken:
            self._follow(delivery)
        return [*open_rows, *taken]

    async def press_enter(self, delivery_id: str, by: str) -> Delivery:
        """A person says so: press Enter, if exactly our text stands in the composer. Raises Refused with the reason."""
        delivery = await self._free(delivery_id, "unconfirmed", "typed")
        log.info("%s presses Enter for %s", by, delivery_id)
        return await self._do(delivery, self._errands.press_enter(delivery))

    async def resend(self, delivery_id: str, by: str) -> Delivery:
        """A person says so: send the text again, as a new delivery, unless the first one arrived after all.

        The new one as it is then; if it was refused nothing was typed, and the old one still waits for a decision.
        """
        old = await self._free(delivery_id, "unconfirmed", "refused", "failed")
        if (found := await self._errands.evidence_now(old)) is not None:
            self._follow(found)
            raise Refused(f"{old.agent} has taken the text after all; it was not sent again.")
        now = self._clock.now()
        ref = texts.new_ref()
        new = Delivery(
            id=ref,
            agent=old.agent,
            text=old.text.removesuffix(f"ref: {old.id}") + f"ref: {ref}" if old.text.endswith(old.id) else old.text,
            mode=old.mode,
            status="intended",
            created_by=by,
            created_at=now,
            updated_at=now,
            notes=old.notes,
            expires_at=now + TTL,
            notice_key=old.notice_key,
        )
        async with self._store.begin() as tx:
            self._rows.add(tx, new)
            await self._rows.decide(tx, old, "resent", f"Sent again as {ref}.")
        self._ours.add(ref)
        done = await self.run(ref)
        if done.status == "refused":  # nothing was typed, so the old one is still to be decided about
            await self._rows.change(old.id, decision=old.decision, reason=old.reason)
        return done

    async def leave(self, delivery_id: str, by: str) -> Delivery:
        """A person has looked and leaves it as it is."""
        await self._free(delivery_id, "unconfirmed")
        return await self._rows.change(delivery_id, decision="left", reason=f"Left as it is by {by}.")

    async def close(self) -> None:
        """Stop; what is open goes on after the next start."""
        tasks = [*self._jobs.values(), *self._after.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._errands.close()

    def _known(self) -> bool:
        # Reading the registry begins a transaction, and SQLite has one writer: only a copy in memory may be asked here.
        return self._registry.loaded

    def _begin(self, delivery: Delivery, wait: float) -> asyncio.Task[Delivery]:
        """The job of a delivery, begun if there is none and it is not final."""
        job = self._jobs.get(delivery.id)
        if job is None:
            job = asyncio.create_task(self._job(delivery, wait), name=f"delivery {delivery.id}")
            self._jobs[delivery.id] = job
            job.add_done_callback(lambda done: self._job_done(delivery.id, done))
        return job

    async def _job(self, delivery: Delivery, wait: float) -> Delivery:
        if delivery.final:
            return delivery
        ours = delivery.id in self._ours or delivery.status == "queued"
        self._ours.add(delivery.id)
        work = self._errands.deliver if ours else self._errands.recover
        try:
            return await work(delivery, wait)
        except MafError as error:
            return await self._rows.change(delivery.id, status="failed", reason=error.message)

    def _job_done(self, delivery_id: str, job: asyncio.Task[Delivery]) -> None:
        self._jobs.pop(delivery_id, None)
        if job.cancelled():
            return
        if (error := job.exception()) is not None:
            log.error("delivery %s broke off", delivery_id, exc_info=error)
        elif job.result().status == "submitted" or (self._background and job.result().status == "unconfirmed"):
            self._follow(job.result())

    def _follow(self, delivery: Delivery) -> None:
        if delivery.status == "started":
            return
        errand = self._errands.follow if delivery.status == "submitted" else self._errands.late
        task = asyncio.create_task(errand(delivery), name=f"after {delivery.id}")
        self._after[delivery.id] = task
        task.add_done_callback(lambda done: self._after_done(delivery, done))

    def _after_done(self, before: Delivery, task: asyncio.Task[Delivery]) -> None:
        if self._after.get(before.id) is task:
            del self._after[before.id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery could not be followed further", exc_info=error)
        elif not task.cancelled() and before.status == "unconfirmed" and task.result().status == "submitted":
            self._follow(task.result())

    async def _started(self, ids: Collection[str]) -> None:
        """Until the agents work on it, for a moment at most."""
        following = [self._after[one] for one in ids if one in self._after]
        if following:
            await asyncio.wait(following, timeout=STARTED_S)

    async def _settled(self, delivery_id: str) -> None:
        """Until its job is done, or it waits for a busy agent."""
        job = self._jobs.get(delivery_id)
        if job is not None:
            queued = asyncio.create_task(self._errands.until_queued(delivery_id))
            try:
                await asyncio.wait([job, queued], return_when=asyncio.FIRST_COMPLETED)
            finally:
                queued.cancel()
            if job.done():
                await job

    async def _free(self, delivery_id: str, *statuses: str) -> Delivery:
        delivery = await self._rows.get(delivery_id)
        if delivery.id in self._jobs:
            raise Refused(f"The delivery to {delivery.agent} is still under way.")
        if delivery.status not in statuses:
            raise Refused(f"The delivery to {delivery.agent} is {delivery.status} already.")
        return delivery

    async def _do(self, delivery: Delivery, work: Coroutine[Any, Any, Delivery]) -> Delivery:
        job = asyncio.create_task(work, name=f"delivery {delivery.id}")
        self._jobs[delivery.id] = job
        job.add_done_callback(lambda done: self._job_done(delivery.id, done))
        return await asyncio.shield(job)


def prepare(text: str, *, kind: str, agent: str, ref: str, raw: bool) -> tuple[str, tuple[str, ...]]:
    """The text as it is typed, and what was changed for that. Pure. Raises Refused.

    The ref line ends it, but for a command: what follows a slash or an exclamation mark would be part of it.
    """
    cli = cli_for(kind)
    if not cli.takes_prompts:
        raise Refused(f"{agent} is a shell and takes no prompts.", hint=f'Use: maf agent run {agent} "COMMAND"')
    normal = texts.normalise(text)
    neutral = cli.neutralise(normal.text, raw=raw)
    if neutral.refused:
        raise Refused(neutral.refused)
    notes = (*normal.notes, *neutral.notes)
    if raw and neutral.text.lstrip()[:1] in ("/", "!"):
        command = neutral.text.strip()
        if "\n" in command:
            raise Refused("A command is one line.", hint="Send it without --raw to have it taken as text.")
        return command, notes
    return texts.with_ref(neutral.text, ref), notes

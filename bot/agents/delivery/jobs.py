"""The tasks of deliveries: at most one that does a delivery, and one that stays with it afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from typing import Any

from bot.agents.delivery.errands import Errands
from bot.agents.delivery.model import Delivery
from bot.agents.delivery.rows import DeliveryRows
from bot.errors import MafError
from bot.store.errors import explained, trouble
from bot.store.patience import kept, patient_task

log = logging.getLogger(__name__)

STARTED_S = 2.0  # how long who sends stays for the first sign of work, once the prompt is taken


class Jobs:
    """What is under way in this process. `background`: a bot runs, and goes on when a caller has left."""

    def __init__(self, errands: Errands, rows: DeliveryRows, *, background: bool) -> None:
        self._errands = errands
        self._rows = rows
        self._background = background
        self._jobs: dict[str, asyncio.Task[Delivery]] = {}
        self._after: dict[str, asyncio.Task[Delivery]] = {}
        # Rows of ours, or looked after already. Any other open row is from before a restart, and is looked at first.
        self._ours: set[str] = set()

    def __contains__(self, delivery_id: str) -> bool:
        """Is it being done at this moment?"""
        return delivery_id in self._jobs

    def own(self, delivery_id: str) -> None:
        """Its row is being written by this process: nothing can have been typed for it before."""
        self._ours.add(delivery_id)

    def begin(self, delivery: Delivery, wait: float) -> asyncio.Task[Delivery]:
        """The job of a delivery, begun if there is none and it is not final."""
        return self._jobs.get(delivery.id) or self._start(delivery.id, self._work(delivery, wait))

    async def do(self, delivery: Delivery, work: Coroutine[Any, Any, Delivery]) -> Delivery:
        """Some other work on it, as its job; it goes on if the caller is cancelled. Raises what the work raises."""
        return await asyncio.shield(self._start(delivery.id, self._done_whole(delivery.id, work)))

    def follow(self, delivery: Delivery) -> None:
        """Stay with one that was submitted until it has started, with an unconfirmed one for evidence that is late."""
        if delivery.status not in ("submitted", "unconfirmed"):
            return
        errand = self._errands.follow if delivery.status == "submitted" else self._errands.late
        task = patient_task(errand(delivery), name=f"after {delivery.id}")
        self._after[delivery.id] = task
        task.add_done_callback(lambda done: self._after_done(delivery, done))

    async def ended(self, ids: Collection[str], *, timeout: float | None = None) -> None:
        """Until the jobs of these have come to their end, at most `timeout` seconds."""
        jobs = [self._jobs[one] for one in ids if one in self._jobs]
        if jobs:
            await asyncio.wait(jobs, timeout=timeout)

    async def settled(self, delivery_id: str) -> None:
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

    async def started(self, ids: Collection[str]) -> None:
        """Until the agents work on these, for a moment at most."""
        following = [self._after[one] for one in ids if one in self._after]
        if following:
            await asyncio.wait(following, timeout=STARTED_S)

    async def close(self) -> None:
        tasks = [*self._jobs.values(), *self._after.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, delivery_id: str, work: Coroutine[Any, Any, Delivery]) -> asyncio.Task[Delivery]:
        job = patient_task(work, name=f"delivery {delivery_id}")
        self._jobs[delivery_id] = job
        job.add_done_callback(lambda done: self._job_done(delivery_id, done))
        return job

    async def _work(self, delivery: Delivery, wait: float) -> Delivery:
        if delivery.final:
            return delivery
        ours = delivery.id in self._ours or delivery.status == "queued"
        self.own(delivery.id)
        work = self._errands.deliver if ours else self._errands.recover
        try:
            return await work(delivery, wait)
        except Exception as error:
            # The edge of a background task: a row that stood open for ever would be shown as on its way for ever.
            if trouble(error) is None:
                log.exception("delivery %s broke off", delivery.id)
            return await self._broken_off(delivery.id, explained(error).message)

    async def _done_whole(self, delivery_id: str, work: Coroutine[Any, Any, Delivery]) -> Delivery:
        """As _work; and the one who asked is told what was in the way."""
        try:
            return await work
        except Exception as error:  # As above; whoever asked logs it, or is told.
            await self._broken_off(delivery_id, explained(error).message)
            raise

    async def _broken_off(self, delivery_id: str, reason: str) -> Delivery:
        """What its row says then: a queued one was not typed; of any other it is not known, so the person decides."""
        return await kept(lambda: self._say_broken_off(delivery_id, reason))

    async def _say_broken_off(self, delivery_id: str, reason: str) -> Delivery:
        now = await self._rows.get(delivery_id)
        if now.final:
            return now
        if now.status == "queued":
            return await self._rows.change(delivery_id, status="failed", reason=f"{reason} Nothing was typed.")
        doubt = f"{reason} It is not known whether the text arrived."
        return await self._rows.change(delivery_id, status="unconfirmed", reason=doubt)

    def _job_done(self, delivery_id: str, job: asyncio.Task[Delivery]) -> None:
        self._jobs.pop(delivery_id, None)
        self._ours.discard(delivery_id)
        if job.cancelled():
            return
        if (error := job.exception()) is not None:
            if not isinstance(error, MafError):  # which the caller is told
                log.error("delivery %s broke off", delivery_id, exc_info=error)
        elif job.result().status == "submitted" or (self._background and job.result().status == "unconfirmed"):
            self.follow(job.result())

    def _after_done(self, before: Delivery, task: asyncio.Task[Delivery]) -> None:
        if self._after.get(before.id) is task:
            del self._after[before.id]
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            log.error("delivery %s could not be followed further", before.id, exc_info=error)
        elif before.status == "unconfirmed" and task.result().status == "submitted":
            self.follow(task.result())

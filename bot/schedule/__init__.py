"""A table of jobs, ticking. APScheduler is the clock alone: what is due stands in our own rows.

APScheduler goes by the wall clock, which somebody may set: the table looks whether it still runs with the other one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from bot.clock import Clock
from bot.store.complaint import Complaint

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[Any]]
STEP_S = 2.0  # a wall clock that has moved so much against the other one was set
LOOK_S = 5.0
LONG_S = 300.0  # the longest, moving several agents to other accounts, takes minutes


class Job:
    """Something to do every so many seconds; never twice at once, and once if it was missed."""

    def __init__(self, name: str, seconds: float, work: Work) -> None:
        self.name = name
        self.seconds = seconds
        self.work = work
        self._complaint = Complaint(log, name)
        self._begun: float | None = None  # by the loop's clock, while it is at work

    async def run(self) -> None:
        """One turn; none while the one before is at work still (it may wait for the store for as long as it takes)."""
        now = asyncio.get_running_loop().time()
        if self._begun is not None:
            if now - self._begun > LONG_S:
                self._complaint.warn(f"not done after {LONG_S:g} s; its next turns wait for it")
            return
        self._begun = now
        try:
            await self.work()
        except Exception as error:  # A job comes again, and the clock would write a traceback each time.
            self._complaint.say(error)
        else:
            self._complaint.over()
        finally:
            self._begun = None


class Schedule:
    """Jobs of the running bot."""

    def __init__(self, clock: Clock) -> None:
        self.jobs: list[Job] = []
        self._clock = clock
        self._ticking: Any = None
        self._looking: asyncio.Task[None] | None = None

    def every(self, seconds: float, name: str, work: Work) -> None:
        self.jobs.append(Job(name, seconds, work))

    def start(self) -> None:
        """Begin to tick, on the running loop."""
        # Imported here: its time counts before the first poll, and a command never needs it.
        from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]

        from bot.schedule.trigger import Every

        self._ticking = AsyncIOScheduler(event_loop=asyncio.get_running_loop(), timezone="UTC")
        for job in self.jobs:
            self._ticking.add_job(
                job.run,
                Every(job.seconds),
                name=job.name,
                coalesce=True,
                max_instances=2,  # the second one leaves at once: of one that is too many the clock would write a line
                misfire_grace_time=None,
            )
        self._ticking.start()
        self._looking = asyncio.create_task(self._look_at_the_clock(), name="clock")

    def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        if self._ticking is not None:
            self._ticking.shutdown(wait=False)
            self._ticking = None

    async def _look_at_the_clock(self) -> None:
        """Set back by hours, it would let every job stand still for hours."""
        before = self._lead()
        while True:
            await asyncio.sleep(LOOK_S)
            now = self._lead()
            moved = now - before
            if abs(moved) > STEP_S:
                log.warning(
                    "the clock moved by %+.0f s (it was set, or the machine slept); all jobs begin again", moved
                )
                for job in self._ticking.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))
            before = now

    def _lead(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

"""A table of jobs, ticking. APScheduler is the clock alone: what is due stands in our own rows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.errors import MafError

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every so many seconds; never twice at once, and once if it was missed."""

    name: str
    seconds: float
    work: Work

    async def run(self) -> None:
        try:
            await self.work()
        except MafError as error:
            log.warning("%s: %s", self.name, error.message)


class Schedule:
    """Jobs of the running bot."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self._clock: Any = None

    def every(self, seconds: float, name: str, work: Work) -> None:
        self.jobs.append(Job(name, seconds, work))

    def start(self) -> None:
        """Begin to tick, on the running loop."""
        # Imported here: its time counts before the first poll, and a command never needs it.
        from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]

        self._clock = AsyncIOScheduler(event_loop=asyncio.get_running_loop(), timezone="UTC")
        for job in self.jobs:
            self._clock.add_job(
                job.run,
                "interval",
                seconds=job.seconds,
                name=job.name,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )
        self._clock.start()

    def stop(self) -> None:
        if self._clock is not None:
            self._clock.shutdown(wait=False)
            self._clock = None

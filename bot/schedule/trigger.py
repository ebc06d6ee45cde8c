"""When APScheduler begins a job again. In a file of its own, because APScheduler is imported only by a running bot."""

from __future__ import annotations

from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger  # type: ignore[import-untyped]


class Every(BaseTrigger):  # type: ignore[misc]
    """So many seconds after now. The interval trigger of APScheduler 3.11 goes through every turn that was missed, one
    by one: after a clock that was a year behind is set right, that is minutes in which the bot stands still."""

    def __init__(self, seconds: float) -> None:
        self._every = timedelta(seconds=seconds)

    def get_next_fire_time(self, _before: datetime | None, now: datetime) -> datetime:
        """Asked with the turn before, and the wall clock."""
        return now + self._every

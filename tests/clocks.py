"""The machine's clock cannot be moved by a test: one that can be takes its place."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.clock import SystemClock


class Ahead(SystemClock):
    """This much later than it is (or earlier, where it is negative)."""

    def __init__(self, by: timedelta = timedelta()) -> None:
        self.by = by

    def now(self) -> datetime:
        return super().now() + self.by

"""When a usage limit ends, from what a CLI says on its screen. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_TIME = re.compile(r"\b(\d{1,2}):(\d{2})\s*([ap]m)?", re.IGNORECASE)
# codex-cli 0.169.0 names the day where it is not today: "Nov 26th, 2026 8:32 AM".
_DAY = re.compile(r"\b([A-Z][a-z]{2}) (\d{1,2})(?:st|nd|rd|th)?, (\d{4})\b")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def banner_time(text: str, after: datetime) -> float | None:
    """Epoch seconds of the moment a banner names, in the zone of `after`, when it was drawn; without a day the first
    such time of day after that.

    >>> from datetime import UTC
    >>> banner_time("8:32 AM", datetime(2026, 5, 4, 9, 0, tzinfo=UTC))
    1777969920.0
    >>> banner_time("May 7th, 2026 8:32 AM", datetime(2026, 5, 4, 9, 0, tzinfo=UTC))
    1778142720.0
    """
    match = _TIME.search(text)
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2]), (match[3] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        return None
    then = after.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if day := _DAY.search(text):
        return _on_day(then, day)
    return (then if then > after else then + timedelta(days=1)).timestamp()


def _on_day(then: datetime, day: re.Match[str]) -> float | None:
    try:
        return then.replace(year=int(day[3]), month=_MONTHS.index(day[1]) + 1, day=int(day[2])).timestamp()
    except ValueError:
        return None

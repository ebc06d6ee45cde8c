"""When a usage limit ends, from what a CLI says on its screen. Pure, but for the machine's own time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_TWELVE = re.compile(r"\b(\d{1,2})(?::(\d{2}))?\s*([ap])\.?m\b", re.IGNORECASE)
_TWENTY_FOUR = re.compile(r"\b(\d{1,2}):(\d{2})\b")
# codex-cli 0.169.0 names the day where it is not today: "Nov 26th, 2026 8:32 AM"; Claude Code 2.1.328 "Nov 26, 8pm".
_DAY = re.compile(r"\b([A-Z][a-z]{2})[a-z]* (\d{1,2})(?:st|nd|rd|th)?\b(?:,? (\d{4})\b)?")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ZONE = re.compile(r"\(([^()\s]+)\)")  # Claude Code names it: "(Europe/Berlin)"


def banner_time(text: str, after: datetime, zone: tzinfo | None = None) -> float | None:
    """Epoch seconds of the moment that a banner names, drawn at `after`; None where it names none that we can tell.

    Without a day it is the first such time of day after that, and without a year the first such day. The zone is the
    one it names, else `zone`, else the machine's own.

    >>> from datetime import UTC
    >>> banner_time("8:32 AM", datetime(2026, 5, 4, 9, 0, tzinfo=UTC), UTC)
    1777969920.0
    >>> banner_time("May 7th, 2026 8:32 AM", datetime(2026, 5, 4, 9, 0, tzinfo=UTC), UTC)
    1778142720.0
    """
    clock, named = _clock(text), _ZONE.search(text)
    if clock is None:
        return None
    if named is not None:
        zone = _zone(named[1])
        if zone is None:
            return None
    days, whole = _days(text, after.astimezone(zone).date())
    # Twice where the clocks are set back that night; an hour that they leave out is the one after it.
    moments = sorted(
        datetime(day.year, day.month, day.day, *clock, fold=fold, tzinfo=zone).timestamp()
        for day in days
        for fold in (0, 1)
    )
    return next((one for one in moments if whole or one > after.timestamp()), None)


def _clock(text: str) -> tuple[int, int] | None:
    if match := _TWELVE.search(text):
        hour, minute = int(match[1]), int(match[2] or 0)
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[3].lower() == "p" else 0)
    elif match := _TWENTY_FOUR.search(text):
        hour, minute = int(match[1]), int(match[2])
    else:
        return None
    return (hour, minute) if hour <= 23 and minute <= 59 else None


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


def _days(text: str, today: date) -> tuple[list[date], bool]:
    """The days that may be meant, and whether one is named with its year."""
    named = _DAY.search(text)
    if named is None or named[1] not in _MONTHS:
        return ([] if named is not None else [today + timedelta(days=n) for n in range(3)]), False
    month, day, year = _MONTHS.index(named[1]) + 1, int(named[2]), named[3]
    years = [int(year)] if year else [today.year, today.year + 1]
    return list(_dates(years, month, day)), bool(year)


def _dates(years: list[int], month: int, day: int) -> Iterator[date]:
    for year in years:
        try:
            yield date(year, month, day)
        except ValueError:
            continue

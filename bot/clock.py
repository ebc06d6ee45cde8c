"""Time as a dependency, so that rules about time are tested without waiting."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the program asks of time."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def iso(moment: datetime | None) -> str | None:
    """An aware time as our JSON has it: ISO-8601 in UTC with a Z, to the millisecond."""
    return _iso(moment, "milliseconds")


def iso_seconds(moment: datetime | None) -> str | None:
    """The same in whole seconds: what agents, deliveries, beads and quota tell."""
    return _iso(moment, "seconds")


def _iso(moment: datetime | None, to: str) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec=to).replace("+00:00", "Z")


_SPAN = re.compile(r"\s*(\d{1,9}(?:\.\d+)?)\s*([smhd]?)\s*")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span(text: str) -> timedelta:
    """A length of time as people write it: `90s`, `30m`, `2h`, `1d`, or plain seconds. Raises ValueError.

    >>> span("30m"), span("1.5h"), span("45")
    (datetime.timedelta(seconds=1800), datetime.timedelta(seconds=5400), datetime.timedelta(seconds=45))
    """
    match = _SPAN.fullmatch(text)
    if not match:
        raise ValueError("write a length of time like 90s, 30m or 2h")
    return timedelta(**{_UNITS[match[2] or "s"]: float(match[1])})


_MILLISECONDS = 1e11  # as seconds, a number from here on lies after the year 5000
_PAST_S, _AHEAD_S = 40 * 86_400.0, 400 * 86_400.0


def reset_epoch(value: object, *, near: float) -> float | None:
    """A reset time that a provider named at `near` (epoch s), as epoch seconds; None where it cannot be one.

    Providers send seconds, milliseconds or ISO 8601. No reset lies 40 days before its statement, or 400 after.

    >>> reset_epoch(1_795_336_186_000, near=1_795_327_186.0), reset_epoch("soon", near=0.0)
    (1795336186.0, None)
    """
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value).timestamp()
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = float(value)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    if found >= _MILLISECONDS:
        found /= 1000
    return found if math.isfinite(found) and near - _PAST_S <= found <= near + _AHEAD_S else None

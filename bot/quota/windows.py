"""Rolling windows over counted events, exact and in memory.

A window holds the sum of the events of its last `span` seconds. It is built from one grouped scan of the store, then
kept current by adding what comes in and taking away what falls out. To take away it must know the events near its
far edge: those are handed to it ahead of time in a short queue, so that a month of events costs a few hundred
entries, not a million.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

HOUR = 3600.0
SPANS = {"5h": 5 * HOUR, "daily": 24 * HOUR, "weekly": 7 * 24 * HOUR, "monthly": 30 * 24 * HOUR}


@dataclass(frozen=True, slots=True)
class Event:
    """One model response: when (epoch seconds, UTC) and what it cost."""

    at: float
    requests: int = 1
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a window holds."""

    requests: int = 0
    tokens: int = 0


class EdgeUnknown(Exception):
    """The window was asked about a time beyond the events it was handed; refill it, then ask again."""


@dataclass(slots=True)
class RollingWindow:
    """The sum over (now - span, now], for times that do not go back.

    `edge` holds the events between the window's far edge and `known_until`, oldest first; an event newer than that
    is in the sum, and will be handed in again by `refill` before it falls out.
    """

    span: float
    now: float
    requests: int = 0
    tokens: int = 0
    known_until: float = float("-inf")
    edge: deque[Event] = field(default_factory=deque)
    future: list[Event] = field(default_factory=list)  # stamped later than `now` by a clock that runs ahead

    @classmethod
    def of(cls, span: float, now: float, events: Iterable[Event]) -> RollingWindow:
        """Build from events themselves (tests, small stores); everything is known then."""
        window = cls(span, now, known_until=float("inf"))
        for event in sorted(events, key=lambda e: e.at):
            window.add(event)
        return window

    def add(self, event: Event) -> None:
        """Count a new event; one that is too old for this window, or not yet due, changes nothing now."""
        if event.at > self.now:
            self.future.append(event)
            return
        if event.at <= self.now - self.span:
            return
        self.requests += event.requests
        self.tokens += event.tokens
        if event.at <= self.known_until:
            self._queue(event)

    def _queue(self, event: Event) -> None:
        if not self.edge or self.edge[-1].at <= event.at:
            self.edge.append(event)
            return
        late = [self.edge.pop()]
        while self.edge and self.edge[-1].at > event.at:
            late.append(self.edge.pop())
        self.edge.append(event)
        self.edge.extend(reversed(late))

    def refill(self, events: Iterable[Event], known_until: float) -> None:
        """Hand in the counted events of (known_until before, known_until], oldest first."""
        self.edge.extend(events)
        self.known_until = known_until

    def at(self, now: float) -> Usage:
        """Move to `now` and tell the sum. Raises EdgeUnknown beyond the known edge, ValueError if time goes back."""
        if now < self.now:
            raise ValueError("a rolling window does not go back; build it anew")
        far = now - self.span
        if far > self.known_until:
            raise EdgeUnknown
        self.now = now
        if self.future:
            due, self.future = [e for e in self.future if e.at <= now], [e for e in self.future if e.at > now]
            for event in due:
                self.add(event)
        while self.edge and self.edge[0].at <= far:
            gone = self.edge.popleft()
            self.requests -= gone.requests
            self.tokens -= gone.tokens
        return Usage(self.requests, self.tokens)


MAIN_FAMILIES = frozenset({"codex", "claude"})


@lru_cache(maxsize=256)  # a first read asks for the same few thousands of times
def window_name(minutes: float, limit_id: str = "codex") -> str:
    """Name of a provider's window by its length: 300 -> 5h, 1440 -> 24h, 10080 -> 7d, 43200 -> 30d; others LIMIT_ID/….

    Codex 0.169.0 sends the length in minutes (`window_minutes`); which of primary and secondary is longer is not fixed.
    Older versions send a minute less (299, 10079).

    >>> window_name(299), window_name(10079), window_name(90)
    ('5h', '7d', '90m')
    """
    whole = round(minutes)
    if whole > 60 and (whole + 1) % 60 == 0:
        whole += 1
    if whole % 1440 == 0 and whole > 1440:
        name = f"{whole // 1440}d"
    elif whole % 60 == 0 and whole:
        name = f"{whole // 60}h"
    else:
        name = f"{whole}m"
    return name if limit_id in MAIN_FAMILIES else f"{limit_id}/{name}"


@lru_cache(maxsize=256)
def family_name(text: str) -> str:
    """The id of a limit family as it may stand in a name: printable, at most 40 characters; `codex` where none is left.

    >>> family_name("codex_other"), family_name("a b\\n")
    ('codex_other', 'ab')
    """
    return "".join(char for char in text if char.isprintable() and char not in " /")[:40] or "codex"


_UNITS = {"m": 1.0, "h": 60.0, "d": 1440.0, "w": 10_080.0}


def window_minutes(name: str) -> float | None:
    """The length of a window named like 90m, 5h, 7d; none for anything else.

    >>> window_minutes("5h"), window_minutes("daily")
    (300.0, None)
    """
    number, unit = name[:-1], name[-1:]
    if not number.isdecimal() or unit not in _UNITS or not int(number):
        return None
    return int(number) * _UNITS[unit]

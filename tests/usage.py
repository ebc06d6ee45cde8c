"""What a rolling window must hold, counted the slow and plain way."""

from __future__ import annotations

from collections.abc import Iterable

from bot.quota.windows import Event, Usage


def usage_within(events: Iterable[Event], span: float, now: float) -> Usage:
    """The sum of all events of the last `span` seconds; one that is exactly that old has left."""
    inside = [event for event in events if now - span < event.at <= now]
    return Usage(sum(event.requests for event in inside), sum(event.tokens for event in inside))

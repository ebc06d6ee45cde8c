"""When a window will be empty at this pace, pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LOOK_BACK_S = 3600.0
MIN_SPAN_S = 120.0


@dataclass(frozen=True, slots=True)
class Reading:
    """A percentage (0 to 100) at a time (epoch seconds)."""

    at: float
    percent: float


def empties_at(readings: Sequence[Reading], *, now: float, resets_at: float | None) -> float | None:
    """Epoch seconds at which 100 % is reached at the pace of the last hour; none when it falls, stands, or resets
    before.

    The pace is the slope between the oldest reading of the last hour that belongs to this window instance (a drop
    starts a new one) and the newest; less than two minutes of readings is no pace.
    """
    recent = sorted((r for r in readings if now - LOOK_BACK_S <= r.at <= now), key=lambda r: r.at)
    start = 0
    for index in range(1, len(recent)):
        if recent[index].percent < recent[index - 1].percent:
            start = index
    recent = recent[start:]
    if len(recent) < 2:
        return None
    first, last = recent[0], recent[-1]
    if last.percent >= 100:
        return last.at
    if last.at - first.at < MIN_SPAN_S or last.percent <= first.percent:
        return None
    pace = (last.percent - first.percent) / (last.at - first.at)
    empty = last.at + (100 - last.percent) / pace
    if resets_at is not None and empty >= resets_at:
        return None
    return empty

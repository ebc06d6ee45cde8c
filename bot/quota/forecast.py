"""When a window will be empty at this pace, pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from bot.quota.reading import Point

LOOK_BACK_S = 3600.0
MIN_SPAN_S = 120.0


def empties_at(points: Sequence[Point], *, now: float, resets_at: float | None) -> float | None:
    """Epoch seconds at which 100 % is reached at the pace of the last hour; none when it falls, stands, or resets
    before.

    The pace is the slope between the oldest point of the last hour that belongs to this window instance (a drop
    starts a new one) and the newest; less than two minutes is no pace.
    """
    recent = sorted((point for point in points if now - LOOK_BACK_S <= point[0] <= now), key=lambda point: point[0])
    start = 0
    for index, ((_, before), (_, after)) in enumerate(pairwise(recent), start=1):
        if after < before:
            start = index
    recent = recent[start:]
    if len(recent) < 2:
        return None
    (began, first), (ended, last) = recent[0], recent[-1]
    if last >= 100:
        return ended
    if ended - began < MIN_SPAN_S or last <= first:
        return None
    pace = (last - first) / (ended - began)
    empty = ended + (100 - last) / pace
    return None if resets_at is not None and empty >= resets_at else empty

"""Rounds of a benchmark: the two sides take turns, each round is judged by itself, and the middle one counts.

So both sides of a ratio are measured under the load of the same moment, whatever else the machine has to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median


def ratio(mine: Sequence[float], other: Sequence[float]) -> float:
    """How often `other` goes into `mine`, round by round."""
    return median(one / two for one, two in zip(mine, other, strict=True))


def record(what: str, figure: str) -> None:
    """Print a figure that depends on the machine, or on how slow a peer is: nothing fails by it."""
    print(f"{what:52} {figure}  RECORDED")

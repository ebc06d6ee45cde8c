"""Named points of a delivery at which a test may end the process, to prove that nothing is lost or repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

Point = Literal["after_intended", "after_paste", "after_typed", "after_enter", "after_evidence"]
Checkpoint = Callable[[Point, str], None]
POINTS: tuple[Point, ...] = get_args(Point)


def pass_by(point: Point, delivery_id: str) -> None:
    """The checkpoint of every day: go on."""

"""The points of a delivery at which it asks its checkpoint (bot/checkpoint.py), in their order."""

from __future__ import annotations

from typing import Literal, get_args

Point = Literal["after_intended", "after_paste", "after_typed", "after_enter", "after_evidence"]
POINTS: tuple[Point, ...] = get_args(Point)

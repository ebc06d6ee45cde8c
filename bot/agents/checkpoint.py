"""Named points of a delivery at which a test may end the process, to prove that nothing is lost or repeated."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Literal, get_args

from bot.errors import WrongSetting

Point = Literal["after_intended", "after_paste", "after_typed", "after_enter", "after_evidence"]
Checkpoint = Callable[[Point, str], None]
POINTS: tuple[Point, ...] = get_args(Point)


def pass_by(point: Point, delivery_id: str) -> None:
    """The checkpoint of every day: go on."""


def kill_at(name: str, *, skip: int = 0) -> Checkpoint:
    """Kill this process (SIGKILL: no clean-up of any kind) at the point `name`, after letting it pass `skip` times."""
    if name not in POINTS:
        raise WrongSetting(f"{name!r} is no point of a delivery.", hint=f"There are: {', '.join(POINTS)}.")
    left = skip

    def check(point: Point, delivery_id: str) -> None:
        nonlocal left
        if point == name:
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    return check

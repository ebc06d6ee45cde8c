"""What a provider says of one window, whichever way it came."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.quota.windows import MAIN_FAMILIES, window_name

Point = tuple[float, float]  # what was read once: (epoch s, percent)


@dataclass(frozen=True, slots=True)
class Reading:
    """One window of one profile: percent used (0 to 100), its length, its reset (epoch s), and who says so, when."""

    window: str
    limit_id: str
    minutes: float
    percent: float
    resets_at: float | None
    at: float
    source: str
    reached: bool = False

    @property
    def main(self) -> bool:
        """False for the limits of another family (another model), which do not stop the profile."""
        return self.limit_id in MAIN_FAMILIES


def number(value: object) -> float | None:
    """A finite number, or none for anything else (booleans too)."""
    if not (type(value) is float or type(value) is int):  # as JSON has them; a first read asks ten thousands of times
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


class LimitKeys(NamedTuple):
    """How a provider names what it says of a limit family, and of each window in it."""

    family: str
    reached: str
    percent: str
    minutes: str
    resets_at: str


# Codex 0.169.0: in its rollouts, and in the answers of its app-server.
ROLLOUT = LimitKeys("limit_id", "rate_limit_reached_type", "used_percent", "window_minutes", "resets_at")
APP_SERVER = LimitKeys("limitId", "rateLimitReachedType", "usedPercent", "windowDurationMins", "resetsAt")


def readings_of(limits: Mapping[str, Any], keys: LimitKeys, *, at: float, source: str) -> list[Reading]:
    """Both windows of one limit family. One without percent or length is left out; percent is clamped to 0..100."""
    family = limits.get(keys.family)
    limit_id = family if isinstance(family, str) and family else "codex"
    reached = isinstance(limits.get(keys.reached), str)
    found = []
    for position in ("primary", "secondary"):
        part = limits.get(position)
        if not isinstance(part, dict):
            continue
        percent, minutes = number(part.get(keys.percent)), number(part.get(keys.minutes))
        if percent is None or minutes is None or minutes <= 0:
            continue
        found.append(
            Reading(
                window=window_name(minutes, limit_id),
                limit_id=limit_id,
                minutes=minutes,
                percent=min(max(percent, 0.0), 100.0),
                resets_at=number(part.get(keys.resets_at)),
                at=at,
                source=source,
                reached=reached or percent >= 100,
            )
        )
    return found


def newer(known: Mapping[str, Reading], fresh: list[Reading]) -> dict[str, Reading]:
    """Merge by window name, the newest statement wins."""
    merged = dict(known)
    for reading in fresh:
        old = merged.get(reading.window)
        if old is None or reading.at >= old.at:
            merged[reading.window] = reading
    return merged

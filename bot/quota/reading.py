"""What a provider says of one window, whichever way it came."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.quota.windows import MAIN_FAMILIES, window_name


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


def readings_of(limits: Mapping[str, Any], *, at: float, source: str, keys: tuple[str, str, str, str]) -> list[Reading]:
    """Both windows of one limit family.

    `keys` are the provider's names for (percent, minutes, reset, family): Codex writes them in snake case into
    rollouts and in camel case in the app-server (0.169.0). A window without percent or length is left out; percent
    is clamped to 0..100.
    """
    percent_key, minutes_key, reset_key, family_key = keys
    family = limits.get(family_key)
    limit_id = family if isinstance(family, str) and family else "codex"
    reached = isinstance(limits.get("rate_limit_reached_type"), str)
    reached = reached or isinstance(limits.get("rateLimitReachedType"), str)
    found = []
    for position in ("primary", "secondary"):
        part = limits.get(position)
        if not isinstance(part, dict):
            continue
        percent, minutes = number(part.get(percent_key)), number(part.get(minutes_key))
        if percent is None or minutes is None or minutes <= 0:
            continue
        found.append(
            Reading(
                window=window_name(minutes, limit_id),
                limit_id=limit_id,
                minutes=minutes,
                percent=min(max(percent, 0.0), 100.0),
                resets_at=number(part.get(reset_key)),
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

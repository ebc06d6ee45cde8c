"""Which alerts are due, pure: one per level crossed upward and window instance, one on recovery, never a repeat.

A window instance is the span between two resets, named by the provider's reset time. Providers move that time by
seconds from one answer to the next, so two reset times closer than ten minutes are the same instance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.quota.levels import Level

SAME_INSTANCE_S = 600.0
FIRST_ALERT = Level.WARNING


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of one profile's window so far; kept in the store."""

    instance: float | None = None  # reset time (epoch s) of the instance it speaks of
    highest: Level = Level.HEALTHY  # highest level told in this instance
    open: bool = False  # an alert was told and no recovery yet


@dataclass(frozen=True, slots=True)
class Due:
    """One message to send."""

    kind: str  # "alert" or "recovery"
    level: Level


def same_instance(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) < SAME_INSTANCE_S


def step(told: Told, level: Level, resets_at: float | None, now: float) -> tuple[Told, Due | None]:
    """One reading -> what to remember and the one message that is due, if any.

    Jumping several levels at once is one alert, of the level reached. A new instance that is healthy, or the passing
    of the reset time, is the recovery.
    """
    fresh = not same_instance(told.instance, resets_at) or (told.instance is not None and now >= told.instance)
    if fresh and told.open and level < FIRST_ALERT:
        return Told(instance=resets_at), Due("recovery", level)
    if fresh:
        told = Told(instance=resets_at, open=told.open)
    # Following the small moves keeps an instance the same one however far it has drifted since the first reading.
    told = replace(told, instance=resets_at)
    if level >= FIRST_ALERT and level > told.highest:
        return replace(told, highest=level, open=True), Due("alert", level)
    if level == Level.HEALTHY and told.open:
        return replace(told, open=False), Due("recovery", level)
    return told, None

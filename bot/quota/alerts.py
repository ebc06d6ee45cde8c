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


def step(told: Told, level: Level, resets_at: float | None, now: float, *, length: float) -> tuple[Told, Due | None]:
    """One reading -> what to remember and the one message that is due, if any. Times are epoch s, `length` seconds.

    Jumping several levels at once is one alert, of the level reached. A new instance that is healthy, or the passing
    of the reset time, is the recovery. A window that names no reset (our own counters roll) is a new instance once it
    was healthy and its length has passed since its first alert.
    """
    fresh = _is_later(told.instance, resets_at) if resets_at is not None else _is_over(told, level, now)
    if fresh and told.open and level < FIRST_ALERT:
        return Told(instance=resets_at), Due("recovery", level)
    if fresh:
        told = Told(instance=resets_at, open=told.open)
    if resets_at is not None:
        # Following the small moves keeps an instance the same one however far it has drifted; never back, for of two
        # sources that name different times each would begin a new instance again and again.
        told = replace(told, instance=max(resets_at, told.instance or resets_at))
    if level >= FIRST_ALERT and level > told.highest:
        ends = told.instance if told.instance is not None else now + length
        return Told(ends, level, open=True), Due("alert", level)
    if level == Level.HEALTHY and told.open:
        return replace(told, open=False), Due("recovery", level)
    return told, None


def _is_later(known: float | None, resets_at: float) -> bool:
    return known is not None and resets_at - known >= SAME_INSTANCE_S


def _is_over(told: Told, level: Level, now: float) -> bool:
    return told.instance is not None and now >= told.instance and (level < FIRST_ALERT or not told.open)

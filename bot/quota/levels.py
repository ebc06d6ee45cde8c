"""Levels of a window, pure.

Boundaries belong to the higher level: with the defaults 50 % is already a warning, 95 % an emergency.
"""

from __future__ import annotations

from enum import IntEnum

from bot.profiles.config import Thresholds


class Level(IntEnum):
    """How full a window is; the order is the order of worry."""

    HEALTHY = 0
    WARNING = 1
    ALERT = 2
    CRITICAL = 3
    EMERGENCY = 4
    EXHAUSTED = 5  # only for alerts: 100 %, or the provider says reached

    @property
    def word(self) -> str:
        return self.name.lower()


EMOJI = {
    Level.HEALTHY: "🟢",
    Level.WARNING: "🟡",
    Level.ALERT: "🟠",
    Level.CRITICAL: "🔴",
    Level.EMERGENCY: "🚨",
    Level.EXHAUSTED: "🚨",
}
# The words of the tmux line; a warning still reads OK there, as in the first product.
STATUS_WORD = {
    Level.HEALTHY: "OK",
    Level.WARNING: "OK",
    Level.ALERT: "ALERT",
    Level.CRITICAL: "CRITICAL",
    Level.EMERGENCY: "EMERGENCY",
    Level.EXHAUSTED: "EMERGENCY",
}


def level_of(percent: float, thresholds: Thresholds, *, alert_percent: float | None = None) -> Level:
    """The level of a window at `percent` (0 to 100, more is clamped by the caller); never EXHAUSTED.

    A profile's own `alert_percent` moves the alert boundary, within its neighbours.
    """
    alert = thresholds.alert_percent if alert_percent is None else alert_percent
    alert = min(max(alert, thresholds.warning_percent), thresholds.critical_percent)
    if percent >= thresholds.emergency_percent:
        return Level.EMERGENCY
    if percent >= thresholds.critical_percent:
        return Level.CRITICAL
    if percent >= alert:
        return Level.ALERT
    if percent >= thresholds.warning_percent:
        return Level.WARNING
    return Level.HEALTHY


def alert_level(percent: float, reached: bool, thresholds: Thresholds, *, alert_percent: float | None = None) -> Level:
    """As level_of, with EXHAUSTED above emergency."""
    if reached or percent >= 100:
        return Level.EXHAUSTED
    return level_of(percent, thresholds, alert_percent=alert_percent)

"""Quota as lines of text: the tmux pair of the first product, the compact list, the table, the status bar. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from bot.quota.levels import EMOJI, STATUS_WORD, Level
from bot.quota.status import ProfileStatus, WindowStatus

# Auto: agents move off used-up profiles. Off: selection is switched off. Forced: CODEX_PROFILE says which one serves.
RotationWord = Literal["Auto", "Off", "Forced"]
TMUX_COLOUR = {
    Level.HEALTHY: "green",
    Level.WARNING: "yellow",
    Level.ALERT: "colour208",
    Level.CRITICAL: "red",
    Level.EMERGENCY: "red,bold",
    Level.EXHAUSTED: "red,bold",
}


def span(seconds: float | None) -> str:
    """A length of time as people say it: 35m, 2h05m, 3d4h; `–` when it is not known."""
    if seconds is None:
        return "–"
    minutes = max(0, round(seconds / 60))
    if minutes < 60:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h{minutes:02}m" if minutes else f"{hours}h"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours}h" if hours else f"{days}d"


def until(at: float | None, now: float) -> str:
    return span(None if at is None else at - now)


def clock(at: float | None, zone: ZoneInfo, now: float) -> str:
    """The time of day, with the day when it is not today."""
    if at is None:
        return "–"
    then, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(now, zone)
    return then.strftime("%H:%M") if then.date() == today.date() else then.strftime("%a %H:%M")


def tmux_lines(
    status: ProfileStatus,
    everyone: Sequence[ProfileStatus],
    next_profile: str | None,
    rotation: RotationWord = "Auto",
) -> str:
    """The two lines of the first product, for one profile, showing its worst window. Nothing stands for what is not
    known; where no agent is moved, no profile is next."""
    worst = status.worst if status.known else None
    counted = f" ({worst.used}/{worst.limit})" if worst and worst.limit else ""
    percent = f"{round(worst.percent)}%" if worst else "–"
    word = STATUS_WORD[worst.level] if worst else "UNKNOWN"
    window = worst.name if worst else "–"
    reset = until(worst.resets_at, status.at) if worst else "–"
    following = (next_profile if rotation == "Auto" else None) or "none"
    usable = sum(1 for s in everyone if s.profile.active and not s.reached)
    return (
        f"[CODEX QUOTA] Profile: {status.profile.name} | Usage: {percent}{counted} | Window: {window} | Reset: {reset}"
        f" | Status: {status.mark} {word}\n"
        f"[PROFILES] Active: {usable}/{len(everyone)} | Rotation: {rotation} | Next: {following}"
        f" | Current: {status.profile.name}"
    )


def compact(everyone: Sequence[ProfileStatus]) -> str:
    """One line per profile: `🟠 codex-plus-1  5h 78%  7d 40%`."""
    width = max((len(s.profile.name) for s in everyone), default=0)
    lines = []
    for status in everyone:
        windows = [f"{w.name} {round(w.percent)}%" for w in status.windows.values()]
        told = "  ".join([*_amiss(status), *windows])
        lines.append(f"{status.mark} {status.profile.name:<{width}}  {told}")
    return "\n".join(lines)


def table(everyone: Sequence[ProfileStatus], zone: ZoneInfo) -> str:
    """Profile, window, use, reset, source with its age; one line per window."""
    rows = [("", "PROFILE", "WINDOW", "USED", "RESETS", "SOURCE", "AGE")]
    for status in everyone:
        name = status.profile.name + ("" if status.profile.active else " (off)")
        for note in _amiss(status):
            rows.append((status.mark, name, note, "", "", "", ""))
            name = ""
        for window in status.windows.values():
            rows.append((EMOJI[window.level], name, *_cells(window, zone, status.at)))
            name = ""
    widths = [max(len(row[column]) for row in rows) for column in range(1, 7)]
    lines = []
    for row in rows:
        cells = "  ".join(cell.ljust(width) for cell, width in zip(row[1:], widths, strict=True))
        lines.append(f"{row[0] or '  '} {cells}".rstrip())
    return "\n".join(lines)


def _amiss(status: ProfileStatus) -> list[str]:
    """What stands where numbers should, or beside our own counts, which need no login."""
    if status.login == "needed":
        return ["log in again"]
    return [] if status.windows else ["no data yet"]


def _cells(window: WindowStatus, zone: ZoneInfo, now: float) -> tuple[str, str, str, str, str]:
    used = f"{round(window.percent)}%" + (f" ({window.used}/{window.limit})" if window.limit else "")
    return window.name, used, clock(window.resets_at, zone, now), window.source, span(now - window.at)


def status_bar(everyone: Sequence[ProfileStatus]) -> str:
    """For tmux's status bar, with tmux colours: the fullest window of every active profile of which one is known."""
    parts = []
    for status in everyone:
        worst = status.worst
        if not status.profile.active or worst is None or not status.known:
            continue
        name = status.profile.name.replace("#", "##")  # tmux reads what the line says as a format
        parts.append(f"#[fg={TMUX_COLOUR[worst.level]}]{name} {round(worst.percent)}%#[default]")
    return "  ".join(parts)

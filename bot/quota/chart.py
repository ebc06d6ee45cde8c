"""The picture: use of each profile over its windows, with thresholds, resets and the forecast.

Drawn 390 points wide at three pixels each, so that on a phone a label has the size of the text around it. matplotlib's
Figure is used directly: pyplot keeps global state and costs twice the import.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.profiles.config import Thresholds
from bot.quota.levels import Level
from bot.quota.lines import clock
from bot.quota.status import ProfileStatus, WindowStatus

WIDTH_IN, DPI = 3.9, 300
PANEL_IN = 1.55
MAX_PROFILES = 6
HOUR = 3600.0
Points = Sequence[tuple[float, float]]  # (epoch s, percent), oldest first

LIGHT = {"page": "#ffffff", "text": "#1c1c1e", "dim": "#6b6b70", "grid": "#e4e4e8"}
DARK = {"page": "#17212b", "text": "#f2f2f4", "dim": "#9aa5b1", "grid": "#2b3947"}
MARK = {
    Level.HEALTHY: "#2e9e4f",
    Level.WARNING: "#c99700",
    Level.ALERT: "#e8730c",
    Level.CRITICAL: "#d93025",
    Level.EMERGENCY: "#d0103a",
}
LINES = ("#2f7fe6", "#9a5fe0", "#1aa39a", "#c2569a", "#7a8794")


@dataclass(frozen=True, slots=True)
class Panel:
    """One strip of the picture: windows of one profile over one stretch of time."""

    title: str
    level: Level
    windows: tuple[WindowStatus, ...]
    begin: float
    end: float


def panels_of(statuses: Sequence[ProfileStatus]) -> list[Panel]:
    """One profile: a panel per window, each on its own scale of time. Several: a panel each, the fullest first."""
    if len(statuses) == 1:
        (one,) = statuses
        shown = [w for w in one.windows.values() if w.minutes]
        return [_panel(f"{one.profile.name} · {w.name}", w.level, (w,), one.at) for w in shown] or [_bare(one)]
    ranked = sorted(statuses, key=lambda s: (not s.profile.active, -s.level, s.profile.priority))[:MAX_PROFILES]
    return [_overview(status) for status in ranked]


def _overview(status: ProfileStatus) -> Panel:
    windows = tuple(w for w in status.windows.values() if w.main and w.minutes)[:3]
    if not windows:
        return _bare(status)
    shortest = min(windows, key=lambda w: w.minutes)
    name = status.profile.name + ("" if status.profile.active else " (off)")
    return _panel(name, status.level, windows, status.at, shortest)


def _panel(
    title: str, level: Level, windows: tuple[WindowStatus, ...], now: float, scale: WindowStatus | None = None
) -> Panel:
    """Back one and a half windows, forward to the reset and the forecast (at most one window)."""
    scale = scale or windows[0]
    length = scale.minutes * 60
    ahead = max((t for t in (scale.resets_at, scale.empties_at) if t is not None), default=now + length / 4)
    end = min(max(ahead + length / 12, now + length / 4), now + 1.1 * length)
    return Panel(title, level, windows, now - 1.5 * length, end)


def _bare(status: ProfileStatus) -> Panel:
    return Panel(f"{status.profile.name} · no data yet", Level.HEALTHY, (), status.at - HOUR, status.at + HOUR)


def draw(
    statuses: Sequence[ProfileStatus],
    history: Mapping[tuple[str, str], Points],
    thresholds: Thresholds,
    *,
    zone: ZoneInfo,
    dark: bool = False,
) -> bytes:
    """A PNG, 1,170 pixels wide. `history` is by (profile, window). Blocking, about 0.3 s; call it in a thread."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    colours = DARK if dark else LIGHT
    panels = panels_of(statuses)
    now = statuses[0].at
    height = PANEL_IN * len(panels) + 0.45
    figure = Figure(figsize=(WIDTH_IN, height), dpi=DPI, facecolor=colours["page"])
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), 1, squeeze=False)
    figure.subplots_adjust(left=0.105, right=0.975, top=1 - 0.32 / height, bottom=0.42 / height, hspace=0.62)
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        name = panel.title.split(" · ")[0].removesuffix(" (off)")
        points = {w.name: history.get((name, w.name), ()) for w in panel.windows}
        _draw_panel(axis, panel, points=points, thresholds=thresholds, colours=colours, now=now, zone=zone)
    hidden = len(statuses) - len(panels) if len(statuses) > MAX_PROFILES else 0
    stamp = f"{datetime.fromtimestamp(now, zone):%d %b %H:%M %Z}" + (f" · {hidden} more not shown" if hidden else "")
    figure.text(0.975, 0.07 / height, stamp, ha="right", va="bottom", fontsize=7, color=colours["dim"])
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=colours["page"])
    return out.getvalue()


def _draw_panel(
    axis: Any,
    panel: Panel,
    *,
    points: Mapping[str, Points],
    thresholds: Thresholds,
    colours: Mapping[str, str],
    now: float,
    zone: ZoneInfo,
) -> None:
    _frame(axis, panel, thresholds, colours, zone)
    axis.axvline(_day(now), color=colours["dim"], linewidth=0.8)
    taken: list[float] = []
    for window, colour in zip(panel.windows, LINES, strict=False):
        line = [(t, p) for t, p in points[window.name] if panel.begin <= t <= now]
        line = [*line, (now, window.percent)] if line or not window.local else [(panel.begin, window.percent)]
        axis.plot(*_xy(line), color=colour, linewidth=1.7, drawstyle="steps-post", solid_capstyle="round")
        axis.plot([_day(now)], [window.percent], "o", color=colour, markersize=3.6, clip_on=False)
        if len(panel.windows) > 1:
            _label(axis, panel, window, colour=colour, now=now, taken=taken, colours=colours)
        _ahead(axis, panel, window, colour, now)
    scale = min(panel.windows, key=lambda w: w.minutes, default=None)
    axis.set_title(_head(panel, scale), loc="left", fontsize=9, color=colours["text"], fontweight="bold", pad=12)
    if scale is not None:
        axis.text(0, 1.03, _words(scale, zone, now), transform=axis.transAxes, fontsize=7.5, color=colours["dim"])
    axis.plot([-0.085], [1.2], "o", color=MARK[panel.level], markersize=5.5, transform=axis.transAxes, clip_on=False)


def _head(panel: Panel, scale: WindowStatus | None) -> str:
    return panel.title if scale is None or len(panel.windows) > 1 else f"{panel.title}  {round(scale.percent)} %"


def _words(window: WindowStatus, zone: ZoneInfo, now: float) -> str:
    parts = [f"{window.name}: {round(window.percent)} %"]
    if window.limit:
        parts.append(f"{window.used} of {window.limit}")
    if window.empties_at is not None:
        parts.append(f"empty {clock(window.empties_at, zone, now)}")
    if window.resets_at is not None:
        parts.append(f"resets {clock(window.resets_at, zone, now)}")
    return " · ".join(parts)


def _ahead(axis: Any, panel: Panel, window: WindowStatus, colour: str, now: float) -> None:
    """Where the pace leads, and where the window resets."""
    resets, empties = window.resets_at, window.empties_at
    if empties is not None and empties > now:
        axis.plot(*_xy([(now, window.percent), (empties, 100.0)]), color=colour, linewidth=1.4, linestyle=(0, (2, 1.6)))
        axis.plot([_day(empties)], [100.0], "x", color=colour, markersize=5, markeredgewidth=1.5, clip_on=False)
    if resets is not None and now < resets <= panel.end:
        axis.axvline(_day(resets), color=colour, linewidth=1.1, linestyle=(0, (1, 1.5)))


def _label(
    axis: Any,
    panel: Panel,
    window: WindowStatus,
    *,
    colour: str,
    now: float,
    taken: list[float],
    colours: Mapping[str, str],
) -> None:
    """The name of a line, left of now; lines close together have theirs pushed apart."""
    height = min(max(window.percent + 7.0, 6.0), 92.0)
    free = (height + step for step in (0, -15, 15, -30, 30, -45, 45))
    height = next((h for h in free if 5 <= h <= 95 and all(abs(h - other) >= 15 for other in taken)), height)
    taken.append(height)
    at = now - (panel.end - panel.begin) * 0.02
    axis.text(
        _day(at), height, f"{window.name} {round(window.percent)}%", ha="right", va="center", fontsize=7.5,
        color=colour, fontweight="bold",
        bbox={"facecolor": colours["page"], "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
    )  # fmt: skip


def _frame(axis: Any, panel: Panel, thresholds: Thresholds, colours: Mapping[str, str], zone: ZoneInfo) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    axis.set_facecolor(colours["page"])
    axis.set_xlim(_day(panel.begin), _day(panel.end))
    axis.set_ylim(0, 104)
    axis.set_yticks([0, 50, 100], ["0", "50", "100"])
    for percent, level in (
        (thresholds.warning_percent, Level.WARNING),
        (thresholds.alert_percent, Level.ALERT),
        (thresholds.critical_percent, Level.CRITICAL),
        (thresholds.emergency_percent, Level.EMERGENCY),
    ):
        axis.axhline(percent, color=MARK[level], linewidth=0.7, alpha=0.75)
    axis.axhline(100, color=colours["grid"], linewidth=0.8)
    locator = AutoDateLocator(tz=zone, minticks=3, maxticks=5)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    style = ConciseDateFormatter(locator, tz=zone, show_offset=False)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_formatter(style)
    axis.tick_params(colors=colours["dim"], labelsize=7.5, length=2, width=0.6, pad=2)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color(colours["grid"])


def _day(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _xy(points: Points) -> tuple[list[datetime], list[float]]:
    return [_day(t) for t, _ in points], [p for _, p in points]

"""One strip of the picture: the lines of some windows over time, thresholds behind them, resets and pace ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.profiles.config import Thresholds
from bot.quota.levels import Level
from bot.quota.reading import Point
from bot.quota.status import WindowStatus

Points = Sequence[Point]  # oldest first

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
DASHED, DOTTED = (0, (2, 1.6)), (0, (1, 1.5))  # the pace, a reset
TEXT = 7.5  # points


@dataclass(frozen=True, slots=True)
class Paper:
    """What all strips of a picture share."""

    colours: Mapping[str, str]
    thresholds: Thresholds
    zone: ZoneInfo
    now: float


def draw_strip(
    axis: Any,
    windows: Sequence[WindowStatus],
    span: tuple[float, float],
    points: Mapping[str, Points],
    paper: Paper,
) -> None:
    """Draw on a matplotlib axis. `span` is (begin, end); `points` are what was read of each window, by its name."""
    now = paper.now
    _frame(axis, span, paper)
    axis.axvline(_day(now), color=paper.colours["dim"], linewidth=0.8)
    for window, colour in zip(windows, LINES, strict=False):
        line = [*((t, p) for t, p in points[window.name] if span[0] <= t <= now), (now, window.percent)]
        axis.plot(*_xy(line), color=colour, linewidth=1.7, drawstyle="steps-post", solid_capstyle="round")
        axis.plot([_day(now)], [window.percent], "o", color=colour, markersize=3.6, clip_on=False)
        _ahead(axis, window, colour, span[1], now)
    if len(windows) > 1:
        _label_all(axis, windows, span, paper)


def _ahead(axis: Any, window: WindowStatus, colour: str, end: float, now: float) -> None:
    """Where the pace leads, and where the window resets."""
    resets, empties = window.resets_at, window.empties_at
    if empties is not None and empties > now:
        axis.plot(*_xy([(now, window.percent), (empties, 100.0)]), color=colour, linewidth=1.4, linestyle=DASHED)
        axis.plot([_day(empties)], [100.0], "x", color=colour, markersize=5, markeredgewidth=1.5, clip_on=empties > end)
    if resets is not None and now < resets <= end:
        axis.axvline(_day(resets), color=colour, linewidth=1.1, linestyle=DOTTED)


def _label_all(axis: Any, windows: Sequence[WindowStatus], span: tuple[float, float], paper: Paper) -> None:
    """The name of each line, left of now."""
    apart = one_line(axis.figure.get_figheight() * axis.get_position().height)
    at = _day(paper.now - (span[1] - span[0]) * 0.02)
    heights = heights_of([window.percent for window in windows], apart)
    for window, height, colour in zip(windows, heights, LINES, strict=False):
        axis.text(
            at, height, f"{window.name} {round(window.percent)}%", ha="right", va="center", fontsize=TEXT,
            color=colour, fontweight="bold", parse_math=False,
            bbox={"facecolor": paper.colours["page"], "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
        )  # fmt: skip


def one_line(inches: float) -> float:
    """The percent of the scale that one line of text takes in a strip of that height."""
    return 100 * (TEXT + 2.5) / (inches * 72)


def heights_of(percents: Sequence[float], apart: float) -> list[float]:
    """Where the names of lines at these percents stand: just above their lines, in the same order, pushed apart where
    lines are close together."""
    order = sorted(range(len(percents)), key=lambda n: percents[n])
    found = [0.0] * len(percents)
    lowest = apart / 2
    for n in order:
        found[n] = max(lowest, percents[n] + apart / 2)
        lowest = found[n] + apart
    highest = 100 - apart / 2
    for n in reversed(order):
        found[n] = min(highest, found[n])
        highest = found[n] - apart
    return found


def _frame(axis: Any, span: tuple[float, float], paper: Paper) -> None:
    """The scale: percent with the thresholds in their colours, and the time of day or the day."""
    from matplotlib.dates import HOURLY, MINUTELY, AutoDateLocator, ConciseDateFormatter

    colours, limits = paper.colours, paper.thresholds
    axis.set_facecolor(colours["page"])
    axis.set_xlim(_day(span[0]), _day(span[1]))
    axis.set_ylim(0, 104)
    axis.tick_params(colors=colours["dim"], labelsize=TEXT, length=2, width=0.6, pad=2)
    named = {0.0: colours["dim"], limits.warning_percent: MARK[Level.WARNING], limits.alert_percent: MARK[Level.ALERT]}
    named[limits.critical_percent] = MARK[Level.CRITICAL]
    axis.set_yticks(list(named), [f"{percent:g}" for percent in named])
    for label, colour in zip(axis.get_yticklabels(), named.values(), strict=True):
        label.set_color(colour)
    for percent, colour in [*named.items(), (limits.emergency_percent, MARK[Level.EMERGENCY])][1:]:
        axis.axhline(percent, color=colour, linewidth=0.7, alpha=0.75)
    axis.axhline(100, color=colours["grid"], linewidth=0.8)
    locator = AutoDateLocator(tz=paper.zone, minticks=3, maxticks=5)  # type: ignore[no-untyped-call]
    # Between its own steps for minutes and hours, and hours and days, lie stretches of time that get no ticks at all.
    locator.intervald = {**locator.intervald, MINUTELY: [1, 5, 10, 15, 30, 60], HOURLY: [1, 2, 3, 4, 6, 12, 24]}
    axis.xaxis.set_major_locator(locator)
    days = ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S"]
    style = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator,
        tz=paper.zone,
        show_offset=False,
        formats=days,
        zero_formats=["", "%Y", "%d %b", "%d %b", "%H:%M", "%S"],
    )
    axis.xaxis.set_major_formatter(style)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color(colours["grid"])


def _day(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _xy(points: Points) -> tuple[list[datetime], list[float]]:
    return [_day(t) for t, _ in points], [p for _, p in points]

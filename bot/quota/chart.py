"""The picture: use of each profile over its windows, with thresholds, resets and the forecast.

Drawn 390 points wide at three pixels each, so that on a phone a label has the size of the text around it. matplotlib's
Figure is used directly: pyplot keeps global state and costs twice the import.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.profiles.config import Thresholds
from bot.quota.chart_strip import DARK, DASHED, DOTTED, LIGHT, MARK, Paper, Points, draw_strip
from bot.quota.levels import Level
from bot.quota.lines import clock
from bot.quota.status import ProfileStatus, WindowStatus

WIDTH_IN, DPI = 3.9, 300
# Heights in inches: the words over a strip, the strip (a low one where there are many), the times below it; a line of
# words alone; the legend.
WORDS_IN, STRIP_IN, LOW_IN, TIMES_IN, BARE_IN, FOOT_IN = 0.44, 0.98, 0.72, 0.26, 0.3, 0.42
LEFT, WIDE = 0.105, 0.87  # of the width
MANY = 4
MAX_PROFILES = 12
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Panel:
    """One strip of the picture: windows of one profile over one stretch of time; without windows a line of words."""

    profile: str
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
        return [_panel(one, f"{one.profile.name} · {w.name}", (w,)) for w in shown] or [_bare(one)]
    ranked = sorted(statuses, key=_rank)
    return [_overview(status) for status in ranked[:MAX_PROFILES]]


def _rank(status: ProfileStatus) -> tuple[bool, int, float, int]:
    fullest = status.worst.percent if status.worst is not None else -1.0
    return not status.profile.active, -status.level, -fullest, status.profile.priority


def _overview(status: ProfileStatus) -> Panel:
    windows = tuple(w for w in status.windows.values() if w.main and w.minutes)[:3]
    if not windows:
        return _bare(status)
    return _panel(status, status.profile.name + ("" if status.profile.active else " (off)"), windows)


def _panel(status: ProfileStatus, title: str, windows: tuple[WindowStatus, ...]) -> Panel:
    """Back one and a half of the shortest window, forward to its reset and forecast (at most one window)."""
    scale, now = min(windows, key=lambda w: w.minutes), status.at
    length = scale.minutes * 60
    ahead = max((t for t in (scale.resets_at, scale.empties_at) if t is not None), default=now + length / 4)
    end = min(max(ahead + length / 12, now + length / 4), now + 1.1 * length)
    level = windows[0].level if len(windows) == 1 else status.level
    return Panel(status.profile.name, title, level, windows, now - 1.5 * length, end)


def _bare(status: ProfileStatus) -> Panel:
    name, why = status.profile.name, "log in again" if status.login == "needed" else "no data yet"
    return Panel(name, f"{name} · {why}", Level.HEALTHY, (), status.at - HOUR, status.at + HOUR)


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

    panels, now = panels_of(statuses), statuses[0].at
    paper = Paper(DARK if dark else LIGHT, thresholds, zone, now)
    strip = LOW_IN if len(panels) > MANY else STRIP_IN
    height = FOOT_IN + sum(WORDS_IN + strip + TIMES_IN if panel.windows else BARE_IN for panel in panels)
    figure = Figure(figsize=(WIDTH_IN, height), dpi=DPI, facecolor=paper.colours["page"])
    FigureCanvasAgg(figure)
    top = height
    for panel in panels:
        _words_of(figure, panel, paper, top / height, 1 / height)
        if not panel.windows:
            top -= BARE_IN
            continue
        top -= WORDS_IN + strip
        axis = figure.add_axes((LEFT, top / height, WIDE, strip / height))
        points = {w.name: history.get((panel.profile, w.name), ()) for w in panel.windows}
        draw_strip(axis, panel.windows, (panel.begin, panel.end), points, paper)
        top -= TIMES_IN
    hidden = len(statuses) - len(panels) if len(statuses) > 1 else 0
    _foot(figure, paper, 1 / height, hidden, any(panel.windows for panel in panels))
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=paper.colours["page"])
    return out.getvalue()


def _words_of(figure: Any, panel: Panel, paper: Paper, top: float, inch: float) -> None:
    """The name with its mark, and in small the worst window in words. Names come from files and are no mathematics."""
    from matplotlib.lines import Line2D

    worst = max(panel.windows, key=lambda w: (w.level, w.percent), default=None)
    title = panel.title if worst is None or len(panel.windows) > 1 else f"{panel.title}  {round(worst.percent)} %"
    colour = MARK[panel.level] if panel.windows else paper.colours["dim"]
    figure.add_artist(Line2D([0.035], [top - 0.175 * inch], marker="o", color=colour, markersize=5.5))
    figure.text(
        LEFT, top - 0.18 * inch, title, va="center", fontsize=9, fontweight="bold", color=paper.colours["text"],
        parse_math=False,
    )  # fmt: skip
    if worst is not None:
        words = _words(worst, paper.zone, paper.now)
        figure.text(
            LEFT, top - 0.335 * inch, words, va="center", fontsize=7.5, color=paper.colours["dim"], parse_math=False
        )


def _words(window: WindowStatus, zone: ZoneInfo, now: float) -> str:
    parts = [f"{window.name}: {round(window.percent)} %"]
    if window.limit:
        parts.append(f"{window.used} of {window.limit}")
    if window.empties_at is not None:
        parts.append(f"empty {clock(window.empties_at, zone, now)}")
    if window.resets_at is not None:
        parts.append(f"resets {clock(window.resets_at, zone, now)}")
    return " · ".join(parts)


def _foot(figure: Any, paper: Paper, inch: float, hidden: int, legend: bool) -> None:
    """What the marks mean, and when this was."""
    from matplotlib.lines import Line2D

    dim = paper.colours["dim"]
    now = Line2D([], [], color=dim, linewidth=0.8, label="now")
    resets = Line2D([], [], color=dim, linewidth=1.1, linestyle=DOTTED, label="resets")
    empty = Line2D([], [], color=dim, linewidth=1.4, linestyle=DASHED, marker="x", label="empty at this pace")
    if legend:
        figure.legend(
            handles=[now, resets, empty], loc="lower left", bbox_to_anchor=(LEFT - 0.02, 0.2 * inch),
            ncols=3, frameon=False, fontsize=7, labelcolor=dim, handlelength=1.6, columnspacing=1.4,
            borderpad=0, borderaxespad=0,
        )  # fmt: skip
    stamp = f"{datetime.fromtimestamp(paper.now, paper.zone):%d %b %H:%M %Z}"
    more = f" · {hidden} more not shown" if hidden else ""
    figure.text(LEFT + WIDE, 0.06 * inch, stamp + more, ha="right", va="bottom", fontsize=7, color=dim)

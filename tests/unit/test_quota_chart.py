"""The picture of quota: always a PNG as wide as a phone at three pixels per point, whatever is known."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profiles.book import Profile
from bot.profiles.config import QuotaLimits, Thresholds
from bot.quota.chart import LOW_IN, MAX_PROFILES, STRIP_IN, draw, panels_of
from bot.quota.chart_strip import heights_of, one_line
from bot.quota.reading import Reading
from bot.quota.status import ProfileStatus, status_of
from bot.quota.windows import Usage

NOW = 1_795_336_000.0
HOUR = 3600.0


def status(
    name: str,
    percent: float | None = None,
    *,
    empties: float | None = None,
    limit: int | None = None,
    login: str = "ok",
) -> ProfileStatus:
    limits = QuotaLimits(daily=limit)
    profile = Profile(name, name, "codex", 1, True, True, limits, {}, Path("/x"), Path("/s"), True, 75)
    readings = {}
    if percent is not None:
        readings["5h"] = Reading("5h", "codex", 300, percent, NOW + 2 * HOUR, NOW - 30, "rollout")
        readings["7d"] = Reading("7d", "codex", 10_080, percent / 2, NOW + 70 * HOUR, NOW - 30, "rollout")
    return status_of(
        profile,
        readings=readings,
        usage={"daily": Usage(40, 4000)},
        sources=[],
        login=login,
        thresholds=Thresholds(),
        forecasts={"5h": empties},
        now=NOW,
    )


def size(png: bytes) -> tuple[int, int]:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return image.size


def paint(*statuses: ProfileStatus, dark: bool = False) -> bytes:
    history = {(s.profile.name, "5h"): [(NOW - 3 * HOUR, 5.0), (NOW - HOUR, 40.0)] for s in statuses}
    return draw(statuses, history, Thresholds(), zone=ZoneInfo("Europe/Berlin"), dark=dark)


@pytest.mark.parametrize(
    "statuses",
    [
        [status("nothing-known")],
        [status("one", 78.0, empties=NOW + HOUR)],
        [status("full", 100.0), status("empty", 0.0), status("local", limit=100)],
        [status(f"codex-plus-{n}", n * 5.0) for n in range(20)],
        [status("a$b^$ · \\frac", 40.0), status("$", 40.0), status("login", login="needed")],
    ],
)
def test_whatever_is_known_the_picture_is_as_wide_as_a_phone(statuses: list[ProfileStatus]) -> None:
    for dark in (False, True):
        width, height = size(paint(*statuses, dark=dark))
        assert width == 1170
        # Telegram refuses photos whose sides together pass 10,000 pixels or whose ratio passes 20 (Bot API 10.3).
        assert width + height < 10_000


@pytest.mark.parametrize("minutes", [60, 90, 300, 1440, 2880, 10_080, 43_200])
def test_windows_of_every_length_have_a_scale_of_time(minutes: int) -> None:
    """matplotlib warns of a scale that it finds no ticks for, and a warning is an error here."""
    profile = Profile("one", "one", "codex", 1, True, True, QuotaLimits(), {}, Path("/x"), Path("/s"), True, 75)
    for left in (0.05, 0.4, 0.99):
        reading = Reading("w", "codex", minutes, 40.0, NOW + left * minutes * 60, NOW, "rollout")
        one = status_of(
            profile, readings={"w": reading}, usage={}, sources=[], login="ok", thresholds=Thresholds(), forecasts={},
            now=NOW,
        )  # fmt: skip
        assert size(paint(one))[0] == 1170


def test_light_and_dark_differ_in_their_page() -> None:
    from PIL import Image

    pages = []
    for dark in (False, True):
        with Image.open(io.BytesIO(paint(status("one", 30.0), dark=dark))) as image:
            pages.append(image.convert("RGB").getpixel((3, 3)))
    assert pages == [(255, 255, 255), (0x17, 0x21, 0x2B)]


def test_many_accounts_show_the_fullest_and_one_account_shows_each_window() -> None:
    many = [status(f"p{n:02}", n * 5.0) for n in range(20)]
    shown = [panel.title for panel in panels_of(many)]
    assert len(shown) == MAX_PROFILES
    assert "p19" in shown
    assert "p00" not in shown
    assert [panel.title for panel in panels_of([status("one", 78.0)])] == ["one · 5h", "one · 7d"]


def test_the_reset_and_the_forecast_lie_inside_the_panel() -> None:
    (short, long) = panels_of([status("one", 78.0, empties=NOW + HOUR)])
    assert short.begin < NOW < NOW + 2 * HOUR < short.end
    assert long.begin < NOW < NOW + 70 * HOUR < long.end


def test_an_account_without_data_is_one_line_that_says_why() -> None:
    two = [status("full", 40.0), status("new"), status("out", login="needed")]
    titles = [panel.title for panel in panels_of(two)]
    assert titles == ["full", "new · no data yet", "out · log in again"]
    assert size(paint(*two))[1] < 1.5 * size(paint(two[0], two[0]))[1]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=3), st.sampled_from([STRIP_IN, LOW_IN]))
def test_the_names_of_lines_never_cover_each_other(percents: list[float], strip: float) -> None:
    apart = one_line(strip)
    heights = sorted(heights_of(percents, apart))
    assert all(b - a >= apart - 0.01 for a, b in pairwise(heights))
    assert heights[0] >= apart / 2 - 0.01
    assert heights[-1] <= 100 - apart / 2 + 0.01

"""The time that a CLI's banner names, as moments."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.fleet.reset_time import banner_time

AFTER = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def utc(month: int, day: int, hour: int, minute: int = 0, *, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10:05 AM", utc(11, 22, 10, 5)),
        ("12:15 PM", utc(11, 22, 12, 15)),
        ("12:15am (UTC)", utc(11, 23, 0, 15)),
        ("14:20", utc(11, 22, 14, 20)),
        ("8:32 AM", utc(11, 23, 8, 32)),
        ("Nov 26th, 2026 8:32 AM", utc(11, 26, 8, 32)),
        ("Jan 1st, 2027 11:00 PM", utc(1, 1, 23, year=2027)),
        ("8pm (UTC)", utc(11, 22, 20)),
        ("8pm (Europe/Berlin)", utc(11, 22, 19)),
        ("8 p.m. (America/Los_Angeles)", utc(11, 23, 4)),
        ("9am (Asia/Tokyo)", utc(11, 23, 0)),
        ("12am", utc(11, 23, 0)),
        ("12pm", utc(11, 22, 12)),
        ("Nov 26, 8pm (UTC)", utc(11, 26, 20)),
        ("November 26 at 8pm", utc(11, 26, 20)),
        ("Jan 2, 3am (Etc/GMT+5)", utc(1, 2, 8, year=2027)),
        ("Nov 22, 2026 8:00 AM", utc(11, 22, 8)),  # with its year it may have passed
        ("Feb 29, 1pm", None),  # neither 2026 nor 2027 has one
    ],
)
def test_a_banner_names_a_moment(text: str, moment: datetime | None) -> None:
    assert banner_time(text, AFTER, UTC) == (moment.timestamp() if moment else None)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "25:10", "13pm", "0am", "8:75 AM", "Nov 31st, 2026 8:32 AM", "Foo 26th, 2026 8:32 AM", "8pm (Mars)",
     "8pm (../../etc/passwd)"],
)  # fmt: skip
def test_what_names_no_moment_is_none(text: str) -> None:
    assert banner_time(text, AFTER, UTC) is None


def test_nights_in_which_the_clocks_are_set() -> None:
    # Back on 2026-10-25 at 3:00: 2:30 comes twice, at 0:30 and at 1:30 UTC.
    assert banner_time("2:30", utc(10, 25, 0), BERLIN) == utc(10, 25, 0, 30).timestamp()
    assert banner_time("2:30", utc(10, 25, 1), BERLIN) == utc(10, 25, 1, 30).timestamp()
    assert banner_time("2:30", utc(10, 25, 2), BERLIN) == utc(10, 26, 1, 30).timestamp()
    assert banner_time("8am", utc(10, 24, 20), BERLIN) == utc(10, 25, 7).timestamp()
    # Forward on 2026-03-29 at 2:00: there is no 2:30, the clock says 3:30 then.
    assert banner_time("2:30", utc(3, 28, 23), BERLIN) == utc(3, 29, 0, 30).timestamp()
    assert banner_time("8am", utc(3, 28, 20), BERLIN) == utc(3, 29, 6).timestamp()


@given(st.text())
def test_no_text_raises(text: str) -> None:
    banner_time(f"8pm {text}", AFTER, UTC)
    banner_time(text, AFTER)

"""The time that a CLI's banner names, as moments."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.fleet.reset_time import banner_time

AFTER = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10:05 AM", datetime(2026, 11, 22, 10, 5, tzinfo=UTC)),
        ("12:15 PM", datetime(2026, 11, 22, 12, 15, tzinfo=UTC)),
        ("12:15am (UTC)", datetime(2026, 11, 23, 0, 15, tzinfo=UTC)),
        ("14:20", datetime(2026, 11, 22, 14, 20, tzinfo=UTC)),
        ("8:32 AM", datetime(2026, 11, 23, 8, 32, tzinfo=UTC)),
        ("Nov 26th, 2026 8:32 AM", datetime(2026, 11, 26, 8, 32, tzinfo=UTC)),
        ("Jan 1st, 2027 11:00 PM", datetime(2027, 1, 1, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_banner_names_a_moment(text: str, moment: datetime) -> None:
    assert banner_time(text, AFTER) == moment.timestamp()


@pytest.mark.parametrize("text", ["", "soon", "25:10", "Nov 31st, 2026 8:32 AM", "Foo 26th, 2026 8:32 AM"])
def test_what_names_no_moment_is_none(text: str) -> None:
    assert banner_time(text, AFTER) is None

"""Numbers of a provider, as JSON has them."""

from __future__ import annotations

import pytest

from bot.quota.reading import ROLLOUT, number, readings_of

HUGE = pytest.param(10**400, id="huge")  # JSON has them, and no float is that large


@pytest.mark.parametrize("value", [None, True, "12", float("nan"), float("inf"), HUGE, [1], {}])
def test_what_is_no_number_or_none_that_can_be_used_is_none(value: object) -> None:
    assert number(value) is None


@pytest.mark.parametrize("value", [0, -1, 12.5, 10**12])
def test_numbers_are_floats(value: float) -> None:
    assert number(value) == value
    assert isinstance(number(value), float)


def test_a_window_with_a_number_that_is_far_too_large_is_left_out_and_the_other_counts() -> None:
    limits = {
        "primary": {"used_percent": 10**400, "window_minutes": 300},
        "secondary": {"used_percent": 40, "window_minutes": 10080, "resets_at": 10**400},
    }
    (found,) = readings_of(limits, ROLLOUT, at=1.0, source="rollout")
    assert (found.window, found.percent, found.resets_at) == ("7d", 40.0, None)

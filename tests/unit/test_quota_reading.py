"""Numbers of a provider, as JSON has them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.quota.reading import APP_SERVER, ROLLOUT, Reading, as_stored, number, statement_of

HUGE = pytest.param(10**400, id="huge")  # JSON has them, and no float is that large


@pytest.mark.parametrize("value", [None, True, "12", float("nan"), float("inf"), HUGE, [1], {}])
def test_what_is_no_number_or_none_that_can_be_used_is_none(value: object) -> None:
    assert number(value) is None


@pytest.mark.parametrize("value", [0, -1, 12.5, 10**12])
def test_numbers_are_floats(value: float) -> None:
    assert number(value) == value
    assert isinstance(number(value), float)


AT = 1_795_327_186.0


def said(limits: dict[str, Any]) -> tuple[Reading, ...]:
    statement = statement_of(limits, ROLLOUT, at=AT, source="rollout")
    return statement.readings if statement is not None else ()


def window(percent: object, minutes: object, resets_at: object = None) -> dict[str, object]:
    return {"used_percent": percent, "window_minutes": minutes, "resets_at": resets_at}


def test_a_window_with_a_number_that_is_far_too_large_is_left_out_and_the_other_counts() -> None:
    limits = {"primary": window(10**400, 300), "secondary": window(40, 10080, 10**400)}
    statement = statement_of(limits, ROLLOUT, at=AT, source="rollout")
    assert statement is not None
    (found,) = statement.readings
    assert (found.window, found.percent, found.resets_at) == ("7d", 40.0, None)
    assert [note.split()[0] for note in statement.notes] == ["primary.used_percent", "secondary.resets_at"]


@pytest.mark.parametrize(
    ("resets_at", "moment"),
    [
        (AT + 9000, AT + 9000),
        ((AT + 9000) * 1000, AT + 9000),  # milliseconds
        ("2026-11-22T08:29:46Z", AT + 9000),
        ("2026-11-22T10:29:46+02:00", AT + 9000),
        (AT - 3600, AT - 3600),
        (0, None),
        (-1, None),
        (AT * 1000 * 1000, None),  # microseconds
        (AT + 500 * 86_400, None),
        ("soon", None),
        (True, None),
        ({}, None),
        ("0001-01-01T00:00:00", None),
    ],
)
def test_a_reset_time_is_read_in_every_unit_that_it_is_sent_in(resets_at: object, moment: float | None) -> None:
    (found,) = said({"primary": window(50, 300, resets_at)})
    assert found.resets_at == moment


def test_older_rollouts_have_a_minute_less_and_name_seconds_until_the_reset() -> None:
    primary = {"used_percent": 63.0, "window_minutes": 299, "resets_in_seconds": 9000}
    secondary = {"used_percent": 21.0, "window_minutes": 10079, "resets_in_seconds": 400_000}
    found = said({"primary": primary, "secondary": secondary})
    assert [(one.window, one.resets_at) for one in found] == [("5h", AT + 9000), ("7d", AT + 400_000)]


@pytest.mark.parametrize(
    ("limits", "stops"),
    [
        ({"rate_limit_reached_type": "workspace_member_credits_depleted"}, ["credits"]),
        ({"rate_limit_reached_type": "workspace_owner_usage_limit_reached"}, ["usage"]),
        ({"rate_limit_reached_type": "rate_limit_reached"}, ["limit"]),
        ({"rate_limit_reached_type": "brand_new_type"}, ["limit"]),
        ({"spend_control_reached": True}, ["spend"]),
        ({"spend_control_reached": False, "plan_type": "business"}, []),
        ({"individual_limit": {"limit": "50", "used": "50", "remaining_percent": 0, "resets_at": AT + 60}}, ["spend"]),
        ({"individual_limit": {"limit": "50", "used": "5", "remaining_percent": 90, "resets_at": AT + 60}}, []),
        ({"individual_limit": "none", "spend_control_reached": "yes", "rate_limit_reached_type": 7}, []),
        ({"primary": window(100, 300), "rate_limit_reached_type": "rate_limit_reached"}, ["5h"]),
        ({"primary": window(40, 300), "rate_limit_reached_type": "workspace_owner_credits_depleted"}, ["credits"]),
        ({"primary": window(40, 300), "secondary": window(90, 10080), "rate_limit_reached_type": "x"}, ["7d"]),
    ],
)
def test_what_stops_an_account_is_named(limits: dict[str, Any], stops: list[str]) -> None:
    assert [one.window for one in said(limits) if one.reached] == stops


def test_credits_beside_a_full_window_do_not_make_it_less_full() -> None:
    (found,) = said({"primary": window(100, 300), "credits": {"has_credits": True, "unlimited": False, "balance": "9"}})
    assert found.reached


def test_a_family_that_says_nothing_is_no_statement() -> None:
    assert (
        statement_of({"limit_id": "codex", "primary": None, "credits": None}, ROLLOUT, at=AT, source="rollout") is None
    )
    assert statement_of({"plan_type": "business"}, ROLLOUT, at=AT, source="rollout") is not None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*ROLLOUT, *APP_SERVER, "primary", "secondary", "credits", "x"]), inner, max_size=6
            )
        ),
        max_leaves=20,
    )
)
def test_no_value_in_any_field_raises_and_what_is_read_can_be(value: object) -> None:
    for keys in (ROLLOUT, APP_SERVER):
        limits = value if isinstance(value, dict) else {"primary": value, keys.individual: value, keys.reached: value}
        statement = statement_of(limits, keys, at=AT, source="rollout")
        for reading in statement.readings if statement else ():
            assert as_stored(reading) == reading
            assert len(reading.window) < 60 and reading.window.isprintable()

"""Levels, and which alerts are due."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profiles.config import Thresholds
from bot.quota.alerts import Told, step
from bot.quota.levels import Level, alert_level, level_of


@pytest.mark.parametrize(
    ("percent", "level"),
    [
        (0, Level.HEALTHY),
        (49.9, Level.HEALTHY),
        (50, Level.WARNING),
        (75, Level.ALERT),
        (89.9, Level.ALERT),
        (90, Level.CRITICAL),
        (95, Level.EMERGENCY),
        (100, Level.EMERGENCY),
    ],
)
def test_levels_begin_at_their_boundary(percent: float, level: Level) -> None:
    assert level_of(percent, Thresholds()) is level


def test_a_profile_may_move_its_own_alert() -> None:
    assert level_of(62, Thresholds(), alert_percent=60) is Level.ALERT
    assert level_of(95, Thresholds(), alert_percent=99) is Level.EMERGENCY


HOURS_5 = 5 * 3600.0


def run(series: list[tuple[float, float | None]]) -> list[tuple[str, Level]]:
    """(percent, reset time) one minute apart -> what was told."""
    told, said = Told(), []
    for minute, (percent, reset) in enumerate(series):
        level = alert_level(percent, False, Thresholds())
        told, due = step(told, level, reset, now=minute * 60.0, length=HOURS_5)
        if due:
            said.append((due.kind, due.level))
    return said


def test_the_whole_climb_is_five_alerts_and_one_recovery() -> None:
    one, two = 18_000.0, 36_000.0
    series = [(p, one) for p in (40, 55, 80, 92, 96, 100)] + [(3.0, two)]
    assert run(series) == [
        ("alert", Level.WARNING),
        ("alert", Level.ALERT),
        ("alert", Level.CRITICAL),
        ("alert", Level.EMERGENCY),
        ("alert", Level.EXHAUSTED),
        ("recovery", Level.HEALTHY),
    ]


PERCENT = st.one_of(st.sampled_from([0, 49.9, 50, 74.9, 75, 90, 95, 99.9, 100]), st.floats(0, 100))


@dataclass(frozen=True)
class Instance:
    """One window from reset to reset, as it is read: percents, how far each reading's reset time is off (s), whether
    somebody looks between its reset and the next reading, and whether a reading may leave its reset time out."""

    percents: list[float]
    jitter: list[int]
    seen_empty: bool
    nameless: list[bool]


INSTANCES = st.lists(
    st.builds(
        Instance,
        percents=st.lists(PERCENT, min_size=1, max_size=12),
        jitter=st.lists(st.integers(-250, 250), min_size=12, max_size=12),
        seen_empty=st.booleans(),
        nameless=st.lists(st.booleans(), min_size=12, max_size=12),
    ),
    min_size=1,
    max_size=6,
)


@given(INSTANCES)
def test_alerts_over_window_instances_repeat_nothing_and_lose_nothing(instances: list[Instance]) -> None:
    told, open_ = Told(), False
    for number, instance in enumerate(instances):
        begin, ends = number * HOURS_5, (number + 1) * HOURS_5
        alerted: list[Level] = []
        for n, percent in enumerate(instance.percents):
            level = alert_level(percent, False, Thresholds())
            # Whoever writes a reading down by hand may know no reset time; the first of an instance names it.
            reset = None if n and instance.nameless[n] else ends + instance.jitter[n]
            told, due = step(told, level, reset, begin + 300.0 + n, length=HOURS_5)
            if due is not None and due.kind == "alert":
                assert due.level == level
                assert due.level not in alerted, "a level was told twice"
                alerted.append(due.level)
                open_ = True
            elif due is not None:
                assert open_, "a recovery of nothing"
                assert level is Level.HEALTHY
                open_ = False
            if level > Level.HEALTHY:
                assert max(alerted, default=Level.HEALTHY) >= level, "a level was crossed and nothing told"
            else:
                assert not open_, "it is healthy again and nothing told"
        assert alerted == sorted(alerted)
        if instance.seen_empty:
            told, due = step(told, Level.HEALTHY, None, ends + 1, length=HOURS_5)
            assert (due is not None) == open_
            open_ = False


@given(st.lists(st.tuples(PERCENT, st.integers(1, 7200)), max_size=60))
def test_a_window_that_only_rolls_tells_each_level_once_within_its_length(readings: list[tuple[float, int]]) -> None:
    told, now = Told(), 0.0
    first, highest = 0.0, Level.HEALTHY
    for percent, wait in readings:
        now += wait
        level = alert_level(percent, False, Thresholds())
        told, due = step(told, level, None, now, length=HOURS_5)
        if due is not None and due.kind == "alert":
            if due.level <= highest:
                assert now - first >= HOURS_5, "a level was told twice"
                highest = Level.HEALTHY
            first, highest = (now if highest is Level.HEALTHY else first), due.level


def test_a_window_that_only_rolls_alerts_again_after_it_was_healthy() -> None:
    day = [(80.0, None)] * 10 + [(20.0, None)] * 300 + [(80.0, None)]
    assert run(day) == [("alert", Level.ALERT), ("recovery", Level.HEALTHY), ("alert", Level.ALERT)]


def test_a_reset_time_that_is_named_later_begins_no_new_instance() -> None:
    assert run([(80.0, None), (80.0, 9_000.0), (80.0, None), (82.0, 9_100.0)]) == [("alert", Level.ALERT)]


def test_two_sources_that_name_different_reset_times_do_not_alert_again_and_again() -> None:
    assert len(run([(80.0, 9_000.0), (80.0, 9_900.0)] * 20)) <= 2


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_a_reset_time_that_creeps_is_the_same_instance(percents: list[float]) -> None:
    said = run([(p, minute * 60.0 + 9_000) for minute, p in enumerate(percents)])
    alerts = [level for kind, level in said if kind == "alert"]
    assert alerts == sorted(set(alerts))

"""Windows as sums over time, their names, and when one will be empty."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.quota.forecast import empties_at
from bot.quota.windows import EdgeUnknown, Event, RollingWindow, Usage, window_name
from tests.usage import usage_within

EVENTS = st.lists(
    st.builds(Event, at=st.floats(0, 10_000), requests=st.integers(1, 3), tokens=st.integers(0, 500)), max_size=60
)


@given(EVENTS, st.floats(1, 5_000), st.lists(st.floats(0, 4_000), max_size=8))
def test_a_window_equals_the_plain_sum_at_every_time(events: list[Event], span: float, waits: list[float]) -> None:
    now = 5_000.0
    window = RollingWindow.of(span, now, events)
    for wait in [0.0, *waits]:
        now += wait
        assert window.at(now) == usage_within(events, span, now)


@given(EVENTS, EVENTS, st.floats(1, 5_000))
def test_a_window_filled_from_sums_and_an_edge_equals_the_plain_sum(
    old: list[Event], new: list[Event], span: float
) -> None:
    now = 10_000.0
    start = usage_within(old, span, now)
    window = RollingWindow(span, now, start.requests, start.tokens, known_until=now - span)
    counted = list(old)
    for event in new:
        later = Event(now + event.at / 100, event.requests, event.tokens)
        now = max(now, later.at)
        counted.append(later)
        far = now - span
        if far > window.known_until:
            edge = sorted((e for e in counted[:-1] if window.known_until < e.at <= far + 50), key=lambda e: e.at)
            window.refill(edge, far + 50)
        window.at(now)
        window.add(later)
        assert window.at(now) == usage_within(counted, span, now)


def test_a_window_says_when_it_does_not_know_its_edge() -> None:
    window = RollingWindow(10, 100, requests=4, known_until=90)
    with pytest.raises(EdgeUnknown):
        window.at(101)
    with pytest.raises(ValueError, match="does not go back"):
        window.at(99)


def test_an_event_from_the_future_counts_when_its_time_comes() -> None:
    window = RollingWindow.of(10, 100, [])
    window.add(Event(105, 1, 7))
    assert window.at(104) == Usage(0, 0)
    assert window.at(105) == Usage(1, 7)
    assert window.at(115) == Usage(0, 0)


@pytest.mark.parametrize(
    ("minutes", "limit_id", "name"),
    [
        (300, "codex", "5h"),
        (1440, "codex", "24h"),
        (10080, "codex", "7d"),
        (43200, "codex", "30d"),
        (90, "codex", "90m"),
        (1440, "codex_other", "codex_other/24h"),
    ],
)
def test_windows_are_named_by_their_length(minutes: int, limit_id: str, name: str) -> None:
    assert window_name(minutes, limit_id) == name


def test_forecast_follows_the_pace_and_stops_at_the_reset() -> None:
    # 40 % at t=0 and 50 % at t=600: one percent a minute, so 100 % is fifty minutes later.
    points = [(0, 40), (600, 50)]
    assert empties_at(points, now=600, resets_at=None) == pytest.approx(600 + 50 * 60)
    assert empties_at(points, now=600, resets_at=1_200) is None
    assert empties_at([(0, 50), (600, 50)], now=600, resets_at=None) is None


def test_a_drop_starts_a_new_pace() -> None:
    points = [(0, 90), (300, 2), (600, 4)]
    assert empties_at(points, now=600, resets_at=None) == pytest.approx(600 + 96 / 2 * 300)

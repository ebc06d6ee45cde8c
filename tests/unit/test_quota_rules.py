"""The pure rules of quota: windows, levels, selection, alerts, forecast."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profiles.config import AgentConfig, ConfigError, MonitoringConfig, Thresholds, load
from bot.quota.alerts import Told, step
from bot.quota.forecast import Reading, empties_at
from bot.quota.levels import Level, alert_level, level_of
from bot.quota.selection import Candidate, select
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


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        name=st.sampled_from("abcdefgh"),
        kind=st.sampled_from(["codex", "claude"]),
        priority=st.integers(1, 7),
        active=st.booleans(),
        tracked=st.booleans(),
        reached=st.sampled_from(["", "5h window used up"]),
        emergency=st.booleans(),
        login_needed=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda c: c.name,
)


@given(CANDIDATES, st.booleans(), st.sampled_from([None, *"abcdefgh"]))
def test_selection_never_returns_an_excluded_profile(
    candidates: list[Candidate], enforce: bool, last: str | None
) -> None:
    choice = select(candidates, enforce=enforce, last=last)
    assert choice.profile not in {name for name, _ in choice.rejected}
    rejected = {name for name, _ in choice.rejected}
    free = [c for c in candidates if c.name not in rejected]
    assert (choice.profile is None) == (not free)
    if choice.profile is not None and any(c.priority < 5 for c in free):
        chosen = next(c for c in free if c.name == choice.profile)
        assert chosen.priority == min(c.priority for c in free)


def test_equals_take_turns() -> None:
    three = [Candidate(n, "codex", 1) for n in ("a", "b", "c")]
    last, order = None, []
    for _ in range(4):
        last = select(three, last=last).profile
        order.append(last)
    assert order == ["a", "b", "c", "a"]


def test_codex_profile_forces_and_skips_the_checks() -> None:
    used_up = [Candidate("a", "codex", 1, reached="5h window used up"), Candidate("b", "codex", 2)]
    assert select(used_up, forced="a").profile == "a"
    assert select(used_up).profile == "b"
    assert select(used_up).rejected == (("a", "5h window used up"),)


@pytest.mark.parametrize(
    ("kind", "default", "chosen"),
    [("codex", "b", "b"), ("codex", "claude-sonnet-4", "a"), ("codex", None, "a"), ("claude", "b", "c")],
)
def test_switched_off_the_default_serves_or_the_highest_priority_of_that_kind(
    kind: str, default: str | None, chosen: str
) -> None:
    some = [Candidate("a", "codex", 1), Candidate("b", "codex", 2), Candidate("c", "claude", 3)]
    some.append(Candidate("off", "codex", 0, active=False))
    assert select(some, kind=kind, enabled=False, default=default).profile == chosen


def test_fallback_profiles_serve_only_when_all_others_are_used_up() -> None:
    both = [Candidate("spare", "codex", 5), Candidate("main", "codex", 4)]
    assert select(both).profile == "main"
    assert select([both[0], Candidate("main", "codex", 4, reached="used up")]).profile == "spare"


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


def test_forecast_follows_the_pace_and_stops_at_the_reset() -> None:
    # 40 % at t=0 and 50 % at t=600: one percent a minute, so 100 % is fifty minutes later.
    readings = [Reading(0, 40), Reading(600, 50)]
    assert empties_at(readings, now=600, resets_at=None) == pytest.approx(600 + 50 * 60)
    assert empties_at(readings, now=600, resets_at=1_200) is None
    assert empties_at([Reading(0, 50), Reading(600, 50)], now=600, resets_at=None) is None


def test_a_drop_starts_a_new_pace() -> None:
    readings = [Reading(0, 90), Reading(300, 2), Reading(600, 4)]
    assert empties_at(readings, now=600, resets_at=None) == pytest.approx(600 + 96 / 2 * 300)


SEED_AGENT = {
    "codex_profiles": {
        "enable": True,
        "default_profile": "claude-sonnet-4",
        "selection": {"algorithm": "round-robin", "enforce_rate_limit": True, "fallback_priority": 5},
        "rotation_monitoring": 5,
        "max_rotation_attempts": 3,
    },
    "profiles": {
        "codex-plus-1": {
            "name": "ChatGPT Plus Account 1",
            "priority": 1,
            "quota_limits": {"daily": 1000, "weekly": 5000, "monthly": 20000},
            "quota_tracking_enabled": True,
            "active": True,
            "environment": {"CODEX_PROFILE": "codex-plus-1"},
        }
    },
}


def test_the_examples_of_the_first_product_load_unchanged(tmp_path: Path) -> None:
    agent, monitoring = tmp_path / "default-agent-config.json", tmp_path / "monitoring-config.json"
    agent.write_text(json.dumps(SEED_AGENT))
    monitoring.write_text(
        '{"monitoring":{"codex_quota":{"enabled":true,"status_update_interval_seconds":30,"quota_thresholds":'
        '{"warning_percent":50,"critical_percent":90,"emergency_percent":95},"cache_ttl_seconds":30}}}'
    )
    config = load(AgentConfig, agent)
    assert config.profiles["codex-plus-1"].quota_limits.weekly == 5000
    assert config.warnings() == ["default_profile claude-sonnet-4 names no profile; the highest priority is used"]
    assert load(MonitoringConfig, monitoring).quota.quota_thresholds.alert_percent == 75


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"profiles":{"a":{"priorty":1}}}', "default-agent-config.json: profiles.a.priorty"),
        ('{"profiles":{"a":{"priority":"high"}}}', "profiles.a.priority"),
        ('{"profiles":', "line 1"),
        ("[]", "the top"),
    ],
)
def test_a_wrong_configuration_names_file_path_and_reason(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "default-agent-config.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(AgentConfig, path)
    assert says in caught.value.message

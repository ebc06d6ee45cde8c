"""Quota in words: the tmux pair as the first product printed it, lengths of time, the status bar, the mirrors."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.profiles.book import Profile
from bot.profiles.config import QuotaLimits, Thresholds
from bot.quota import mirror
from bot.quota.lines import RotationWord, clock, compact, span, status_bar, table, tmux_lines
from bot.quota.reading import Reading
from bot.quota.status import ProfileStatus, status_of
from bot.quota.windows import Usage
from bot.store.tables import QuotaEventRow

NOW = 1_795_336_000.0  # 2026-11-22 08:26:40 UTC


def status(
    name: str,
    *,
    percent: float | None = None,
    resets_in: float = 35 * 60,
    daily: int | None = None,
    used: int = 0,
    active: bool = True,
    login: str = "ok",
) -> ProfileStatus:
    limits = QuotaLimits(daily=daily)
    profile = Profile(name, name, "codex", 1, active, True, limits, {}, Path("/x"), Path("/s"), True, 75)
    reading = Reading("5h", "codex", 300, percent or 0.0, NOW + resets_in, NOW - 60, "rollout")
    return status_of(
        profile,
        readings={"5h": reading} if percent is not None else {},
        usage={"daily": Usage(used, used * 100), "5h": Usage(used, used * 100)},
        sources=[],
        login=login,
        thresholds=Thresholds(),
        forecasts={},
        now=NOW,
    )


def test_the_tmux_lines_are_those_of_the_first_product_to_the_letter() -> None:
    one, two = status("codex-plus-1", daily=1000, used=650), status("codex-plus-2", daily=1000)
    assert tmux_lines(one, [one, two], "codex-plus-2") == (
        "[CODEX QUOTA] Profile: codex-plus-1 | Usage: 65% (650/1000) | Window: daily | Reset: – | Status: 🟡 OK\n"
        "[PROFILES] Active: 2/2 | Rotation: Auto | Next: codex-plus-2 | Current: codex-plus-1"
    )


@pytest.mark.parametrize(
    ("percent", "word"),
    [(49, "🟢 OK"), (65, "🟡 OK"), (80, "🟠 ALERT"), (92, "🔴 CRITICAL"), (97, "🚨 EMERGENCY"), (100, "🚨 EMERGENCY")],
)
def test_a_window_of_the_provider_has_no_count_but_a_reset(percent: float, word: str) -> None:
    one = status("codex-plus-1", percent=percent)
    first, _second = tmux_lines(one, [one], None).splitlines()
    expected = f"[CODEX QUOTA] Profile: codex-plus-1 | Usage: {percent}% | Window: 5h | Reset: 35m | Status: {word}"
    assert first == expected


@pytest.mark.parametrize(
    ("rotation", "said"),
    [
        ("Auto", "Rotation: Auto | Next: codex-plus-2"),
        ("Off", "Rotation: Off | Next: none"),
        ("Forced", "Rotation: Forced | Next: none"),
    ],
)
def test_whether_agents_are_moved(rotation: RotationWord, said: str) -> None:
    one, two = status("codex-plus-1", percent=65), status("codex-plus-2", percent=1)
    assert said in tmux_lines(one, [one, two], "codex-plus-2", rotation)


@pytest.mark.parametrize("nothing", [status("codex-plus-1"), status("codex-plus-1", percent=3, login="needed")])
def test_an_account_of_which_nothing_is_known_does_not_look_healthy(nothing: ProfileStatus) -> None:
    first, _second = tmux_lines(nothing, [nothing], None).splitlines()
    assert first == "[CODEX QUOTA] Profile: codex-plus-1 | Usage: – | Window: – | Reset: – | Status: ❔ UNKNOWN"


def test_a_used_up_or_switched_off_profile_is_not_counted_as_active() -> None:
    everyone = [status("a", percent=100), status("b", percent=10), status("c", active=False)]
    assert "Active: 1/3" in tmux_lines(everyone[0], everyone, "b")


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "–"), (-5, "0m"), (59, "1m"), (35 * 60, "35m"), (7500, "2h05m"), (7200, "2h"),
     (3 * 86_400 + 4 * 3600, "3d4h"), (2 * 86_400, "2d")],
)  # fmt: skip
def test_lengths_of_time(seconds: float | None, words: str) -> None:
    assert span(seconds) == words


def test_times_are_in_the_persons_zone_over_the_change_of_the_clock() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = 1_793_491_200.0  # 2026-11-01 00:00 UTC, one week after the clocks went back
    assert clock(before, berlin, before) == "01:00"
    assert clock(before - 8 * 86_400, berlin, before) == "Sat 02:00"


def test_the_table_and_the_compact_list_say_who_must_log_in() -> None:
    everyone = [status("a", percent=78), status("b", login="needed")]
    assert compact(everyone) == "🟠 a  5h 78%\n❔ b  log in again"
    assert "log in again" in table(everyone, ZoneInfo("UTC"))
    assert compact([status("n")]) == "❔ n  no data yet"
    counts = [status("c", login="needed", daily=1000, used=650)]  # our own counts need no login
    assert compact(counts) == "🟡 c  log in again  daily 65%"
    assert [row.split()[-3:] for row in table(counts, ZoneInfo("UTC")).splitlines()[1:2]] == [["log", "in", "again"]]


def test_the_status_bar_shows_active_accounts_with_numbers_in_colour() -> None:
    everyone = [status("a", percent=78), status("b", percent=97), status("c"), status("d", percent=5, active=False)]
    assert status_bar(everyone) == "#[fg=colour208]a 78%#[default]  #[fg=red,bold]b 97%#[default]"
    assert status_bar([status("a", percent=3, login="needed")]) == "", "its numbers are of before"
    # A name that would be a command to tmux is a name.
    assert status_bar([status("#(reboot)", percent=5)]) == "#[fg=green]##(reboot) 5%#[default]"


def test_the_mirror_is_rewritten_only_when_something_changed_and_keeps_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "monitoring" / "quota-state.json"
    row = QuotaEventRow(key="req_001", profile="a", at=0.001, model="m", tokens=1500)
    event = {"id": "req_001", "type": "request", "timestamp": 1, "requestDetails": {"model": "m", "tokens": 1500}}
    first = mirror.state_of([status("a", daily=1000, used=650)], {"a": [row]})
    assert mirror.write_state(path, first)
    (entry,) = json.loads(path.read_text())
    assert list(entry) == ["profileName", "limits", "status", "rollingWindows", "events"]
    assert entry["status"]["daily"] == {"used": 650, "percentage": 65.0}
    assert (entry["status"]["health"], entry["status"]["healthEmoji"]) == ("warning", "🟡")
    assert entry["rollingWindows"][0]["requests"] == 650
    assert entry["rollingWindows"][0]["durationHours"] == 5
    assert entry["events"] == [event]
    stood = path.stat().st_mtime_ns
    moved = json.loads(path.read_text())
    moved[0]["rollingWindows"][0]["end"] += 30_000  # time went on and nothing else
    assert not mirror.write_state(path, moved)
    assert path.stat().st_mtime_ns == stood
    assert mirror.write_state(path, mirror.state_of([status("a", daily=1000, used=651)], {"a": [row]}))
    assert json.loads(path.with_name("quota-state.json.bak").read_text()) == first
    path.write_text("{half")
    assert mirror.write_state(path, first)
    assert path.with_name("quota-state.json.bak").read_text() == "{half"
    assert sorted(p.name for p in path.parent.iterdir()) == ["quota-state.json", "quota-state.json.bak"]

"""What files and programs may throw at quota: each is counted for what it is worth, and the other profiles go on."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.clock import SystemClock
from bot.errors import Refused
from bot.home import Home
from bot.profiles.book import ProfileBook
from bot.quota import alarm
from bot.quota.service import Quota
from bot.quota.sources import rollouts
from bot.quota.status import ProfileStatus
from bot.settings import Settings, load_settings
from bot.store import Store
from bot.store.tables import OutboxRow
from tests.rollouts import Rollout, write_monitoring, write_profiles

HOUR = 3600.0


@pytest.fixture
async def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / ".maf")
    write_profiles(home.agent_config, {"a": {"priority": 1}, "b": {"priority": 2}})
    for name in ("a", "b"):
        home.profile(name).mkdir(parents=True)
    return home


class Ahead(SystemClock):
    """A wall clock that goes wrong."""

    by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


def quota_of(
    home: Home,
    store: Store,
    *,
    path: str = "/nowhere",
    settings: Settings | None = None,
    clock: SystemClock | None = None,
) -> Quota:
    settings = settings or load_settings(home, quota_cache_ttl=0)
    return Quota(store, home, ProfileBook(home), settings, clock or SystemClock(), path=lambda: path)


async def status(quota: Quota, name: str = "a", **more: bool) -> ProfileStatus:
    return next(s for s in await quota.refresh(**more) if s.profile.name == name)


def percents(status: ProfileStatus) -> dict[str, float]:
    return {name: window.percent for name, window in status.windows.items()}


async def test_a_line_that_is_cut_in_the_middle_counts_when_it_is_whole(home: Home, store: Store) -> None:
    rollout, now, quota = Rollout(home.profile("a")), time.time(), quota_of(home, store)
    rollout.response(now, 100, {"primary": (40.0, 300, now + HOUR)})
    rollout.response(now, 50)
    whole = rollout.path.read_bytes()
    rollout.path.write_bytes(whole[:-30])
    assert (await status(quota)).usage["5h"].tokens == 100
    with rollout.path.open("ab") as file:
        file.write(whole[-30:])
    found = await status(quota)
    assert (found.usage["5h"].tokens, found.usage["5h"].requests) == (150, 2)


async def test_foreign_and_broken_lines_are_passed_over(home: Home, store: Store) -> None:
    rollout, now, quota = Rollout(home.profile("a")), time.time(), quota_of(home, store)
    rollout.response(now, 100, {"primary": (40.0, 300, now + HOUR)})
    with rollout.path.open("ab") as file:
        file.write(b'{"token_usage_record": [1,2,3]}\n"token_count"\n[[["token_count"\n\xff\xfe"token_usage_record"\n')
        file.write(b'{"type":"token_usage_record","payload":{"usage":{"total_tokens":"many"}}}\n')
        file.write(b'{"type":"token_usage_record","timestamp":"no time","payload":{"usage":{"total_tokens":5}}}\n')
        file.write(b'{"type":"event_msg","payload":{"type":"token_count","rate_limits":"none today"}}\n')
    rollout.response(now, 7)
    found = await status(quota)
    assert found.usage["5h"].tokens == 107
    assert percents(found) == {"5h": 40.0}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((250.0, 300, 1.0), {"5h": 100.0}),
        ((-3.0, 300, 1.0), {"5h": 0.0}),
        ((None, 300, 1.0), {}),
        (("lots", 300, 1.0), {}),
        ((40.0, None, 1.0), {}),
        ((40.0, 0, 1.0), {}),
        ((40.0, -300, 1.0), {}),
        ((float("nan"), 300, 1.0), {}),
        ((40.0, 300, None), {"5h": 40.0}),
        ((40.0, 300, "soon"), {"5h": 40.0}),
        ((True, 300, 1.0), {}),
    ],
)
async def test_odd_percentages_and_windows(
    home: Home, store: Store, said: tuple[object, object, object], expected: dict[str, float]
) -> None:
    now = time.time()
    resets = now + HOUR if said[2] == 1.0 else said[2]
    Rollout(home.profile("a")).limits(now, {"primary": (said[0], said[1], resets)})  # type: ignore[dict-item]
    assert percents(await status(quota_of(home, store))) == expected


async def test_windows_of_other_lengths_take_the_place_of_the_old_ones(home: Home, store: Store) -> None:
    rollout, now, quota = Rollout(home.profile("a")), time.time(), quota_of(home, store)
    rollout.limits(now - 9, {"primary": (100.0, 300, now + HOUR), "secondary": (34.0, 10_080, now + HOUR)})
    assert percents(await status(quota)) == {"5h": 100.0, "7d": 34.0}
    rollout.limits(now - 8, {"primary": (100.0, 300, now + HOUR)})  # an answer that names one window says nothing of 7d
    assert percents(await status(quota)) == {"5h": 100.0, "7d": 34.0}
    rollout.limits(now - 7, {"primary": (12.0, 1440, now + HOUR)}, family="codex_other")
    rollout.limits(now - 6, {"primary": (20.0, 1440, now + HOUR), "secondary": (12.0, 43_200, now + HOUR)})
    new = {"24h": 20.0, "30d": 12.0, "codex_other/24h": 12.0}
    found = await status(quota)
    assert (percents(found), found.reached) == (new, "")
    assert percents(await status(quota_of(home, store))) == new
    rollout.limits(now - 5, {"primary": (3.0, 300, now + HOUR), "secondary": (34.0, 10_080, now + HOUR)})
    assert percents(await status(quota)) == {"5h": 3.0, "7d": 34.0, "codex_other/24h": 12.0}
    assert percents(await status(quota_of(home, store))) == {"5h": 3.0, "7d": 34.0, "codex_other/24h": 12.0}


async def test_an_unknown_limit_family_stands_beside_the_main_one_and_stops_nobody(home: Home, store: Store) -> None:
    rollout, now, quota = Rollout(home.profile("a")), time.time(), quota_of(home, store)
    rollout.limits(now - 5, {"primary": (20.0, 300, now + HOUR)})
    rollout.limits(now, {"primary": (100.0, 1440, now + HOUR)}, family="codex_brand_new", reached=True)
    found = await status(quota)
    assert percents(found) == {"5h": 20.0, "codex_brand_new/24h": 100.0}
    assert found.reached == ""
    assert quota.choose("codex").profile == "a"


async def test_a_reset_time_in_the_past_is_an_empty_window(home: Home, store: Store) -> None:
    now = time.time()
    Rollout(home.profile("a")).limits(now - 60, {"primary": (100.0, 300, now - 30)})
    found = await status(quota_of(home, store))
    assert (percents(found), found.windows["5h"].resets_at, found.reached) == ({"5h": 0.0}, None, "")


async def test_a_reading_older_than_its_window_says_nothing_and_forbids_a_move(home: Home, store: Store) -> None:
    now, quota = time.time(), quota_of(home, store)
    Rollout(home.profile("a")).limits(now - 6 * HOUR, {"primary": (40.0, 300, now + HOUR)})
    found = await status(quota)
    assert found.windows == {}
    assert quota.stale(found) == "5h"


async def test_a_clock_in_the_future_neither_counts_early_nor_breaks_the_sums(home: Home, store: Store) -> None:
    rollout, now, quota = Rollout(home.profile("a")), time.time(), quota_of(home, store)
    rollout.response(now + 400 * 24 * HOUR, 100)
    rollout.response(now, 5)
    assert (await status(quota)).usage["5h"].tokens == 5
    again = quota_of(home, store)
    assert (await status(again)).usage["5h"].tokens == 5


async def test_a_reading_that_a_clock_ahead_has_stamped_yields_to_the_next(home: Home, store: Store) -> None:
    rollout, now, quota = Rollout(home.profile("a")), time.time(), quota_of(home, store)
    rollout.limits(now + 24 * HOUR, {"primary": (90.0, 300, now + HOUR)})
    assert percents(await status(quota)) == {"5h": 90.0}
    rollout.limits(time.time(), {"primary": (40.0, 300, now + HOUR)})
    assert percents(await status(quota)) == {"5h": 40.0}
    assert percents(await status(quota_of(home, store))) == {"5h": 40.0}


async def test_a_clock_that_was_ahead_for_a_while_leaves_no_reading_that_outlives_it(home: Home, store: Store) -> None:
    now, clock = time.time(), Ahead()
    rollout, quota = Rollout(home.profile("a")), quota_of(home, store, clock=clock)
    clock.by = timedelta(days=1)
    rollout.limits(clock.now().timestamp(), {"primary": (90.0, 300, now + 26 * HOUR)})
    assert percents(await status(quota)) == {"5h": 90.0}
    clock.by = timedelta()
    rollout.limits(time.time(), {"primary": (40.0, 300, now + HOUR)})
    assert percents(await status(quota)) == {"5h": 40.0}
    assert percents(await status(quota_of(home, store, clock=clock))) == {"5h": 40.0}


async def test_a_file_that_vanishes_or_cannot_be_read_leaves_what_was_counted(home: Home, store: Store) -> None:
    rollout, now, quota = Rollout(home.profile("a")), time.time(), quota_of(home, store)
    rollout.response(now, 100)
    assert (await status(quota)).usage["5h"].tokens == 100
    rollout.path.unlink()
    assert (await status(quota)).usage["5h"].tokens == 100
    assert rollouts.scan(rollout.path, "a").uses == []
    (rollout.path.parent / f"{rollout.path.stem}x.jsonl").mkdir()
    assert (await status(quota)).usage["5h"].tokens == 100


async def test_a_rollout_that_was_replaced_by_a_shorter_one_is_read_anew(home: Home, store: Store) -> None:
    rollout, now, quota = Rollout(home.profile("a")), time.time(), quota_of(home, store)
    rollout.response(now - 9, 100)
    rollout.response(now - 8, 100)
    assert (await status(quota)).usage["5h"].tokens == 200
    first = rollout.path.read_text().splitlines(keepends=True)[0]
    rollout.path.unlink()
    rollout.path.write_text(first)
    assert (await status(quota)).usage["5h"].tokens == 200  # the same line counts once
    rollout.response(now, 1)
    assert (await status(quota)).usage["5h"].tokens == 201


def test_a_rollout_of_two_gigabytes_is_read_from_its_map(tmp_path: Path) -> None:
    """A sparse file: 2 GB of nothing, which our search walks over, and one response at its end."""
    rollout = Rollout(tmp_path)
    rollout.response(1_795_000_000.0, 11)
    last = rollout.path.read_bytes()
    with rollout.path.open("wb") as file:
        file.truncate(2_000_000_000)
        file.seek(0, 2)
        file.write(b"\n" + last)
    begun = time.monotonic()
    found = rollouts.scan(rollout.path, "a")
    assert [use.tokens for use in found.uses] == [11]
    assert time.monotonic() - begun < 30
    again = rollouts.scan(rollout.path, "a", offset=found.offset, records=True)
    assert (again.uses, again.offset) == ([], found.offset)


def codex(folder: Path, body: str) -> str:
    """A PATH on which this is `codex`."""
    folder.mkdir()
    program = folder / "codex"
    program.write_text(f"#!{sys.executable}\n" + textwrap.dedent(body))
    program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


ASKS_LOGIN = """
    import json, os, sys
    needs = os.environ["CODEX_HOME"].endswith("/a")
    limits = {"codex": {"limitId": "codex", "primary":
        {"usedPercent": 12, "windowDurationMins": 300, "resetsAt": %d}}}
    answers = {
        "initialize": {},
        "account/read": {"account": None if needs else {"type": "chatgpt"}, "requiresOpenaiAuth": needs},
        "account/rateLimits/read": {"rateLimitsByLimitId": limits},
    }
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            print(json.dumps({"id": message["id"], "result": answers[message["method"]]}), flush=True)
"""


async def test_an_account_that_wants_a_login_says_so_and_the_others_go_on(
    home: Home, store: Store, tmp_path: Path
) -> None:
    quota = quota_of(home, store, path=codex(tmp_path / "bin", ASKS_LOGIN % (time.time() + HOUR)))
    found = {s.profile.name: s for s in await quota.refresh()}
    assert (found["a"].login, found["b"].login) == ("needed", "ok")
    assert percents(found["b"]) == {"5h": 12.0}
    assert [s.error for s in found["a"].sources if s.name == "app-server"] == ["log in again"]
    choice = quota.choose("codex")
    assert (choice.profile, dict(choice.rejected)) == ("b", {"a": "needs a new login"})


async def test_a_source_that_prints_rubbish_stands_in_the_list_and_the_numbers_stay(
    home: Home, store: Store, tmp_path: Path
) -> None:
    now = time.time()
    Rollout(home.profile("a")).limits(now, {"primary": (40.0, 300, now + HOUR)})
    quota = quota_of(home, store, path=codex(tmp_path / "bin", "print('<html>502</html>' * 1000)"))
    found = await status(quota)
    assert percents(found) == {"5h": 40.0}
    (source,) = [s for s in found.sources if s.name == "app-server"]
    assert (source.ok, "ended before it answered" in source.error) == (False, True)


HANGS = """
    import os, time
    if os.environ["CODEX_HOME"].endswith("/a"):
        time.sleep(600)
"""


async def test_a_source_that_hangs_holds_up_nobody(home: Home, store: Store, tmp_path: Path) -> None:
    now = time.time()
    Rollout(home.profile("b")).limits(now, {"primary": (40.0, 300, now + HOUR)})
    quota = quota_of(home, store, path=codex(tmp_path / "bin", HANGS))
    begun = time.monotonic()
    found = {s.profile.name: s for s in await quota.refresh(patience=0.5)}
    assert time.monotonic() - begun < 5
    assert percents(found["b"]) == {"5h": 40.0}
    await quota.close()


async def test_a_broken_configuration_leaves_the_last_good_one_in_force(home: Home, store: Store) -> None:
    quota = quota_of(home, store)
    assert len(await quota.refresh()) == 2
    home.agent_config.write_text('{"profiles": {"a": {"priority": "high"}}}')
    write_monitoring(home.monitoring_config, quota_thresholds={"warning_percent": 99})
    assert [s.profile.name for s in await quota.refresh()] == ["a", "b"]
    assert any("profiles.a.priority" in note for note in quota.notes)
    assert any("thresholds must rise" in note for note in quota.notes)


async def test_the_last_good_configuration_outlives_a_restart(home: Home, store: Store, tmp_path: Path) -> None:
    home.run.mkdir()
    write_profiles(home.agent_config, {"a": {"priority": 1, "home": str(tmp_path), "environment": {"TOKEN": "t"}}})
    write_monitoring(home.monitoring_config, quota_thresholds={"warning_percent": 40})
    await quota_of(home, store).refresh()
    home.agent_config.write_text("{")
    home.monitoring_config.write_text("[]")
    again = quota_of(home, store)
    assert [(s.profile.name, s.profile.home) for s in await again.refresh()] == [("a", tmp_path)]
    assert again.config.quota_thresholds.warning_percent == 40
    assert all("The last good one stays in force." in note for note in again.notes)
    assert [path.stat().st_mode & 0o077 for path in home.last_good.iterdir()] == [0, 0]
    home.agent_config.unlink()  # taken away on purpose
    assert await quota_of(home, store).refresh() == []


async def test_a_first_configuration_that_does_not_fit_is_said_to_be_all_there_is(home: Home, store: Store) -> None:
    home.agent_config.write_text("{")
    quota = quota_of(home, store)
    assert await quota.refresh() == []
    assert "There is no earlier one that fits." in quota.notes[0]


async def test_two_bots_on_one_store_count_and_tell_everything_once(home: Home, store: Store) -> None:
    rollout, now = Rollout(home.profile("a")), time.time()
    one, two = quota_of(home, store), quota_of(home, store)
    await one.refresh(alerts=True)
    await two.refresh(alerts=True)
    for percent in (55.0, 80.0, 97.0):
        rollout.response(now, 10, {"primary": (percent, 300, now + HOUR)})
        await one.refresh(alerts=True)
        await two.refresh(alerts=True)
    assert (await status(one)).usage["5h"] == (await status(two)).usage["5h"]
    assert (await status(two)).usage["5h"].requests == 3
    async with store.begin() as tx:
        told = [row.data["level"] for row in await tx.scalars(select(OutboxRow).where(OutboxRow.kind == alarm.NOTICE))]
    assert told == ["warning", "alert", "emergency"]


async def test_quiet_hours_gather_all_but_emergency_into_one_held_message(home: Home, store: Store) -> None:
    rollout, now = Rollout(home.profile("a")), time.time()
    settings = load_settings(home, quota_cache_ttl=0, quiet_hours="00:00-23:59")
    quota = quota_of(home, store, settings=settings)
    for percent in (55.0, 80.0, 97.0):
        rollout.response(now, 10, {"primary": (percent, 300, now + HOUR)})
        await quota.refresh(alerts=True)
    async with store.begin() as tx:
        rows = list(await tx.scalars(select(OutboxRow).order_by(OutboxRow.id)))
    assert [(row.kind, row.urgent) for row in rows] == [(alarm.DIGEST, False), (alarm.NOTICE, True)]
    assert [one["level"] for one in rows[0].data["alerts"]] == ["warning", "alert"]
    assert rows[1].data["level"] == "emergency"


def test_a_profile_that_agents_run_on_is_not_removed(home: Home) -> None:
    book = ProfileBook(home)
    with pytest.raises(Refused, match="a is in use by w1, w3") as caught:
        book.remove("a", used_by=["w1", "w3"])
    assert "maf agent stop w1" in caught.value.hint
    assert [p.name for p in book.all()] == ["a", "b"]


def test_an_edit_keeps_keys_of_others_and_a_backup_and_refuses_what_does_not_fit(home: Home) -> None:
    raw = json.loads(home.agent_config.read_text())
    home.agent_config.write_text(json.dumps({**raw, "theirs": {"kept": True}}))
    before = home.agent_config.read_text()
    book = ProfileBook(home)
    book.edit("a", {"priority": 3})
    after = json.loads(home.agent_config.read_text())
    assert (after["theirs"], after["profiles"]["a"]["priority"]) == ({"kept": True}, 3)
    assert home.agent_config.with_suffix(".json.bak").read_text() == before
    with pytest.raises(Exception, match="priority"):
        book.edit("a", {"priority": "first"})
    assert json.loads(home.agent_config.read_text()) == after
    assert sorted(p.name for p in home.config.iterdir()) == [
        "default-agent-config.json",
        "default-agent-config.json.bak",
    ]


async def test_an_alert_is_posted_though_somebody_else_has_looked_already(home: Home, store: Store) -> None:
    now, quota = time.time(), quota_of(home, store)
    Rollout(home.profile("a")).limits(now, {"primary": (80.0, 300, now + HOUR)})
    await quota.fresh()  # a card in the chat
    assert await quota.tick()
    async with store.begin() as tx:
        assert [row.kind for row in await tx.scalars(select(OutboxRow))] == [alarm.NOTICE]
    assert not await quota.tick()  # once per interval

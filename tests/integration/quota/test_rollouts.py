"""What rollouts, the times in them and the clock may throw at quota: each is counted for what it is worth."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from bot.home import Home
from bot.quota.sources import rollouts
from bot.store import Store
from bot.store.errors import StoreUnreachable
from tests.clocks import Ahead
from tests.integration.quota.scene import HOUR, percents, quota_of, status
from tests.rollouts import Rollout


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
    rollout.limits(now - 8, {"primary": (100.0, 300, now + HOUR)})  # the newest statement no longer names 7d
    assert percents(await status(quota)) == {"5h": 100.0}
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


async def test_what_was_read_while_the_store_was_locked_is_counted_at_the_next_look(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout, quota = Rollout(home.profile("a")), quota_of(home, store)
    rollout.response(time.time(), 100)
    await quota.reader.load()
    record = quota.reader.ledger.record

    async def locked(*_: object) -> int:  # as the store does for who asks; how it does is tested with the store
        raise StoreUnreachable("The store is locked by another process.")

    monkeypatch.setattr(quota.reader.ledger, "record", locked)
    with pytest.raises(StoreUnreachable):
        await quota.refresh()
    monkeypatch.setattr(quota.reader.ledger, "record", record)
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

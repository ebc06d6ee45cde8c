"""When an agent that stopped at a limit may go on: after its reset, one after another, Claude with time of its own."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.agents.model import Agent
from bot.clock import SystemClock
from bot.fleet.resume import APART_S, OWN_WAY_S, UNKNOWN_RESET_S, Resume
from bot.fleet.self_actions import SelfActions
from bot.home import Home
from bot.profiles.book import ProfileBook
from bot.quota.service import Quota
from bot.settings import load_settings
from bot.store import Store
from bot.store.audit import Audit
from bot.store.tables import LimitStopRow
from tests.rollouts import Rollout, write_profiles

CODEX = Agent("w1", "codex-worker", "codex", "implementor", "maf-w1", Path("/x"), datetime(2026, 11, 22, tzinfo=UTC))


class Scene:
    """Stops in a store, one account, and Resume over them. What only prompting needs is left out: nothing is typed."""

    def __init__(self, home: Home, store: Store) -> None:
        self.home, self.store = home, store
        self.rollout = Rollout(home.profile("a"))
        self.quota = Quota(store, home, ProfileBook(home), load_settings(home), SystemClock(), path=lambda: "/nowhere")
        unused: Any = None
        actions = SelfActions(store, SystemClock(), Audit(store, SystemClock()))
        self.resume = Resume(
            store, SystemClock(), registry=unused, watch=unused, deliveries=unused, quota=self.quota,
            claims=unused, packs=unused, book=unused, actions=actions,
        )  # fmt: skip

    async def says(self, percent: float, resets: float) -> None:
        self.rollout.response(time.time(), 10, {"primary": (percent, 300, resets)})
        await self.quota.refresh()

    async def stop(self, agent: str, resets: float | None) -> None:
        async with self.store.begin() as tx:
            tx.add(LimitStopRow(agent=agent, profile="a", stopped_at=datetime.now(UTC), resets_at=resets))

    async def look(self, agent: Agent = CODEX) -> list[LimitStopRow]:
        """Let every stop without a time be looked at; the stops as they stand now."""
        for row in await self.rows():
            if row.resume_at is None:
                await self.resume._set_time(row, replace(agent, id=row.agent))
        return await self.rows()

    async def rows(self) -> list[LimitStopRow]:
        async with self.store.begin() as tx:
            return list(await tx.scalars(select(LimitStopRow).order_by(LimitStopRow.id)))


@pytest.fixture
async def scene(tmp_path: Path, store: Store) -> Scene:
    home = Home(tmp_path / ".maf")
    write_profiles(home.agent_config, {"a": {"priority": 1}})
    home.profile("a").mkdir(parents=True)
    return Scene(home, store)


async def test_before_the_reset_nobody_goes_on(scene: Scene) -> None:
    resets = time.time() + 3600
    await scene.says(100, resets)
    await scene.stop("w1", resets)
    assert [row.resume_at for row in await scene.look()] == [None]


async def test_after_the_reset_they_go_on_one_after_another(scene: Scene) -> None:
    resets = time.time() - 5
    await scene.says(100, resets)
    for name in ("w1", "w2", "w3"):
        await scene.stop(name, resets)
    times = [row.resume_at or 0.0 for row in await scene.look()]
    assert times[0] == pytest.approx(time.time(), abs=10)
    assert [round(b - a) for a, b in pairwise(times)] == [APART_S, APART_S]


async def test_claude_has_two_minutes_to_continue_by_itself(scene: Scene) -> None:
    resets = time.time() - 5
    await scene.says(100, resets)
    await scene.stop("c1", resets)
    (row,) = await scene.look(replace(CODEX, kind="claude"))
    assert row.resume_at == pytest.approx(time.time() + OWN_WAY_S, abs=10)


async def test_room_that_comes_back_early_counts_once_the_account_was_seen_used_up(scene: Scene) -> None:
    resets = time.time() + 3600
    await scene.says(100, resets)
    await scene.stop("w1", resets)
    assert [row.resume_at for row in await scene.look()] == [None]
    await scene.says(3, resets)  # the account was reset before its time
    (row,) = await scene.look()
    assert row.resume_at == pytest.approx(time.time(), abs=10)


async def test_room_says_nothing_of_a_limit_that_the_numbers_do_not_show(scene: Scene) -> None:
    """A limit of one model, or numbers from before the stop: prompted at once it would meet the same limit again and
    again, so the time on its banner counts, or else a long while."""
    resets = time.time() + 3600
    await scene.says(60, resets + 600)
    await scene.stop("banner", resets)
    await scene.stop("unexplained", None)
    banner, unexplained = await scene.look()
    assert (banner.resume_at, banner.resets_at) == (None, resets)
    assert unexplained.resume_at is None
    assert unexplained.resets_at is None, "nobody knows, so nothing is said"


async def test_a_limit_of_which_nobody_says_when_it_ends_is_looked_at_again_after_six_hours(scene: Scene) -> None:
    await scene.stop("w1", None)
    async with scene.store.begin() as tx:
        (await tx.get_one(LimitStopRow, 1)).stopped_at = datetime.now(UTC) - timedelta(seconds=UNKNOWN_RESET_S + 5)
    (row,) = await scene.look()
    assert row.resume_at == pytest.approx(time.time(), abs=10)


async def test_a_reset_that_has_passed_when_the_stop_is_seen_is_known_from_what_was_read_before(scene: Scene) -> None:
    await scene.says(100, time.time() + 1)
    ends = scene.quota.used_up_until("a")
    await scene.stop("w1", None)
    while time.time() < (ends or 0.0):
        await asyncio.sleep(0.05)
    await scene.quota.refresh()
    (row,) = await scene.look()
    assert row.resume_at == pytest.approx(time.time(), abs=10)


async def test_a_second_window_that_is_used_up_meanwhile_is_waited_for(scene: Scene) -> None:
    now = time.time()
    scene.rollout.limits(now, {"primary": (100, 300, now - 5), "secondary": (100, 10_080, now + 86_400)})
    await scene.quota.refresh()
    await scene.stop("w1", now - 5)
    (row,) = await scene.look()
    assert (row.resume_at, row.resets_at) == (None, pytest.approx(now + 86_400))


async def test_who_stopped_later_keeps_its_distance_from_one_that_went_on_already(scene: Scene) -> None:
    resets = time.time() - 5
    await scene.says(100, resets)
    await scene.stop("w1", resets)
    (first,) = await scene.look()
    await scene.resume._end(first, "prompted")
    await scene.stop("w2", resets)
    _, second = await scene.look()
    assert (second.resume_at or 0.0) - (first.resume_at or 0.0) == pytest.approx(APART_S)

"""Who is told what of quota, and when: alerts, the digest of quiet hours, the line of the status bar."""

from __future__ import annotations

import time
from datetime import timedelta

from sqlalchemy import select

from bot.cli import quota_line
from bot.home import Home
from bot.quota import alarm
from bot.settings import load_settings
from bot.store import Store
from bot.store.tables import OutboxRow
from tests.clocks import Ahead
from tests.integration.quota.scene import HOUR, quota_of, status
from tests.rollouts import Rollout


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


async def test_an_alert_is_posted_though_somebody_else_has_looked_already(home: Home, store: Store) -> None:
    now, quota = time.time(), quota_of(home, store)
    Rollout(home.profile("a")).limits(now, {"primary": (80.0, 300, now + HOUR)})
    await quota.fresh()  # a card in the chat
    assert await quota.tick()
    async with store.begin() as tx:
        assert [row.kind for row in await tx.scalars(select(OutboxRow))] == [alarm.NOTICE]
    assert not await quota.tick()  # once per interval


async def test_the_line_of_the_status_bar_is_shown_while_the_bot_keeps_it_fresh(home: Home, store: Store) -> None:
    now, clock = time.time(), Ahead()
    Rollout(home.profile("a")).limits(now, {"primary": (80.0, 300, now + HOUR)})
    line, told = str(home.quota_line), "#[fg=colour208]a 80%#[default]\n"
    clock.by = timedelta(hours=-1)  # that bot was killed an hour ago
    await quota_of(home, store, clock=clock).tick()
    assert (home.quota_line.read_text(), quota_line.current(line)) == (told, "")
    quota = quota_of(home, store)
    await quota.tick()
    assert quota_line.current(line) == told
    await quota.leave()
    assert (home.quota_line.read_text(), quota_line.current(line)) == ("", "")

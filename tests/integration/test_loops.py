"""The loops of the running bot: whatever one turn meets, the next one comes, and the log says it once."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.clock import SystemClock
from bot.errors import DependencyMissing
from bot.schedule import Schedule
from bot.store import Store
from bot.store.complaint import Complaint
from bot.store.errors import trouble
from bot.store.patience import kept, patient
from tests.clocks import Ahead
from tests.integration.agents_fleet import Fleet, eventually, open_fleet
from tests.integration.full_disk import full
from tests.integration.outbox_world import World
from tests.integration.sandbox_client import running
from tests.patience import PATIENCE_S


@pytest.fixture
async def fleet(tmp_path: Path, tmux_socket: str) -> AsyncIterator[Fleet]:
    async with open_fleet(tmp_path, tmux_socket) as opened:
        yield opened


def said(caplog: pytest.LogCaptureFixture, words: str) -> int:
    return sum(words in record.getMessage() for record in caplog.records)


async def test_the_watch_goes_on_when_what_it_saw_cannot_be_written(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    agent = await fleet.demo()
    await fleet.registry.update(agent.id, conversation=None, transcript=None)  # so each look has something to write
    with full(fleet.store, "agents") as refused:
        await fleet.watch.start()
        await eventually(lambda: _more_than(refused, 3))
    await fleet.until(agent.id, lambda look: look.files.path is not None)

    async def remembered() -> bool:
        return (await fleet.registry.get(agent.id)).transcript is not None

    async def over() -> bool:
        return said(caplog, "the agents could not be looked at: that is over") > 0

    await eventually(remembered)
    await eventually(over)  # what was seen may have been written by the look above; the watch comes round after it
    assert fleet.watch.running
    assert said(caplog, "the agents could not be looked at: The store cannot grow: the disk is full.") == 1
    assert said(caplog, "the agents could not be looked at: that is over") == 1


async def test_a_look_that_hangs_is_said(
    fleet: Fleet, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fleet.demo()
    hangs, see = threading.Event(), fleet.watch.sight.see

    def slow(*what: Any) -> Any:
        hangs.wait(PATIENCE_S)
        return see(*what)

    await fleet.watch.start()
    monkeypatch.setattr("bot.agents.state.watch.BLIND_S", 0.2)
    monkeypatch.setattr(fleet.watch.sight, "see", slow)  # as on a mounted folder that does not answer

    async def told() -> bool:
        return said(caplog, "a mounted folder does not answer") > 0

    await eventually(told)
    monkeypatch.setattr("bot.agents.state.watch.BLIND_S", PATIENCE_S)  # a slow machine's look is none that hangs
    hangs.set()
    await eventually(lambda: _ticks(fleet))
    assert said(caplog, "a mounted folder does not answer") == 1


async def test_a_folder_in_which_the_mirror_cannot_be_written_ends_nothing(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder stands where the file is to be: not even root can write it."""
    fleet.home.agents_mirror.unlink(missing_ok=True)
    fleet.home.agents_mirror.mkdir()
    agent = await fleet.demo(agent_id="d1")
    assert (await fleet.registry.update(agent.id, description="changed")).description == "changed"
    assert (await fleet.registry.get(agent.id)).description == "changed"
    assert said(caplog, "agents.json cannot be written") == 1


async def test_a_job_that_hangs_or_fails_says_so_once_and_comes_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("bot.schedule.LONG_S", 0.1)
    schedule, gate = Schedule(SystemClock()), asyncio.Event()
    turns = dict.fromkeys(("hangs", "fails", "broken", "full"), 0)

    async def hangs() -> None:
        turns["hangs"] += 1
        await gate.wait()

    async def fails() -> None:
        turns["fails"] += 1
        raise DependencyMissing("tmux is gone.")

    async def broken() -> None:
        turns["broken"] += 1
        raise ZeroDivisionError("a fault of ours")

    async def no_room() -> None:
        turns["full"] += 1
        if turns["full"] < 4:
            raise OSError(28, "No space left on device")

    for name, work in (("hangs", hangs), ("fails", fails), ("broken", broken), ("full", no_room)):
        schedule.every(0.05, name, work)
    schedule.start()
    try:
        await eventually(lambda: _at_least(turns, "full", 8))
        await eventually(lambda: _at_least(turns, "broken", 5))
    finally:
        gate.set()
        schedule.stop()
    assert turns["hangs"] == 1
    lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert sorted(lines) == [
        "broken",
        "fails: tmux is gone.",
        "full: [Errno 28] No space left on device",
        "hangs: not done after 0.1 s; its next turns wait for it",
    ]
    assert said(caplog, "full: that is over") == 1


async def test_a_store_that_is_full_holds_messages_and_each_goes_out_once(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as client:
        world = World(store, client)
        first = await world.post("first")
        with full(store, "outbox") as refused:
            async with world.outbox():
                await eventually(lambda: _more_than(refused, 2))
                assert len(refused) < 20
                assert said(caplog, "The store cannot grow") == 1
                assert (await client.messages())["messages"] == []
        async with world.outbox():
            assert await world.texts(1) == ["first"]
            await world.settled(first, "sent")


async def test_a_message_whose_arrival_cannot_be_written_down_is_not_sent_again(store: Store) -> None:
    async with running() as client:
        world = World(store, client)
        row = await world.post("only once")
        with patient():
            async with world.outbox():
                with full(store, "message_id") as refused:
                    await world.texts(1)
                    await eventually(lambda: _more_than(refused, 1))
                await world.settled(row, "sent")
                await world.post("after")
                assert await world.texts(2) == ["only once", "after"]


async def test_what_has_happened_is_written_when_the_store_takes_it(store: Store) -> None:
    tries = 0

    async def write() -> str:
        nonlocal tries
        tries += 1
        async with store.begin() as tx:
            await tx.execute(text("UPDATE outbox SET attempts = 0"))
        return "written"

    with full(store) as refused:
        with pytest.raises(Exception, match="disk is full"):
            await kept(write)  # who asked is told
        with patient():
            work = asyncio.create_task(kept(write))
        await eventually(lambda: _more_than(refused, 1))
    assert await asyncio.wait_for(work, 20) == "written"
    assert tries > 2


async def test_an_error_of_the_store_quotes_nothing_that_was_to_be_written(store: Store) -> None:
    with pytest.raises(IntegrityError) as caught:
        async with store.begin() as tx:
            await tx.execute(
                text("INSERT INTO settings (key, value, changed_at) VALUES (NULL, :value, NULL)"),
                {"value": "sk-secret-of-somebody"},
            )
    assert "sk-secret" not in str(caught.value)
    assert trouble(caught.value) is None


def test_a_complaint_is_made_again_when_it_is_another_or_was_over(caplog: pytest.LogCaptureFixture) -> None:
    complaint = Complaint(logging.getLogger("t"), "a loop")
    for why in ("a", "a", "b", "a"):
        complaint.warn(why)
    complaint.over()
    complaint.over()
    complaint.warn("a")
    said_of = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert said_of == ["a loop: a", "a loop: b", "a loop: a", "a loop: a"]


async def _ticks(fleet: Fleet) -> bool:
    before = fleet.watch.view("d1").at
    await fleet.watch.ticked(1.0)
    return fleet.watch.view("d1").at > before


async def _more_than(refused: list[str], count: int) -> bool:
    return len(refused) > count


async def _at_least(turns: dict[str, int], name: str, count: int) -> bool:
    return turns[name] >= count


@pytest.mark.parametrize("by", [timedelta(hours=-2), timedelta(days=3650)])
async def test_jobs_go_on_when_the_clock_is_set(by: timedelta, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, turns = Ahead(), [0]

    class Wall(datetime):
        """What APScheduler takes for the wall clock: the machine's own cannot be set by a test."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return clock.now().astimezone(tz)

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Wall)
    monkeypatch.setattr("bot.schedule.datetime", Wall)
    monkeypatch.setattr("bot.schedule.LOOK_S", 0.1)

    async def work() -> None:
        turns[0] += 1

    async def turned(times: int) -> None:
        begun = turns[0]

        async def enough() -> bool:
            return turns[0] >= begun + times

        await eventually(enough)

    schedule = Schedule(clock)
    schedule.every(0.05, "work", work)
    schedule.start()
    try:
        await turned(3)
        clock.by = by
        await turned(3)
    finally:
        schedule.stop()
    assert turns[0] >= 6

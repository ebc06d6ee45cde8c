"""Deliveries whose steps fail in the middle, or take so long that what was seen before them is not so any more."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from bot.agents.delivery.model import TTL
from bot.agents.delivery.points import Point
from bot.agents.delivery.service import Deliveries
from bot.agents.delivery.typist import STALE_S
from bot.agents.model import Agent
from bot.clis.model import State
from bot.clock import SystemClock
from bot.store.patience import patient
from tests.clocks import Ahead
from tests.integration.agents_fleet import Fleet, eventually, open_fleet
from tests.integration.full_disk import full
from tests.patience import PATIENCE_S
from tests.private_tmux import until


@pytest.fixture
async def fleet(tmp_path: Path, tmux_socket: str) -> AsyncIterator[Fleet]:
    async with open_fleet(tmp_path, tmux_socket) as opened:
        yield opened


def tmux(fleet: Fleet, *command: str) -> str:
    argv = ["tmux", "-S", fleet.sessions.socket, *command]
    return subprocess.check_output(argv, text=True, timeout=PATIENCE_S)


def typed_by_a_person(fleet: Fleet, agent: Agent, words: str) -> None:
    """What somebody types at the terminal while our loop stands still."""
    pane = str(agent.pane)
    tmux(fleet, "send-keys", "-l", "-t", pane, words)
    until(lambda: words in tmux(fleet, "capture-pane", "-p", "-t", pane), "what the person typed")


@contextmanager
def while_written(fleet: Fleet, status: str, happens: Callable[[], None]) -> Iterator[list[str]]:
    """The first time that a delivery is written as `status` the store takes its time, and meanwhile this happens."""
    done: list[str] = []

    def slow(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if statement.startswith("UPDATE deliveries") and status in str(parameters) and not done:
            done.append(status)
            happens()
            subprocess.run(["sleep", str(STALE_S)], timeout=PATIENCE_S, check=True)

    event.listen(fleet.store.engine.sync_engine, "before_cursor_execute", slow)
    try:
        yield done
    finally:
        event.remove(fleet.store.engine.sync_engine, "before_cursor_execute", slow)


def later(clock: Ahead) -> None:
    clock.by = TTL + timedelta(minutes=1)


def impatient(deliveries: Deliveries) -> Deliveries:
    """It waits only a moment for a text of ours to stand there alone."""
    deliveries._errands._typist._patience = 1.0
    return deliveries


class Hanging(SystemClock):
    """tmux hangs, and the agent ends, when the time is asked first after the text was typed: right before Enter."""

    def __init__(self, server: int, cli: int) -> None:
        self.server, self.cli = server, cli
        self.typed = False

    def reached(self, point: Point, _delivery: str) -> None:
        self.typed = self.typed or point == "after_typed"

    def now(self) -> datetime:
        if self.typed and self.server:
            os.kill(self.server, signal.SIGSTOP)
            os.kill(self.cli, signal.SIGKILL)
            asyncio.get_running_loop().call_later(4.0, os.kill, self.server, signal.SIGCONT)
            self.server = 0
        return super().now()


async def test_what_tmux_cut_off_is_not_told_as_a_restart_of_the_bot(fleet: Fleet) -> None:
    agent = await fleet.demo()
    look = (await fleet.watch.look([agent.id]))[agent.id]
    clock = Hanging(int(tmux(fleet, "display-message", "-p", "#{pid}")), look.clis[0].pid)
    fleet.panes.control.timeout = 0.5
    done = await fleet.again(clock.reached, clock=clock).send(agent.id, "hello", created_by="test", wait=10)
    assert (done.status, done.reason) == (
        "unconfirmed",
        "tmux did not answer for 0.5 s. The text was typed, and d1 runs no more: look whether it was sent.",
    )


async def test_enter_is_pressed_for_what_stands_there_after_the_row_was_written(fleet: Fleet) -> None:
    agent = await fleet.demo()
    delivery = await fleet.cut_off(agent, "mine alone", "after_paste")
    second = impatient(fleet.again())
    with while_written(fleet, "typed", lambda: typed_by_a_person(fleet, agent, "and theirs")) as written:
        await second.resume()
        done = await second.wait(delivery.id, PATIENCE_S)
    assert written
    assert done.status == "unconfirmed", done
    assert fleet.prompts(agent.id) == []


async def test_a_queued_prompt_is_pasted_only_into_what_was_seen_after_its_row_was_written(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.deliveries.send(agent.id, "WAIT2 first", created_by="test")
    await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    with while_written(fleet, "intended", lambda: typed_by_a_person(fleet, agent, "half a thought")) as written:
        queued = await fleet.deliveries.send(agent.id, "second", created_by="test", wait=0.5)
        assert queued.status == "queued", queued
        done = await fleet.deliveries.wait(queued.id, PATIENCE_S)
    assert written
    assert done.status == "refused", done
    assert done.reason.startswith(f"Text stands in the composer of {agent.id} (“half a thought”)")
    assert (await fleet.until(agent.id, lambda look: look.view.draft is not None)).view.draft == "half a thought"
    assert len(fleet.prompts(agent.id)) == 1


async def test_no_enter_for_a_prompt_whose_time_was_up_before_its_row_was_written(fleet: Fleet) -> None:
    """The store was locked for hours: the text stands there, and only a person may still send it."""
    agent, clock = await fleet.demo(), Ahead()
    deliveries = fleet.again(clock=clock)
    async with fleet.store.begin() as tx:
        delivery = await deliveries.create(tx, agent=agent.id, text="one", created_by="test")
    with while_written(fleet, "typed", lambda: later(clock)) as written:
        left = await asyncio.wait_for(deliveries.run(delivery.id), PATIENCE_S)
    assert written
    assert left.status == "unconfirmed", left
    assert left.reason.startswith("Its time was up. Enter was not pressed")
    assert fleet.prompts(agent.id) == []
    entered = await deliveries.press_enter(delivery.id, "Ann")
    assert entered.exit_code == 0, entered
    assert fleet.prompts(agent.id) == [delivery.text]


async def test_no_enter_after_a_restart_for_a_prompt_whose_time_was_up_before_its_row_was_written(fleet: Fleet) -> None:
    """The text of a bot that was killed stands there in time; then the store is locked for hours."""
    agent, clock = await fleet.demo(), Ahead()
    delivery = await fleet.cut_off(agent, "once", "after_paste")
    second = fleet.again(clock=clock)
    with while_written(fleet, "typed", lambda: later(clock)) as written:
        await second.resume()
        left = await second.wait(delivery.id, PATIENCE_S)
    assert written
    assert left.status == "unconfirmed", left
    assert left.reason.startswith("Its time was up. Enter was not pressed")
    assert fleet.prompts(agent.id) == []
    assert (await second.press_enter(delivery.id, "Ann")).exit_code == 0


async def test_a_queued_prompt_whose_time_is_up_when_the_store_is_back_is_not_pasted(fleet: Fleet) -> None:
    agent, clock = await fleet.demo(), Ahead()
    deliveries = fleet.again(clock=clock)
    await deliveries.send(agent.id, "WAIT2 first", created_by="test")
    await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    with while_written(fleet, "intended", lambda: later(clock)) as written:
        queued = await deliveries.send(agent.id, "second", created_by="test", wait=0.5)
        assert queued.status == "queued", queued
        done = await deliveries.wait(queued.id, PATIENCE_S)
    assert written
    assert done.status == "refused", done
    assert done.reason.startswith("Its time was up. Nothing was typed.")
    assert len(fleet.prompts(agent.id)) == 1


async def test_a_fault_while_enter_is_waited_for_ends_this_prompt_and_no_other(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await fleet.demo()
    looks: list[object] = []
    see = fleet.watch.sight.see

    def faulty(*what: Any) -> Any:
        looks.append(what)
        if len(looks) > 1:  # the first one shows a text that is not ours alone; the bot looks beside us, too
            raise OSError(116, "Stale file handle")
        return see(*what)

    def patch(at: Point, delivery_id: str) -> None:
        if at == "after_typed":
            typed_by_a_person(fleet, agent, "and theirs")
            monkeypatch.setattr(fleet.watch.sight, "see", faulty)

    deliveries = fleet.again(patch)
    done = await asyncio.wait_for(deliveries.send(agent.id, "first", created_by="test"), PATIENCE_S)
    assert done.status == "unconfirmed", done
    assert "It is not known whether the text arrived." in done.reason
    monkeypatch.setattr(fleet.watch.sight, "see", see)
    refused = await asyncio.wait_for(deliveries.send(agent.id, "second", created_by="test"), PATIENCE_S)
    assert refused.reason.startswith(f"Text stands in the composer of {agent.id}")
    assert fleet.prompts(agent.id) == []


async def test_a_disk_that_is_full_in_the_middle_is_told_when_it_has_room(fleet: Fleet) -> None:
    agent = await fleet.demo()
    reached = asyncio.Event()
    deliveries = fleet.again(lambda at, _: reached.set() if at == "after_paste" else None)
    async with fleet.store.begin() as tx:
        delivery = await deliveries.create(tx, agent=agent.id, text="one", created_by="test")

    with patient(), full(fleet.store, "UPDATE deliveries") as refused:
        running = asyncio.create_task(deliveries.run(delivery.id))

        async def tried() -> bool:
            return len(refused) > 2

        await eventually(tried)
        assert reached.is_set()
        assert not running.done()
    done = await asyncio.wait_for(running, PATIENCE_S)
    assert done.status == "unconfirmed", done
    assert "the disk is full. It is not known whether the text arrived." in done.reason
    entered = await deliveries.press_enter(delivery.id, "Ann")
    assert entered.exit_code == 0, entered
    assert fleet.prompts(agent.id) == [f"one\nref: {delivery.id}"]


async def test_a_tmux_that_goes_away_under_an_enter_of_a_person_leaves_it_to_decide(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await fleet.demo()
    reached = asyncio.Event()

    def die(at: Point, delivery_id: str) -> None:
        if at == "after_typed":
            typed_by_a_person(fleet, agent, "X")
            reached.set()

    deliveries = impatient(fleet.again(die))
    async with fleet.store.begin() as tx:
        delivery = await deliveries.create(tx, agent=agent.id, text="one", created_by="test")
    left = await asyncio.wait_for(deliveries.run(delivery.id), PATIENCE_S)
    assert (left.status, reached.is_set()) == ("unconfirmed", True)
    await fleet.panes.keys(str(agent.pane), "BSpace")
    await fleet.until(agent.id, lambda look: look.view.draft == delivery.text)

    async def fails(*_: Any, **__: Any) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(fleet.panes, "press_many", fails)  # as it would from the pipe to tmux
    with pytest.raises(OSError, match="Input/output error"):
        await deliveries.press_enter(delivery.id, "Ann")
    assert (await deliveries.get(delivery.id)).status == "unconfirmed"

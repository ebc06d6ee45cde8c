"""A delivery that a restart interrupted: the pane and the agent's own transcript decide, and nothing is typed twice."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.agents.delivery.model import TTL
from bot.agents.delivery.points import POINTS, Point
from bot.errors import Refused
from bot.store.tables import AuditRow, DeliveryRow
from tests.clocks import Ahead
from tests.integration.agents_fleet import Fleet, eventually, open_fleet
from tests.patience import PATIENCE_S


@pytest.fixture
async def fleet(tmp_path: Path, tmux_socket: str) -> AsyncIterator[Fleet]:
    async with open_fleet(tmp_path, tmux_socket) as opened:
        yield opened


@pytest.mark.parametrize("point", POINTS)
async def test_a_restart_at_each_point_neither_loses_nor_repeats(fleet: Fleet, point: Point) -> None:
    agent = await fleet.demo()
    delivery = await fleet.cut_off(agent, "once and only once", point)
    expected = {"after_intended": "intended", "after_paste": "intended"}.get(point, "typed")
    assert delivery.status == expected

    second = fleet.again()
    assert [one.id for one in await second.resume()] == [delivery.id]
    done = await second.wait(delivery.id, 25)
    assert done.exit_code == 0, done
    assert fleet.prompts(agent.id) == [f"once and only once\nref: {delivery.id}"]


@pytest.mark.parametrize("point", ["after_paste", "after_typed"])
async def test_a_restart_long_after_presses_no_enter_for_what_still_stands_there(fleet: Fleet, point: Point) -> None:
    agent = await fleet.demo()
    delivery = await fleet.cut_off(agent, "once", point)
    second = fleet.again(clock=Ahead(TTL + timedelta(minutes=1)))
    await second.resume()
    left = await second.wait(delivery.id, PATIENCE_S)
    assert left.status == "unconfirmed", left
    assert left.reason.startswith("Its time was up. Enter was not pressed")
    assert fleet.prompts(agent.id) == []
    assert (await second.press_enter(delivery.id, "Ann")).exit_code == 0
    assert fleet.prompts(agent.id) == [delivery.text]


async def test_after_a_restart_a_frozen_agent_may_hold_the_text_unread(fleet: Fleet) -> None:
    agent = await fleet.demo()
    (cli,) = (await fleet.until(agent.id, lambda look: bool(look.clis))).clis

    def freeze(point: Point) -> None:
        if point == "after_intended":
            os.kill(cli.pid, signal.SIGSTOP)

    delivery = await fleet.cut_off(agent, "once and only once", "after_paste", freeze)
    second = fleet.again()
    try:
        await second.resume()
        left = await second.wait(delivery.id, 25)
    finally:
        os.kill(cli.pid, signal.SIGCONT)
    assert left.status == "unconfirmed"
    assert f"{agent.id} is frozen now: look whether anything arrived." in left.reason
    await fleet.until(agent.id, lambda look: (look.view.draft or "").startswith("once and only once"))
    done = await second.press_enter(delivery.id, "Ann")
    assert done.exit_code == 0, done
    assert fleet.prompts(agent.id) == [f"once and only once\nref: {delivery.id}"]


async def test_nothing_is_pressed_into_a_text_that_is_not_ours_alone_and_late_evidence_counts_after_a_restart(
    fleet: Fleet,
) -> None:
    agent = await fleet.demo()
    delivery = await fleet.cut_off(agent, "mine", "after_typed")
    await fleet.by_hand(agent, " and something of my own")
    await fleet.until(agent.id, lambda look: (look.view.draft or "").endswith("of my own"))
    second = fleet.again()
    await second.resume()
    done = await second.wait(delivery.id, 25)
    assert (done.status, done.exit_code) == ("unconfirmed", 3)
    assert fleet.prompts(agent.id) == []
    with pytest.raises(Refused, match="Enter was not pressed"):
        await second.press_enter(delivery.id, "test")
    left = await second.leave(delivery.id, "Ann")
    assert left.reason == "Left as it is by Ann."

    await second.close()
    third = fleet.again()
    await third.resume()
    assert await fleet.panes.keys(str(agent.pane), "Enter")

    async def counts() -> bool:
        return (await third.get(delivery.id)).exit_code == 0

    await eventually(counts)
    late = await third.get(delivery.id)
    assert late.reason == f"{agent.id} took the text, but not exactly as it was sent: look at it."
    assert fleet.prompts(agent.id) == [f"mine\nref: {delivery.id} and something of my own"]


async def test_what_was_called_off_is_not_typed_after_a_restart_and_the_trail_says_what_goes_on(fleet: Fleet) -> None:
    agent = await fleet.demo()
    first = fleet.again()
    async with fleet.store.begin() as tx:
        never, goes_on = [
            await first.create(tx, agent=agent.id, text=text, created_by="Olga") for text in ("never typed", "typed")
        ]
        for one in (never, goes_on):
            (await tx.get_one(DeliveryRow, one.id)).status = "queued"
    await first._rows.call_off(never.id, "Sam")  # and the bot is ended before its job has heard of it
    second = fleet.again()
    await second.resume()
    assert (await second.wait(goes_on.id, PATIENCE_S)).status in ("submitted", "started")
    ended = await second.wait(never.id, PATIENCE_S)
    assert (ended.status, ended.reason) == ("refused", "Sam called it off. Nothing was typed.")
    assert [prompt.splitlines()[0] for prompt in fleet.prompts(agent.id)] == ["typed"]
    with pytest.raises(Refused, match="already"):
        await second.withdraw(goes_on.id, "Sam")
    async with fleet.store.begin() as tx:
        trail = [(row.actor, row.action, row.target, row.detail["for"]) for row in await tx.scalars(select(AuditRow))]
    assert trail.count(("bot", "delivery.go-on", agent.id, "Olga")) == 2
    assert trail.count(("bot", "delivery.begin", agent.id, "Olga")) == 1

"""kill -9 of the delivering process, at every named point and at moments of chance; the agent's transcript counts."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest

from bot.agents.delivery.model import PROVEN, Status
from bot.agents.delivery.points import POINTS
from bot.agents.delivery.rows import DeliveryRows
from bot.clis.model import State
from bot.clock import SystemClock
from tests.integration.agents_fleet import Fleet, open_fleet
from tests.patience import PATIENCE_S

MOMENTS = 6


@pytest.fixture
async def fleet(tmp_path: Path, tmux_socket: str) -> AsyncIterator[Fleet]:
    async with open_fleet(tmp_path, tmux_socket) as opened:
        yield opened


async def killed(fleet: Fleet, agent: str, point: str, text: str) -> None:
    argv = [str(fleet.home.root.parent), fleet.sessions.socket, agent, point, text]
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.integration.delivery_child", *argv)
    assert await asyncio.wait_for(child.wait(), PATIENCE_S) == -signal.SIGKILL


async def settle(fleet: Fleet) -> dict[str, str]:
    """Resume, and wait for the end of all: the status of every delivery so far, by its text, the oldest first."""
    deliveries = fleet.again()
    for one in await deliveries.resume():
        await deliveries.wait(one.id, PATIENCE_S)
    rows = DeliveryRows(fleet.store, SystemClock())
    return {one.text: one.status for one in await rows.with_status(*get_args(Status))}


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_a_point(fleet: Fleet, point: str) -> None:
    agent = await fleet.demo()
    await killed(fleet, agent.id, point, "once only")
    ended = await settle(fleet)
    assert len(ended) == 1
    ((text, status),) = ended.items()
    assert status in PROVEN
    assert fleet.prompts(agent.id) == [text]


async def test_killed_at_moments_of_chance(fleet: Fleet) -> None:
    agent = await fleet.demo()
    dice, moments = random.Random(), []
    for number in range(MOMENTS):
        moment = dice.uniform(0.0, 0.45)
        moments.append(moment)
        await killed(fleet, agent.id, f"{moment:.3f}", f"prompt {number}")
        ended = await settle(fleet)
        await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    assert len(ended) == MOMENTS
    assert fleet.prompts(agent.id) == [text for text, status in ended.items() if status in PROVEN], moments
    assert set(ended.values()) <= PROVEN, moments

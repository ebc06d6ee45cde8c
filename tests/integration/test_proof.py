"""What counts as a proof, and as a start, with demo agents in real tmux."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.agents.model import Agent
from bot.clis.model import State
from tests.integration.agents_fleet import Fleet, eventually, open_fleet
from tests.patience import PATIENCE_S


@pytest.fixture
async def fleet(tmp_path: Path, tmux_socket: str) -> AsyncIterator[Fleet]:
    async with open_fleet(tmp_path, tmux_socket) as opened:
        yield opened


async def becomes(fleet: Fleet, agent: Agent, state: State) -> None:
    await fleet.until(agent.id, lambda look: look.view.state is state)


async def keys(fleet: Fleet, agent: Agent, *names: str) -> None:
    assert await fleet.panes.keys(str(agent.pane), *names)


async def test_a_command_is_not_started_by_the_turn_that_it_met(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.deliveries.send(agent.id, "WAIT8 long", created_by="test")
    await becomes(fleet, agent, State.WORKING)
    asked = await fleet.deliveries.send(agent.id, "/help", created_by="test", raw=True, now=True)
    assert (asked.status, asked.evidence and asked.evidence.kind) == ("submitted", "screen"), asked
    await becomes(fleet, agent, State.IDLE)
    assert (await fleet.deliveries.get(asked.id)).status == "submitted"


async def test_a_prompt_is_not_started_by_the_turn_of_another(fleet: Fleet) -> None:
    """It was taken as the bot ended, and a person stopped it and gave another one."""
    agent = await fleet.demo()
    taken = await fleet.cut_off(agent, "WAIT60 first", "after_evidence")
    await becomes(fleet, agent, State.WORKING)
    await keys(fleet, agent, "Escape")
    await becomes(fleet, agent, State.IDLE)
    await fleet.by_hand(agent, "WAIT60 another")
    await keys(fleet, agent, "Enter")
    await becomes(fleet, agent, State.WORKING)

    deliveries = fleet.again()
    await deliveries.resume()

    async def said() -> bool:
        return bool((await deliveries.get(taken.id)).reason)

    await eventually(said)
    done = await deliveries.get(taken.id)
    assert (done.status, done.started_at) == ("submitted", None), done
    assert "ended without an answer" in done.reason


async def test_what_a_hook_turned_away_as_the_bot_ended_is_not_sent_again(fleet: Fleet) -> None:
    """It stands in the composer, as a text does whose Enter never came."""
    agent = await fleet.demo()
    turned = await fleet.cut_off(agent, "HOOK `not on fridays`", "after_enter")
    look = await fleet.until(agent.id, lambda look: look.view.state is State.COMPOSING and look.files.path is not None)
    deliveries = fleet.again()
    await deliveries.resume()
    done = await deliveries.wait(turned.id, PATIENCE_S)
    assert done.status == "failed", done
    assert "not on fridays" in done.reason
    assert look.files.path is not None
    assert look.files.path.read_text("utf8").count('"blocked"') == 1


async def test_a_prompt_in_the_agents_own_queue_is_said_to_be_there_and_starts_with_its_own_turn(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.deliveries.send(agent.id, "WAIT9 first", created_by="test")
    await becomes(fleet, agent, State.WORKING)
    async with asyncio.timeout(60):
        held = await fleet.deliveries.send(agent.id, "WAIT2 next", created_by="test", now=True, wait=1)
    assert (held.status, held.exit_code) == ("typed", 3), held
    assert "its own queue" in held.reason

    async def started() -> bool:
        return (await fleet.deliveries.get(held.id)).status == "started"

    await eventually(started)
    done = await fleet.deliveries.get(held.id)
    assert done.evidence is not None and done.started_at is not None
    assert held.updated_at < done.evidence.at <= done.started_at
    assert done.reason == ""

"""Deliveries to the real Codex and the real Claude Code; the mock model's own log is the judge."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from bot.agents.state.look import Look
from bot.clis.model import State
from bot.clis.text import normal
from tests.integration.agents_fleet import NASTY, Fleet, eventually
from tests.real.fleet import ready
from tests.real.mock_models import MockModels

pytestmark = pytest.mark.every_version

TIMES = 20


def heard(models: MockModels) -> list[str]:
    return [normal(text) for text in models.prompts()]


@pytest.mark.timeout(600)
async def test_forty_nasty_lines_arrive_exactly_once_twenty_times(fleet: Fleet, kind: str, models: MockModels) -> None:
    agent = await ready(fleet, kind)
    sent = []
    for number in range(TIMES):
        text = f"Prompt {number}\n{NASTY}"
        delivery = await fleet.deliveries.send(agent.id, text, created_by="test", wait=30)
        assert delivery.exit_code == 0, (number, delivery, await fleet.screen(agent.id))
        assert delivery.evidence is not None
        assert delivery.evidence.kind == {"codex": "rollout", "claude": "transcript"}[kind]
        sent.append(normal(f"{text}\nref: {delivery.id}"))
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    assert heard(models) == sent


async def test_a_dialog_a_draft_and_copy_mode(fleet: Fleet, kind: str, models: MockModels) -> None:
    agent = await ready(fleet, kind)
    assert agent.pane
    await fleet.panes.keys(agent.pane, "half a thought", literal=True)
    await fleet.until(agent.id, lambda look: look.view.draft == "half a thought")
    refused = await fleet.deliveries.send(agent.id, "glued?", created_by="test")
    assert refused.status == "refused"
    look = await fleet.until(agent.id, lambda look: look.view.draft == "half a thought")
    assert heard(models) == []
    await fleet.panes.keys(agent.pane, "C-u")
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)

    await fleet.panes.control.run(f"copy-mode -t {agent.pane}")
    done = await fleet.deliveries.send(agent.id, "SHELL from copy mode", created_by="test", wait=30)
    assert done.exit_code == 0, (done, await fleet.screen(agent.id))
    look = await fleet.until(agent.id, lambda look: look.view.state is State.WAITING and _asks(look))
    asked = await fleet.deliveries.send(agent.id, "approve?", created_by="test")
    assert asked.status == "refused"
    assert "waits for a permission" in asked.reason
    after = (await fleet.watch.look([agent.id]))[agent.id]
    assert after.reading is not None and after.reading.dialog is not None
    assert look.reading is not None and look.reading.dialog is not None
    assert after.reading.dialog.fingerprint == look.reading.dialog.fingerprint
    assert "approve" not in " ".join(heard(models))


def _asks(look: Look) -> bool:
    """Its own file says that it waits a moment before the dialog is drawn."""
    return look.reading is not None and look.reading.dialog is not None


async def test_a_cli_that_has_exited_and_a_pane_that_is_gone(fleet: Fleet, kind: str, models: MockModels) -> None:
    agent = await ready(fleet, kind)
    look = await fleet.until(agent.id, lambda look: bool(look.clis))
    os.kill(look.clis[0].pid, signal.SIGKILL)
    await fleet.until(agent.id, lambda look: look.screen is not None and "press r here" in look.screen.plain)
    before = await fleet.screen(agent.id)
    refused = await fleet.deliveries.send(agent.id, "echo too late", created_by="test")
    assert refused.status == "refused"
    assert "not running" in refused.reason
    assert await fleet.screen(agent.id) == before
    assert heard(models) == []
    await fleet.life.restart(agent.id)
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    done = await fleet.deliveries.send(agent.id, "after the restart", created_by="test")
    assert done.exit_code == 0, done
    assert heard(models) == [normal(f"after the restart\nref: {done.id}")]


@pytest.mark.parametrize("text", ["!touch owned", "/quit", " /help", "#memory", "@file", "exit"])
async def test_marks_are_inert(fleet: Fleet, kind: str, models: MockModels, text: str) -> None:
    agent = await ready(fleet, kind)
    done = await fleet.deliveries.send(agent.id, text, created_by="test", wait=30)
    assert done.exit_code == 0, (done, await fleet.screen(agent.id))
    await eventually(lambda: asyncio.sleep(0, bool(heard(models))))  # the record comes before the request
    assert len(heard(models)) == 1
    assert text.strip() in heard(models)[0]
    assert not (fleet.work / "owned").exists()


async def test_a_working_agent_is_steered_and_a_long_text_arrives(fleet: Fleet, kind: str, models: MockModels) -> None:
    agent = await ready(fleet, kind)
    first = await fleet.deliveries.send(agent.id, "WAIT4 please", created_by="test")
    assert first.exit_code == 0, first
    await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    steer = await fleet.deliveries.send(agent.id, "steer here", created_by="test", now=True)
    assert steer.exit_code == 0, (steer, await fleet.screen(agent.id))
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    text = "Read this.\n" + "".join(f"{n} {'abc ' * 20}\n" for n in range(1100))
    long = await fleet.deliveries.send(agent.id, text, created_by="test", wait=30)
    assert long.exit_code == 0, (long, await fleet.screen(agent.id))
    expected = [("WAIT4 please", first), ("steer here", steer), (text, long)]
    assert heard(models) == [normal(f"{words.rstrip(chr(10))}\nref: {one.id}") for words, one in expected]

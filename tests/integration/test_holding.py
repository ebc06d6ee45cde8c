"""Agents that are frozen, thawed and interrupted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from bot.agents.permissions.answering import NotTaken
from bot.agents.permissions.rows import Ask, mark
from bot.agents.permissions.service import Reply
from bot.app import App
from bot.errors import Refused
from bot.tmux.processes import scan
from tests.integration.app_home import demo, open_app, state, until


@pytest.fixture
async def app(tmp_path: Path, tmux_socket: str) -> AsyncIterator[App]:
    async with open_app(tmp_path, tmux_socket) as opened:
        yield opened


@asynccontextmanager
async def asked(app: App) -> AsyncIterator[Ask]:
    """Something that d1 asks, known to the bot."""
    permissions = app.services.permissions
    await demo(app)
    await app.call("agent.send", {"id": "d1", "text": "SHELL", "wait": 5})
    await state(app, "d1", "waiting")
    await permissions.start()
    try:
        await until(lambda: bool(permissions.open()))
        yield permissions.open()[0]
    finally:
        await permissions.close()


async def test_freeze_stops_the_cli_and_thaw_lets_it_go_on(app: App) -> None:
    agent = await demo(app)
    await app.call("agent.send", {"id": "d1", "text": "WAIT2 and go on", "wait": 5})
    assert await app.call("agent.freeze", {}) == {"agents": ["d1"], "refused": {}}
    await state(app, "d1", "frozen")
    pane = (await app.services.panes.facts())[agent["pane"]]
    table = scan()
    assert table[pane.pid].state not in ("T", "t"), "the keeper must not be stopped: tmux would continue it"
    cli = next(p for p in table.values() if p.session == pane.pid and p.comm == "maf-demo")
    assert cli.state == "T"
    with pytest.raises(Refused, match="frozen"):
        await app.call("agent.interrupt", {"id": "d1"})
    assert await app.call("agent.thaw", {"id": "d1"}) == {"agents": ["d1"], "refused": {}}
    await state(app, "d1", "idle")
    assert scan()[cli.pid].starttime == cli.starttime, "it is the same process"


async def test_a_question_is_as_old_as_it_is_whether_its_agent_was_frozen_meanwhile_or_the_bot_restarted(
    app: App,
) -> None:
    async with asked(app) as ask:
        await app.call("agent.freeze", {"id": "d1"})
        assert (await app.services.watch.fresh("d1")).since > ask.created_at, "frozen since later"
        await app.call("agent.thaw", {"id": "d1"})
        await state(app, "d1", "waiting")
        assert [one.id for one in app.services.permissions.open()] == [ask.id]
        assert app.services.watch.view("d1").since <= ask.created_at


async def test_a_frozen_agent_takes_no_answer_and_its_question_stays(app: App) -> None:
    async with asked(app) as ask:
        answer = partial(app.services.permissions.answer, ask.card, mark([ask]), 0, Reply("Olga", "chat:1"))
        await app.call("agent.freeze", {"id": "d1"})
        with pytest.raises(NotTaken, match="frozen") as caught:
            await answer()
        assert "/thaw d1" in caught.value.hint
        await app.call("agent.thaw", {"id": "d1"})
        await state(app, "d1", "waiting")
        assert (await answer()).taken == ("d1",)


async def test_a_frozen_agent_can_be_stopped(app: App) -> None:
    await demo(app)
    await app.call("agent.freeze", {"id": "d1"})
    assert (await app.call("agent.stop", {"id": "d1"}))["state"] == "stopped"


async def test_interrupt_is_for_working_agents_only(app: App) -> None:
    await demo(app)
    with pytest.raises(Refused, match="nothing to interrupt"):
        await app.call("agent.interrupt", {"id": "d1"})
    await app.call("agent.send", {"id": "d1", "text": "WAIT30", "wait": 5})
    done = await app.call("agent.interrupt", {"id": "d1"})
    assert (done["stopped"], done["composer"], done["state"]) == (True, "empty", "idle")
    await app.call("agent.send", {"id": "d1", "text": "SHELL", "wait": 5})
    await state(app, "d1", "waiting")
    with pytest.raises(Refused, match="waits for an answer"):
        await app.call("agent.interrupt", {"id": "d1"})
    assert (await app.call("agent.show", {"id": "d1"}))["state"] == "waiting"

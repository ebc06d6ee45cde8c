"""Agents on their way to another account: what somebody says about one of them counts, and work is not cut off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.agents.model import Agent
from bot.app import App
from bot.fleet.move import Moving
from bot.fleet.self_action import MOVE
from bot.store.tables import LimitStopRow, OutboxRow, RotationRow
from tests.integration.app_home import demo, open_app, state


@pytest.fixture
async def app(tmp_path: Path, tmux_socket: str) -> AsyncIterator[App]:
    async with open_app(tmp_path, tmux_socket) as opened:
        yield opened


async def cut_off(app: App, step: str = "verifying") -> None:
    """The bot was ended while it moved d1 from a to b."""
    await app.services.registry.update("d1", profile="b")
    row = RotationRow(agent="d1", source="a", target="b", step=step, asked_by="test", began_at=app.services.clock.now())
    async with app.services.store.begin() as tx:
        tx.add(row)


async def outcomes(app: App) -> list[str]:
    async with app.services.store.begin() as tx:
        return list(await tx.scalars(select(RotationRow.outcome)))


async def started(app: App) -> Any:
    return (await app.services.registry.get("d1")).started_at


async def test_one_that_is_at_rest_comes_back(app: App) -> None:
    await demo(app)
    await cut_off(app)
    (move,) = await app.services.rotation.resume()
    assert (move.outcome, move.detail) == ("returned", "The bot was restarted on the way.")
    assert (await app.services.registry.get("d1")).profile == "a"
    await state(app, "d1", "idle")


async def test_that_it_comes_back_is_told_and_in_the_trail_before_anything_is_done(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = app.services
    stop = services.life.stop
    seen: list[tuple[object, ...]] = []

    async def told() -> list[tuple[object, ...]]:
        async with services.store.begin() as tx:
            outbox = [row.kind for row in await tx.scalars(select(OutboxRow).order_by(OutboxRow.id))]
        trail = [row for row in reversed(await services.audit.recent()) if row.action == "agent.come-back"]
        return [*outbox, *((row.actor, row.target, row.outcome) for row in trail)]

    async def cut_off_again(_agent: str) -> Agent:
        raise KeyError  # the bot is ended here

    async def looked_at(agent: str) -> Agent:
        seen.extend(await told())
        return await stop(agent)

    await demo(app)
    await cut_off(app)
    monkeypatch.setattr(services.life, "stop", cut_off_again)
    with pytest.raises(KeyError):
        await services.rotation.resume()
    monkeypatch.setattr(services.life, "stop", looked_at)
    await services.rotation.resume()
    failed = ("bot", "d1", "failed: the bot was restarted meanwhile")
    assert seen == ["self", "self", failed, ("bot", "d1", "begun")]
    assert await told() == ["self", "rotation", failed, ("bot", "d1", "done")]


async def test_one_that_works_when_the_bot_is_back_is_not_stopped(app: App) -> None:
    await demo(app)
    began = await started(app)
    await cut_off(app)
    sent = await app.call("agent.send", {"id": "d1", "text": "WAIT60 by hand, while no bot ran"})
    assert sent["status"] in ("submitted", "started")
    await state(app, "d1", "working")
    (move,) = await app.services.rotation.resume()
    assert (move.outcome, move.detail) == ("moved", "The bot was restarted on the way. It works already.")
    assert await started(app) == began
    await state(app, "d1", "working")


@pytest.mark.parametrize("step", ["stopping", "verifying"])
async def test_one_that_was_stopped_meanwhile_stays_stopped(app: App, step: str) -> None:
    await demo(app)
    await cut_off(app, step)
    await app.call("agent.stop", {"id": "d1"})
    assert await outcomes(app) == ["cut off"]
    assert await app.services.rotation.resume() == []
    await state(app, "d1", "stopped")


async def test_the_next_agent_of_that_name_has_nothing_of_the_deleted_one(app: App) -> None:
    await demo(app)
    await cut_off(app)
    services = app.services
    await services.moves.wish("d1", "Ann", "b")
    async with services.store.begin() as tx:
        tx.add(LimitStopRow(agent="d1", profile="b", bead="shop-1", stopped_at=services.clock.now()))
    await app.call("agent.delete", {"id": "d1"})
    await demo(app)
    await services.registry.update("d1", profile="b")
    began = await started(app)
    assert await services.rotation.resume() == []
    assert await services.moves.tick() == []
    assert await services.actions.standing(MOVE) == {}
    async with services.store.begin() as tx:
        assert list(await tx.scalars(select(LimitStopRow.outcome))) == ["gone"]
    assert await started(app) == began


@pytest.mark.parametrize("word", ["start", "stop", "restart", "delete"])
async def test_nobody_touches_one_while_it_is_moved(app: App, word: str) -> None:
    await demo(app)
    with app.services.accounts.moving("d1"), pytest.raises(Moving, match="d1 is being moved to another account"):
        await app.call(f"agent.{word}", {"id": "d1"})
    await state(app, "d1", "idle")

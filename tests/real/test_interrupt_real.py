"""Interrupting and holding the real CLIs: what comes back into the composer, and what the model hears afterwards."""

from __future__ import annotations

import pytest

from bot.agents.life.hold import Hold
from bot.agents.life.interrupt import Interrupts
from bot.clis.model import State
from bot.clis.text import normal
from bot.clock import SystemClock
from bot.errors import Refused
from bot.tmux.processes import scan
from tests.integration.agents_fleet import Fleet
from tests.real.fleet import ready
from tests.real.mock_models import MockModels

pytestmark = pytest.mark.every_version


async def test_an_interrupted_prompt_is_not_glued_to_the_next_one(fleet: Fleet, kind: str, models: MockModels) -> None:
    agent = await ready(fleet, kind)
    interrupts = Interrupts(fleet.registry, fleet.watch, fleet.panes, SystemClock())
    with pytest.raises(Refused, match="nothing to interrupt"):
        await interrupts.interrupt(agent.id)
    assert "esc again" not in (await fleet.screen(agent.id)).lower(), "no Esc for an idle agent"
    await fleet.deliveries.send(agent.id, "first WAIT20", created_by="test", wait=15)
    await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    done = await interrupts.interrupt(agent.id)
    assert done.stopped, await fleet.screen(agent.id)
    # Claude, which had not answered anything yet, puts the prompt back.
    assert done.composer == ("cleared" if kind == "claude" else "empty"), await fleet.screen(agent.id)
    look = await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    assert look.clis, "it must not have left"
    second = await fleet.deliveries.send(agent.id, "second", created_by="test", wait=20)
    assert second.exit_code == 0, (second, await fleet.screen(agent.id))
    assert normal(models.prompts()[-1]) == normal(f"second\nref: {second.id}")


async def test_a_frozen_turn_goes_on_where_it_was(fleet: Fleet, kind: str, models: MockModels) -> None:
    agent = await ready(fleet, kind)
    hold = Hold(fleet.registry, fleet.watch)
    await fleet.deliveries.send(agent.id, "WAIT4 then answer", created_by="test", wait=15)
    look = await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    await hold.freeze(agent.id)
    assert look.pane is not None
    table = scan()
    assert table[look.pane.pid].state not in ("T", "t"), "the keeper goes on"
    assert {table[cli.pid].state for cli in look.clis} == {"T"}
    await hold.thaw(agent.id)
    after = await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    assert {cli.pid for cli in after.clis} == {cli.pid for cli in look.clis}
    again = await fleet.deliveries.send(agent.id, "still there", created_by="test", wait=20)
    assert again.exit_code == 0

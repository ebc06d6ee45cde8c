"""Deliveries to demo agents in real tmux. The judge is the agent's own transcript, not our store."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import string
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.agents.delivery.points import Point
from bot.agents.model import Agent
from bot.clis.model import State
from bot.errors import NotFound, Refused
from tests.integration.agents_fleet import NASTY, Fleet, eventually, open_fleet
from tests.patience import PATIENCE_S
from tests.private_tmux import until


@pytest.fixture
async def fleet(tmp_path: Path, tmux_socket: str) -> AsyncIterator[Fleet]:
    async with open_fleet(tmp_path, tmux_socket) as opened:
        yield opened


async def test_a_nasty_prompt_arrives_once_and_exactly(fleet: Fleet) -> None:
    agent = await fleet.demo()
    delivery = await fleet.deliveries.send(agent.id, NASTY, created_by="test")
    assert delivery.status in {"submitted", "started"}, delivery
    assert delivery.evidence is not None
    assert delivery.evidence.kind == "transcript"
    assert fleet.prompts(agent.id) == [f"{NASTY}\nref: {delivery.id}"]

    async def started() -> bool:
        return (await fleet.deliveries.get(delivery.id)).status == "started"

    await eventually(started)
    assert (await fleet.deliveries.get(delivery.id)).as_dict()["started_at"]


async def test_twenty_random_prompts(fleet: Fleet) -> None:
    agents = [await fleet.demo() for _ in range(5)]
    dice = random.Random(7)
    signs = string.printable.replace("\r", "").replace("\x0b", "").replace("\x0c", "") + "äЖ漢🧪 \n"

    async def four(agent: Agent) -> None:
        sent = []
        for _ in range(4):
            text = "Do: " + "".join(dice.choice(signs) for _ in range(dice.randint(1, 3000))) + "."
            delivery = await fleet.deliveries.send(agent.id, text, created_by="test", wait=30)
            assert delivery.exit_code == 0, delivery
            sent.append(f"{text}\nref: {delivery.id}")
        assert fleet.prompts(agent.id) == sent

    await asyncio.gather(*(four(agent) for agent in agents))


async def test_an_open_dialog_refuses_and_stays_open(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.deliveries.send(agent.id, "SHELL `git push`", created_by="test")
    await fleet.until(agent.id, lambda look: look.view.state is State.WAITING)
    before = await fleet.screen(agent.id)
    refused = await fleet.deliveries.send(agent.id, "and now this", created_by="test")
    assert (refused.status, refused.exit_code) == ("refused", 1)
    assert refused.reason == f"{agent.id} waits for a permission; your text would have answered it. Answer first."
    assert await fleet.screen(agent.id) == before
    assert len(fleet.prompts(agent.id)) == 1


async def test_a_human_draft_refuses_and_is_untouched(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.by_hand(agent, "half a thought")
    await fleet.until(agent.id, lambda look: look.view.draft == "half a thought")
    refused = await fleet.deliveries.send(agent.id, "another", created_by="test")
    assert refused.status == "refused"
    assert "half a thought" in refused.reason
    look = (await fleet.watch.look([agent.id]))[agent.id]
    assert look.view.draft == "half a thought"
    assert fleet.prompts(agent.id) == []


async def test_a_cli_that_has_exited_gets_nothing(fleet: Fleet) -> None:
    agent = await fleet.demo()
    look = await fleet.until(agent.id, lambda look: bool(look.clis))
    os.kill(look.clis[0].pid, signal.SIGKILL)
    await fleet.until(agent.id, lambda look: look.screen is not None and "press r here" in look.screen.plain)
    before = await fleet.screen(agent.id)
    refused = await fleet.deliveries.send(agent.id, "rm -rf nothing", created_by="test")
    assert refused.status == "refused"
    assert "not running" in refused.reason
    assert await fleet.screen(agent.id) == before


async def test_a_pane_that_is_gone_or_dead_gets_nothing(fleet: Fleet) -> None:
    gone, dead = await fleet.demo(), await fleet.demo()
    assert dead.pane
    await fleet.panes.control.run(f"set-option -p -t {dead.pane} remain-on-exit on")
    look = (await fleet.watch.look([dead.id]))[dead.id]
    assert look.pane
    os.kill(look.pane.pid, signal.SIGKILL)  # the keeper itself
    await fleet.panes.control.run(f"kill-session -t ={gone.session}")
    await fleet.until(dead.id, lambda look: look.pane is not None and look.pane.dead)
    await fleet.until(gone.id, lambda look: look.pane is None)
    for agent in (gone, dead):
        refused = await fleet.deliveries.send(agent.id, "hello", created_by="test")
        assert refused.status == "refused", refused
    assert await fleet.sessions.exists(dead.session)


async def test_copy_mode_is_left_and_the_prompt_arrives(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.panes.control.run(f"copy-mode -t {agent.pane}")
    await fleet.until(agent.id, lambda look: look.pane is not None and look.pane.in_mode)
    delivery = await fleet.deliveries.send(agent.id, "from copy mode", created_by="test")
    assert delivery.exit_code == 0, delivery
    assert fleet.prompts(agent.id) == [f"from copy mode\nref: {delivery.id}"]


async def test_a_busy_agent_takes_its_prompts_in_order_when_it_is_idle(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.deliveries.send(agent.id, "WAIT3 first", created_by="test")
    await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    second = await fleet.deliveries.send(agent.id, "second", created_by="test", wait=0.2)
    third = await fleet.deliveries.send(agent.id, "third", created_by="test", wait=0.2)
    assert [one.status for one in (second, third)] == ["queued", "queued"]
    assert second.exit_code == 3
    assert second.reason == f"{agent.id} is working."
    ended = [await fleet.deliveries.wait(one.id, 30) for one in (second, third)]
    assert [one.exit_code for one in ended] == [0, 0], ended
    assert [text.split("\n")[0] for text in fleet.prompts(agent.id)] == ["WAIT3 first", "second", "third"]


async def test_steering_goes_into_the_running_turn(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.deliveries.send(agent.id, "WAIT4 first", created_by="test")
    await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    steered = await fleet.deliveries.send(agent.id, "steer", created_by="test", now=True)
    assert steered.status != "queued"
    assert (await fleet.deliveries.wait(steered.id, 30)).exit_code == 0
    assert fleet.prompts(agent.id)[-1] == f"steer\nref: {steered.id}"


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "left open"])
async def test_a_question_that_opens_after_the_text_was_typed_gets_no_enter(fleet: Fleet, answered: bool) -> None:
    agent = await fleet.demo()
    await fleet.deliveries.send(agent.id, "WAIT4 SHELL `git push`", created_by="test")
    await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    show = ["tmux", "-S", fleet.sessions.socket, "capture-pane", "-p", "-t", str(agent.pane)]

    def question_opens(at: Point, delivery_id: str) -> None:
        if at == "after_typed":  # held here, between paste and Enter, until the agent asks
            until(
                lambda: "Allow this command?" in subprocess.check_output(show, text=True, timeout=PATIENCE_S),
                "the question",
            )

    deliveries = fleet.again(question_opens)
    sending = asyncio.create_task(deliveries.send(agent.id, "steer", created_by="test", now=True))
    look = await fleet.until(agent.id, lambda look: look.view.state is State.WAITING)
    if answered:
        assert len(fleet.prompts(agent.id)) == 1
        await fleet.panes.keys(str(agent.pane), "1", literal=True)
        done = await deliveries.wait((await sending).id, 20)
        assert done.exit_code == 0, done
        assert fleet.prompts(agent.id)[1:] == [f"steer\nref: {done.id}"]
        return
    done = await sending
    assert done.status == "unconfirmed", done
    assert done.reason == f"{agent.id} asked a question after the text was typed; Enter would have answered it."
    after = await fleet.until(agent.id, lambda look: look.view.state is State.WAITING)
    assert look.reading is not None
    assert after.reading is not None
    assert after.reading.dialog == look.reading.dialog
    assert len(fleet.prompts(agent.id)) == 1


async def test_enter_that_a_person_presses_on_our_text_is_proven_at_once(fleet: Fleet) -> None:
    agent = await fleet.demo()

    def person_sends(at: Point, delivery_id: str) -> None:
        if at == "after_typed":  # between our paste and our Enter
            enter = ["tmux", "-S", fleet.sessions.socket, "send-keys", "-t", str(agent.pane), "Enter"]
            subprocess.check_call(enter, timeout=PATIENCE_S)
            until(lambda: fleet.prompts(agent.id), "the prompt")

    done = await fleet.again(person_sends).send(agent.id, "by hand", created_by="test")
    assert done.exit_code == 0, done
    assert done.evidence is not None
    assert done.updated_at - done.evidence.at < timedelta(seconds=8)  # our text is waited for 10 s in the composer
    assert fleet.prompts(agent.id) == [f"by hand\nref: {done.id}"]


async def test_a_queued_prompt_whose_time_is_up_is_refused(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.deliveries.send(agent.id, "WAIT6 first", created_by="test")
    await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    async with fleet.store.begin() as tx:
        late = await fleet.deliveries.create(
            tx, agent=agent.id, text="too late", created_by="test", ttl=timedelta(seconds=1)
        )
    assert (await fleet.deliveries.run(late.id)).status == "queued"
    assert (await fleet.deliveries.wait(late.id, 10)).status == "refused"
    assert len(fleet.prompts(agent.id)) == 1


async def test_without_a_bot_a_busy_agent_is_refused_and_nothing_is_queued(tmp_path: Path, tmux_socket: str) -> None:
    async with open_fleet(tmp_path, tmux_socket, background=False) as fleet:
        agent = await fleet.demo()
        await fleet.deliveries.send(agent.id, "WAIT5 first", created_by="test")
        await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
        refused = await fleet.deliveries.send(agent.id, "second", created_by="test", wait=0.5)
        assert refused.status == "refused"
        assert "is working" in refused.reason
        waited = await fleet.deliveries.send(agent.id, "third", created_by="test", wait=20)
        assert waited.exit_code == 0, waited
        assert [text.split("\n")[0] for text in fleet.prompts(agent.id)] == ["WAIT5 first", "third"]


QUICK = {"types": {"quick": {"kind": "demo", "role": "implementor", "prefix": "q", "command": ["--seconds", "0.2"]}}}


@pytest.mark.parametrize("background", [True, False], ids=["with a bot", "without a bot"])
async def test_what_is_taken_is_seen_to_start(tmp_path: Path, tmux_socket: str, background: bool) -> None:
    """Also by an agent that has answered before anybody looks, and where no bot goes on looking."""
    async with open_fleet(tmp_path, tmux_socket, background=background) as fleet:
        fleet.home.config.mkdir()
        fleet.home.agent_types.write_text(json.dumps(QUICK))
        agents = [await fleet.life.create("quick", workdir=fleet.work) for _ in range(2)] + [await fleet.demo()]
        for agent in agents:
            await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
            sent = await fleet.deliveries.send(agent.id, "say something", created_by="test")
            assert sent.status == "started", sent
            assert sent.started_at is not None
            assert sent.evidence is not None
            assert sent.evidence.at <= sent.started_at
            await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
        async with fleet.store.begin() as tx:
            made = [
                await fleet.deliveries.create(tx, agent=agent.id, text="and more", created_by="test")
                for agent in agents
            ]
        await fleet.deliveries.run_many([one.id for one in made])

        async def started() -> bool:
            return all([(await fleet.deliveries.get(one.id)).status == "started" for one in made])

        await eventually(started)


async def test_marks_are_made_inert_and_raw_keeps_them(fleet: Fleet) -> None:
    agent = await fleet.demo()
    inert = await fleet.deliveries.send(agent.id, "/quit", created_by="test")
    assert inert.exit_code == 0, inert
    assert inert.notes
    assert fleet.prompts(agent.id) == [f"Message: /quit\nref: {inert.id}"]
    asked = await fleet.deliveries.send(agent.id, "/help", created_by="test", raw=True, wait=20)
    assert (asked.status, asked.evidence and asked.evidence.kind) == ("submitted", "screen"), asked
    # Its composer is gone with it, which says nothing of the command.
    left = await fleet.deliveries.send(agent.id, "/quit", created_by="test", raw=True, wait=20)
    assert (left.status, left.evidence) == ("unconfirmed", None), left
    assert "ended after Enter" in left.reason
    await fleet.until(agent.id, lambda look: not look.clis)
    assert len(fleet.prompts(agent.id)) == 1


async def test_a_prompt_that_a_hook_turns_away_has_failed_and_gets_no_second_enter(fleet: Fleet) -> None:
    agent = await fleet.demo()
    done = await fleet.deliveries.send(agent.id, "HOOK `no deploys <b>on</b> fridays`", created_by="test")
    assert (done.status, done.evidence) == ("failed", None), done
    assert "no deploys <b>on</b> fridays" in done.reason
    assert "stands in its composer" in done.reason
    assert fleet.prompts(agent.id) == []
    look = await fleet.until(agent.id, lambda look: look.view.state is State.COMPOSING)
    assert look.files.path is not None
    assert look.files.path.read_text("utf8").count('"blocked"') == 1


async def test_what_cannot_be_sent_leaves_no_row(fleet: Fleet) -> None:
    agent = await fleet.demo()
    with pytest.raises(Refused, match="at most 100 KB"):
        await fleet.deliveries.send(agent.id, "x" * 102401, created_by="test")
    with pytest.raises(Refused, match="empty"):
        await fleet.deliveries.send(agent.id, " \n ", created_by="test")
    with pytest.raises(NotFound, match="Did you mean d1"):
        await fleet.deliveries.send("d2", "x", created_by="test")
    assert await fleet.again().resume() == []
    cleaned = await fleet.deliveries.send(agent.id, "a\r\nb\x1b[201~\x07c", created_by="test")
    assert cleaned.notes == ("2 control characters were taken out",)
    assert fleet.prompts(agent.id) == [f"a\nbc\nref: {cleaned.id}"]


@pytest.mark.parametrize(("point", "arrived"), [("after_intended", 0), ("after_typed", 0), ("after_enter", 1)])
async def test_a_fault_of_ours_leaves_no_row_open_and_the_person_decides(
    fleet: Fleet, point: Point, arrived: int
) -> None:
    agent = await fleet.demo()

    def fail(at: Point, delivery_id: str) -> None:
        if at == point:
            raise ZeroDivisionError

    done = await fleet.again(fail).send(agent.id, "and then?", created_by="test")
    assert (done.status, done.exit_code) == ("unconfirmed", 3)
    assert done.reason.endswith("It is not known whether the text arrived.")
    await eventually(partial(_has_taken, fleet, agent.id, arrived))


async def _has_taken(fleet: Fleet, agent_id: str, count: int) -> bool:
    return len(fleet.prompts(agent_id)) == count


async def test_many_at_once_each_get_their_own(fleet: Fleet) -> None:
    agents = [await fleet.demo() for _ in range(4)]
    async with fleet.store.begin() as tx:
        made = [
            await fleet.deliveries.create(tx, agent=agent.id, text=f"for {agent.id}", created_by="test")
            for agent in agents
        ]
    done = await fleet.deliveries.run_many([one.id for one in made])
    assert all(one.exit_code == 0 for one in done), done
    for agent, one in zip(agents, done, strict=True):
        assert fleet.prompts(agent.id) == [f"for {agent.id}\nref: {one.id}"]


async def test_tmux_killed_under_a_queued_prompt_is_told(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.deliveries.send(agent.id, "WAIT20 first", created_by="test")
    await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    queued = await fleet.deliveries.send(agent.id, "second", created_by="test", wait=0.2)
    assert queued.status == "queued"
    os.kill(fleet.panes.control.server_pid, signal.SIGKILL)
    done = await fleet.deliveries.wait(queued.id, 20)
    assert done.status in {"refused", "failed"}, done
    assert len(fleet.prompts(agent.id)) == 1

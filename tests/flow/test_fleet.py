"""What the chat hears of agents that end, over HTTP, with demo agents in real panes."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.agents.resources import room
from bot.agents.resources.room import Machine
from bot.fleet.self_action import RESTART
from bot.store.tables import AuditRow, DeliveryRow
from bot.tmux.keeper import ALONE
from bot.tmux.processes import scan
from tests.flow.product import Product, button, product, until

AGENTS = 20


async def kill(made: Product, agent: str) -> None:
    """As the kernel does when memory is short."""
    look = (await made.app.services.watch.look([agent]))[agent]
    os.kill(look.clis[0].pid, signal.SIGKILL)


def labels(message: dict[str, Any]) -> list[str]:
    return [b["label"] for row in message["buttons"] for b in row]


def screen_of(made: Product, agent: str) -> str:
    look = made.app.services.watch.last(agent)
    return look.screen.plain if look is not None and look.screen is not None else ""


async def alive(made: Product, agent: str) -> None:
    async def running() -> bool:
        return bool((await made.app.call("agent.show", {"id": agent}))["state"] == "idle")

    await until(running, f"{agent} idle")


async def test_a_crash_is_mended_three_times_and_then_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.fleet.crash.PAUSES_S", (1.0, 1.0, 1.0))  # how they grow: tests/unit/test_life_rules.py
    async with product(tmp_path, agents=2) as made:
        await made.app.call("agent.send", {"id": "w1", "text": "remember me", "wait": 10})
        await alive(made, "w1")
        first = await made.app.services.registry.get("w1")
        for times in range(1, 4):
            await kill(made, "w1")
            await made.message(lambda m: "w1 crashed" in m["text"])

            async def again(times: int = times) -> bool:
                return (await made.app.services.registry.get("w1")).restarts == times

            await until(again, f"start {times}")
            await alive(made, "w1")
        await kill(made, "w1")
        over = await made.message(lambda m: "I have stopped restarting it" in m["text"])
        assert over["text"].startswith("💥 w1 crashed 4 times within 10 min (killed, signal 9).")
        assert [b["label"] for row in over["buttons"] for b in row] == ["👁 Screen", "▶ Start", "▶ New conversation"]
        agent = await made.app.services.registry.get("w1")
        assert (agent.restarts, agent.errors, agent.conversation) == (3, 4, first.conversation)
        await made.client.press(over["message_id"], "▶ Start")
        await alive(made, "w1")
        assert "remember me" in (await made.app.call("agent.capture", {"id": "w1"}))["text"]
        assert (await made.app.services.registry.get("w2")).errors == 0
        log = made.home.agent_log("w1").read_text()
        assert log.count("crashed (killed, signal 9)") == 4
        assert "not started again: it crashed too often" in log


async def test_a_prompt_that_waits_for_an_agent_does_not_go_to_the_next_one_of_that_name(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as made:
        services = made.app.services
        await made.app.call("agent.send", {"id": "w1", "text": "WAIT60 first", "wait": 10})
        await made.client.say("/send w1 for the old one")
        card = await made.message(lambda m: "queued" in m["text"])
        await made.app.call("agent.delete", {"id": "w1"})
        await made.app.call("agent.create", {"type": "demo", "id": "w1", "workdir": str(made.project)})
        await made.becomes(card["message_id"], lambda m: "w1 is being deleted" in m["text"])
        await alive(made, "w1")
        assert [prompt for prompt in made.prompts("w1") if "for the old one" in prompt] == []
        async with services.store.begin() as tx:
            (waited,) = await tx.scalars(select(DeliveryRow).where(DeliveryRow.text.contains("for the old one")))
        assert waited.status == "refused"
        assert not services.deliveries.under_way(waited.id)


async def test_an_agent_that_left_by_itself_stays_stopped(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        agent = await made.app.services.registry.get("w1")
        assert agent.pane
        await made.app.services.panes.keys(agent.pane, "/quit", literal=True)
        await made.app.services.panes.keys(agent.pane, "Enter")
        told = await made.message(lambda m: "has left by itself" in m["text"])
        assert (await made.app.call("agent.show", {"id": "w1"}))["state"] == "stopped"
        await made.client.press(told["message_id"], "▶ Start")
        await alive(made, "w1")


async def test_a_crash_on_a_full_machine_waits_for_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel ends programs when memory is short: a moment later there is some."""
    async with product(tmp_path, agents=1) as made:
        asked: list[Machine] = []

        def full_twice() -> Machine:  # the machine itself cannot be filled for a test
            asked.append(Machine(0 if len(asked) < 2 else None, 0.0, 1))
            return asked[-1]

        monkeypatch.setattr(room, "measure", full_twice)
        await kill(made, "w1")
        await made.message(lambda m: "w1 crashed" in m["text"] and "was started again" in m["text"])
        assert len(asked) == 3
        assert not any("cannot be started" in m["text"] for m in await made.all())


async def test_a_crash_is_told_before_the_restart_and_who_declines_has_it_stay_stopped(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        services = made.app.services
        await kill(made, "w1")
        await made.message(lambda m: "w1 crashed" in m["text"] and "was started again" in m["text"])
        await alive(made, "w1")
        await kill(made, "w1")
        told = await made.message(lambda m: "starts again by itself in 5 s" in m["text"])
        await made.client.press(told["message_id"], button(told, "Don't"))
        await made.becomes(told["message_id"], lambda m: "declined: it is not started again" in m["text"])

        async def stopped() -> bool:
            return (await services.registry.get("w1")).desired == "stopped"

        await until(stopped, "it stays stopped")
        assert (await services.guardian.restore()).started == ()
        async with services.store.begin() as tx:
            rows = await tx.scalars(select(AuditRow).where(AuditRow.action == "agent.restart"))
            assert [(row.actor, row.target, row.outcome) for row in rows] == [("bot", "w1", "done")]


async def test_who_declined_a_restart_is_heard_though_the_bot_ended_meanwhile(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as made:
        services = made.app.services
        for name in made.agents:
            await kill(made, name)
        await services.guardian.close()  # as at the end of the bot
        for name in made.agents:
            await services.registry.update(name, desired="running")
        w1 = await services.actions.announce(RESTART, "w1", "w1", data={"how": "", "pause": 5.0})
        await services.actions.announce(RESTART, "w2", "w2", data={"how": "", "pause": 5.0})
        await services.actions.decline(w1.id, "Olga")
        assert (await services.guardian.restore()).started == ("w2",)
        assert (await services.registry.get("w1")).desired == "stopped"
        await made.message(lambda m: "1 agent is back" in m["text"])


async def test_who_is_brought_back_at_the_start_can_be_stopped_again_from_the_message(tmp_path: Path) -> None:
    async with product(tmp_path, agents=3) as made:
        services = made.app.services

        async def should_run() -> list[str]:
            return [agent.id for agent in await services.registry.all() if agent.desired == "running"]

        for name in ("w1", "w2", "w3"):
            await kill(made, name)
        await services.guardian.close()  # as at the end of the bot
        for name in ("w1", "w2", "w3"):
            await services.registry.update(name, desired="running")
        assert (await services.guardian.restore()).started == ("w1", "w2", "w3")
        told = await made.message(lambda m: "3 agents are back" in m["text"])
        await made.client.press(told["message_id"], button(told, "⏹ w1"))
        told = await made.becomes(told["message_id"], lambda m: "Stopped since: w1" in m["text"])
        assert await should_run() == ["w2", "w3"]
        await made.client.press(told["message_id"], button(told, "⏹ All 2"))
        asked = await made.message(lambda m: m["text"].startswith("Stop 2 agents?"))
        await made.client.press(asked["message_id"], "Leave them")
        await made.becomes(asked["message_id"], lambda m: m["text"] == "They go on.")
        assert await should_run() == ["w2", "w3"]
        await made.client.press(told["message_id"], button(told, "⏹ All 2"))
        asked = await made.message(lambda m: m["text"].startswith("Stop 2 agents?"))
        await made.client.press(asked["message_id"], "⏹ Stop 2")
        await made.becomes(asked["message_id"], lambda m: m["text"] == "⏹ w2, w3 are stopped.")
        assert await should_run() == []
        told = await made.becomes(told["message_id"], lambda m: "Stopped since: w1, w2, w3" in m["text"])
        assert not told["buttons"]


async def test_a_stop_that_was_cut_off_is_no_start(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        await made.app.services.registry.update("w1", desired="stopped")  # and then the bot was killed
        await made.app.call("agent.send", {"id": "w1", "text": "WAIT2 one more thing", "wait": 10})
        log = made.home.agent_log("w1")
        # It changes twice: what the first made of it is done by then.
        await until(lambda: log.exists() and "working -> idle" in log.read_text(), "its turn")
        assert (await made.app.services.registry.get("w1")).desired == "stopped"
        assert "started again" not in log.read_text()


async def test_an_agent_that_is_started_again_in_its_pane_should_run_again(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        services = made.app.services
        agent = await services.registry.get("w1")
        assert agent.pane
        await services.panes.keys(agent.pane, "/quit", literal=True)
        await services.panes.keys(agent.pane, "Enter")
        await made.message(lambda m: "has left by itself" in m["text"])
        assert (await services.registry.get("w1")).desired == "stopped"
        await until(lambda: "press r here" in screen_of(made, "w1"), "the keeper's offer")
        await asyncio.sleep(2 * ALONE)  # the key counts only after a silence
        await services.panes.keys(agent.pane, "r")
        await alive(made, "w1")

        async def wanted() -> bool:
            return (await services.registry.get("w1")).desired == "running"

        await until(wanted, "w1 to be one of those that should run")
        await kill(made, "w1")
        await made.message(lambda m: "w1 crashed" in m["text"] and "was started again" in m["text"])


async def test_the_end_of_the_tmux_server_is_one_alert_and_one_tap_mends_it(tmp_path: Path) -> None:
    async with product(tmp_path, agents=3) as made:
        for number in range(4, AGENTS + 1):
            await made.app.call("agent.create", {"type": "demo", "id": f"w{number}", "workdir": str(made.project)})
        made.agents += [f"w{number}" for number in range(4, AGENTS + 1)]
        for name in ("w1", f"w{AGENTS}"):
            await alive(made, name)
            await made.app.call("agent.send", {"id": name, "text": f"remember {name}", "wait": 10})
        for name in made.agents:
            await alive(made, name)
        before = {m["message_id"] for m in await made.all()}
        panes = {agent.id: agent.pane for agent in await made.app.services.registry.all()}

        server = made.app.services.panes.control.server_pid
        os.kill(server, signal.SIGKILL)
        lost = await made.message(lambda m: "tmux has ended" in m["text"])
        assert f"{AGENTS} agents" in lost["text"]
        assert f"w1, w2, w3, {', '.join(made.agents[3:])}" in lost["text"]

        async def all_dead() -> bool:
            return all(a["state"] == "dead" for a in await made.app.call("agent.list", {}))

        await until(all_dead, "all dead")
        await made.client.press(lost["message_id"], button(lost, "Bring them back"))
        back = await made.becomes(lost["message_id"], lambda m: "are back" in m["text"])
        assert f"{AGENTS} agents are back" in back["text"]
        for name in made.agents:
            await alive(made, name)
        new: list[dict[str, Any]] = [m for m in await made.all() if m["message_id"] not in before]
        assert [m["message_id"] for m in new] == [lost["message_id"]], [m["text"] for m in new]
        for name in ("w1", f"w{AGENTS}"):
            assert f"remember {name}" in (await made.app.call("agent.capture", {"id": name}))["text"]
        looks = await made.app.services.watch.look()
        owners = {look.clis[0].pid for look in looks.values()}
        assert len(owners) == AGENTS, "each agent has a process of its own"
        assert server not in scan()
        assert set(panes) == set(looks)


async def test_an_adopted_agent_that_ends_with_the_server_is_not_promised_back(tmp_path: Path) -> None:
    """Its pane was the person's: nothing can bring it back, and it must not stand there as dead for ever."""
    async with product(tmp_path, agents=2) as made:
        (pane,) = [a.pane for a in await made.app.services.registry.all() if a.id == "w2"]
        leader = (await made.app.services.panes.facts())[pane].pid
        await made.app.services.registry.update("w2", adopted=True, pane_pid=leader)
        os.kill(made.app.services.panes.control.server_pid, signal.SIGKILL)
        lost = await made.message(lambda m: "tmux has ended" in m["text"])
        assert lost["text"].splitlines()[:2] == ["💥 tmux has ended, and with it 1 agent.", "w1"]
        await made.message(lambda m: "w2 has left by itself" in m["text"])
        assert (await made.app.call("agent.show", {"id": "w2"}))["state"] == "stopped"
        await made.client.press(lost["message_id"], button(lost, "Bring"))
        await alive(made, "w1")


async def test_freeze_and_thaw_from_the_chat(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as made:
        await made.client.say("/freeze")
        asked = await made.message(lambda m: m["text"] == "Freeze whom?")
        assert labels(asked) == ["❄️ All 2", "🟢 w1", "🟢 w2"]
        assert {a["state"] for a in await made.app.call("agent.list", {})} == {"idle"}
        await made.client.press(asked["message_id"], "❄️ All 2")
        held = "❄️ w1, w2 are held where they are.\nTo let them go on: /thaw"
        await made.becomes(asked["message_id"], lambda m: m["text"] == held and not m["buttons"])
        await made.client.say("/thaw w1")
        await made.message(lambda m: m["text"] == "🟢 w1 goes on.")
        assert [a["state"] for a in await made.app.call("agent.list", {})][1] == "frozen"
        await made.client.say("/thaw")
        asked = await made.message(lambda m: m["text"] == "Let whom go on?")
        assert labels(asked) == ["☀️ All 1", "❄️ w2"]
        await made.client.press(asked["message_id"], "❄️ w2")
        await made.becomes(asked["message_id"], lambda m: m["text"].startswith("🟢 w2 · idle"))
        await made.client.say("/thaw")
        await made.message(lambda m: m["text"] == "No agent is frozen.")
        await made.client.say("/freeze all")
        await made.message(lambda m: m["text"] == held)
        await made.client.say("/thaw all")
        await made.message(lambda m: m["text"] == "🟢 w1, w2 go on.")
        viewer = await made.person("Vera", "viewer")
        await made.client.say("/freeze", who=viewer, chat=viewer)
        await made.message(lambda m: "Only an operator" in m["text"], chat=viewer)
        assert {a["state"] for a in await made.app.call("agent.list", {})} <= {"idle", "frozen"}

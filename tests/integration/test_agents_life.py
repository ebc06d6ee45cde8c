"""The life of agents on a private tmux server, with demo agents."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.agents.environment import ProfileSetup
from bot.agents.life.leaving import Leaving
from bot.agents.model import Agent
from bot.agents.registry import Registry
from bot.agents.state.signals import STARTING_S
from bot.agents.state.watch import Change
from bot.agents.types import BUILT_IN, AgentType
from bot.clis.model import State
from bot.clock import SystemClock
from bot.errors import DependencyMissing, MafError, NotFound, Refused, WrongUsage
from bot.tmux.panes import Panes
from tests.integration.agents_fleet import Fleet, eventually, open_fleet


@pytest.fixture
async def fleet(tmp_path: Path, tmux_socket: str) -> AsyncIterator[Fleet]:
    async with open_fleet(tmp_path, tmux_socket) as opened:
        yield opened


def mirror(fleet: Fleet) -> list[dict[str, object]]:
    agents = json.loads(fleet.home.agents_mirror.read_text())["agents"]
    assert isinstance(agents, list)
    return agents


async def _same(one: Registry, other: Registry, agent_id: str) -> bool:
    return await one.get(agent_id) == await other.get(agent_id)


async def test_create_shows_in_store_mirror_and_tmux(fleet: Fleet) -> None:
    agent = await fleet.demo(labels=["frontend"])
    # The watch may just be writing down which conversation it is in.
    other = Registry(fleet.store, fleet.home, SystemClock())
    await eventually(lambda: _same(fleet.registry, other, "d1"))
    assert (agent.id, agent.kind, agent.role, agent.session) == ("d1", "demo", "implementor", "maf-d1")
    assert agent.desired == "running"
    (entry,) = mirror(fleet)
    assert {"id", "type", "description", "session", "created_at", "status", "stats", "errors"} == entry.keys()
    assert (entry["id"], entry["status"]) == ("d1", "running")
    shape = (await fleet.watch.fresh("d1")).as_dict()
    assert (shape["state"], shape["labels"], shape["workdir"]) == ("idle", ["frontend"], str(fleet.work))
    facts = await fleet.sessions.find("maf-d1")
    assert facts is not None
    assert facts.main == agent.pane


async def test_an_agent_has_its_own_environment_and_no_secret(tmp_path: Path, tmux_socket: str) -> None:
    login = {**os.environ, "MAF_BOT_TOKEN": "123456:never-to-be-seen", "MAF_LOG_LEVEL": "debug"}
    async with open_fleet(tmp_path, tmux_socket, login_env=login) as fleet:
        fleet.home.agent_env.write_text('export NODE_ENV="development"\nexport MAF_BOT_TOKEN="also-never"\n')
        agent = await fleet.demo()
        look = await fleet.until(agent.id, lambda look: bool(look.clis))
        raw = Path(f"/proc/{look.clis[0].pid}/environ").read_bytes().decode()
        env = dict(line.split("=", 1) for line in raw.split("\0") if "=" in line)
        assert env["MAF_AGENT"] == "d1"
        assert env["MAF_HOME"] == str(fleet.home.root)
        assert env["NODE_ENV"] == "development"
        assert env["PATH"] == os.environ["PATH"]
        assert {name for name in env if name.startswith("MAF_")} == {"MAF_AGENT", "MAF_HOME"}
        assert "never" not in raw


async def test_what_cannot_be_created_leaves_nothing(fleet: Fleet) -> None:
    await fleet.demo(agent_id="w1")
    with pytest.raises(Refused, match="an agent w1 already"):
        await fleet.life.create("demo", agent_id="w1")
    with pytest.raises(WrongUsage, match="cannot be an agent's id"):
        await fleet.life.create("demo", agent_id="W 1; rm")
    with pytest.raises(WrongUsage, match="does not exist"):
        await fleet.life.create("demo", workdir=fleet.work / "nowhere")
    (fleet.work / "notes").touch()
    with pytest.raises(WrongUsage, match="notes is a file, not a folder"):
        await fleet.life.create("demo", workdir=fleet.work / "notes")
    with pytest.raises(NotFound, match="Did you mean demo"):
        await fleet.life.create("demi")
    subprocess.run(
        ["tmux", "-S", fleet.sessions.socket, "new-session", "-d", "-s", "maf-w2", "sleep", "60"], check=True
    )
    with pytest.raises(Refused, match="maf-w2"):
        await fleet.life.create("demo", agent_id="w2")
    assert [agent.id for agent in await fleet.registry.all()] == ["w1"]
    assert [entry["id"] for entry in mirror(fleet)] == ["w1"]
    assert await fleet.sessions.exists("maf-w2")


async def test_no_more_agents_than_are_allowed(fleet: Fleet) -> None:
    few = AgentType(name="few", kind="demo", role="implementor", limit=1)

    async def create(type_: AgentType, most: int) -> None:
        await fleet.registry.create(type_, workdir=fleet.work, session_prefix="maf", max_agents=most)

    await create(few, 2)
    with pytest.raises(Refused, match="There is 1 few agent already, and that type allows 1") as caught:
        await create(few, 2)
    assert "agent-types.json" in caught.value.hint
    await create(BUILT_IN[-1], 2)
    with pytest.raises(Refused, match="There are 2 agents already, and MAF_MAX_AGENTS allows 2"):
        await create(BUILT_IN[-1], 2)
    assert [agent.id for agent in await fleet.registry.all()] == ["a1", "d1"]


async def test_a_missing_program_says_how_to_get_it(tmp_path: Path, tmux_socket: str) -> None:
    async with open_fleet(tmp_path, tmux_socket, login_env={"PATH": str(tmp_path)}) as fleet:
        with pytest.raises(DependencyMissing) as caught:
            await fleet.life.create("codex-worker")
        assert "codex is not installed" in caught.value.message
        assert "npm install" in caught.value.hint
        assert await fleet.registry.all() == []


async def test_stop_and_start_keep_the_conversation(fleet: Fleet) -> None:
    agent = await fleet.demo()
    sent = await fleet.deliveries.send(agent.id, "remember me", created_by="test")
    assert sent.exit_code == 0

    async def known() -> bool:
        return (await fleet.registry.get(agent.id)).conversation is not None

    await eventually(known)
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    stopped = await fleet.life.stop(agent.id)
    assert (stopped.desired, stopped.pane) == ("stopped", None)
    assert not await fleet.sessions.exists(agent.session)
    assert (await fleet.watch.fresh(agent.id)).state is State.STOPPED
    refused = await fleet.deliveries.send(agent.id, "anyone?", created_by="test")
    assert (refused.status, refused.reason) == ("refused", "d1 is stopped. Start it first.")
    await fleet.life.start(agent.id)
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    again = await fleet.deliveries.send(agent.id, "go on", created_by="test")
    assert again.exit_code == 0, again
    assert len(fleet.prompts(agent.id)) == 2
    assert len(list((fleet.home.root / "demo/d1/sessions").glob("*.jsonl"))) == 1
    with pytest.raises(Refused, match="running already"):
        await fleet.life.start(agent.id)


async def test_a_working_agent_is_stopped_without_words_typed_into_it(fleet: Fleet) -> None:
    agent = await fleet.demo()
    await fleet.deliveries.send(agent.id, "WAIT60 on", created_by="test")
    look = await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    await fleet.life.stop(agent.id)
    assert not Path(f"/proc/{look.clis[0].pid}").exists()
    assert [text.split("\n")[0] for text in fleet.prompts(agent.id)] == ["WAIT60 on"]


async def test_a_cli_that_has_drawn_nothing_yet_is_starting(tmp_path: Path, tmux_socket: str) -> None:
    program = tmp_path / "bin" / "codex"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nread nothing\n")
    program.chmod(0o755)
    login = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "OPENAI_API_KEY": "x"}
    setup = ProfileSetup(tmp_path / "codex", {"OPENAI_API_KEY": "x"})
    async with open_fleet(tmp_path, tmux_socket, login_env=login, profiles=lambda _: setup) as fleet:
        agent = await fleet.life.create("codex-worker", workdir=fleet.work)
        look = await fleet.until(agent.id, lambda look: bool(look.clis))
        assert look.view.state is State.STARTING, look.view.rule
        long_ago = datetime.now(UTC) - timedelta(seconds=STARTING_S + 1)
        await fleet.registry.update(agent.id, started_at=long_ago)
        await fleet.until(agent.id, lambda look: look.view.state is State.UNKNOWN)


@pytest.mark.parametrize("missing", ["folder", "program", "login", "types"])
async def test_what_could_not_be_started_again_is_not_stopped_by_a_restart(
    tmp_path: Path, tmux_socket: str, missing: str
) -> None:
    program = tmp_path / "bin" / "codex"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nread nothing\n")
    program.chmod(0o755)
    login = {**os.environ, "PATH": f"{program.parent}:/usr/bin:/bin"}
    async with open_fleet(tmp_path, tmux_socket, login_env=login, profiles=lambda _: ProfileSetup(tmp_path)) as fleet:
        (tmp_path / "auth.json").write_text("{}")
        (tmp_path / "there").mkdir()
        agent = await fleet.life.create("codex-worker", workdir=tmp_path / "there")
        before = await fleet.until(agent.id, lambda look: bool(look.clis))
        if missing == "folder":
            (tmp_path / "there").rmdir()
        elif missing == "program":
            program.unlink()
        elif missing == "login":
            (tmp_path / "auth.json").unlink()
        else:
            fleet.home.config.mkdir()
            fleet.home.agent_types.write_text("{")
        with pytest.raises(MafError) as refused:
            await fleet.life.restart(agent.id)
        assert refused.value.hint
        after = (await fleet.watch.look([agent.id]))[agent.id]
        assert [cli.pid for cli in after.clis] == [cli.pid for cli in before.clis]
        assert (after.view.agent.desired, after.view.agent.restarts) == ("running", 0)


async def test_a_shell_is_idle_at_its_prompt_and_at_work_while_a_program_is_in_front(fleet: Fleet) -> None:
    agent = await fleet.life.create("shell", workdir=fleet.work)
    shell = (await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)).clis
    agent = await fleet.registry.get(agent.id)
    await fleet.by_hand(agent, "sleep 300\n")
    # Between its prompt and the program nothing is in front for a moment.
    look = await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    assert look.view.rule == "process: sleep in front"
    assert [process.pid for process in look.clis] == [process.pid for process in shell]
    assert agent.pane
    await fleet.panes.keys(agent.pane, "C-c")
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    await fleet.by_hand(agent, "exec sleep 300\n")  # a program that takes the place of the shell is no end of it
    await fleet.until(agent.id, lambda look: look.view.state is State.WORKING)
    await fleet.panes.keys(agent.pane, "C-c")
    await fleet.until(agent.id, lambda look: look.view.state is State.DEAD)


class Meanwhile(Panes):
    """Somebody at the terminal is faster by a moment: what they sent asks a question when our words arrive."""

    async def keys(self, pane: str, *names: str, literal: bool = False) -> bool:
        if literal:
            assert await super().keys(pane, "SHELL `touch taken`", literal=True)
            assert await super().keys(pane, "Enter")

            async def asks() -> bool:
                return "Allow this command?" in (await self.capture([pane]))[pane].plain

            await eventually(asks)
        return await super().keys(pane, *names, literal=literal)


async def test_a_question_that_comes_up_while_it_is_asked_to_leave_is_not_answered(fleet: Fleet) -> None:
    agent = await fleet.demo()
    assert await Leaving(fleet.watch, Meanwhile(fleet.panes.control), SystemClock()).end(agent)
    (file,) = (fleet.home.root / "demo/d1/sessions").glob("*.jsonl")
    told = [json.loads(line) for line in file.read_text("utf8").splitlines()]
    assert [one["data"].get("result") for one in told if one["type"] == "tool"] == [None], told


async def test_delete_forgets_it(fleet: Fleet) -> None:
    agent = await fleet.demo()
    let_go: list[str] = []

    async def remember(agent: Agent) -> None:
        assert [one.id for one in await fleet.registry.all()] == [agent.id], "its row goes last"
        let_go.append(agent.id)

    await fleet.life.delete(agent.id, let_go=remember)
    assert let_go == [agent.id]
    assert await fleet.registry.all() == []
    assert mirror(fleet) == []
    assert not await fleet.sessions.exists(agent.session)
    with pytest.raises(NotFound):
        await fleet.life.delete(agent.id, let_go=remember)


async def test_a_killed_server_comes_back_with_those_that_should_run(fleet: Fleet) -> None:
    running, stopped = await fleet.demo(), await fleet.demo()
    await fleet.life.stop(stopped.id)
    sent = await fleet.deliveries.send(running.id, "before the end", created_by="test")
    assert sent.exit_code == 0

    async def known() -> bool:
        return (await fleet.registry.get(running.id)).conversation is not None

    await eventually(known)
    os.kill(fleet.panes.control.server_pid, signal.SIGKILL)
    await fleet.until(running.id, lambda look: look.view.state is State.DEAD)
    restored = await fleet.life.restore()
    assert (restored.started, dict(restored.failed)) == ((running.id,), {})
    await fleet.until(running.id, lambda look: look.view.state is State.IDLE)
    assert (await fleet.life.restore()).started == ()
    again = await fleet.deliveries.send(running.id, "and after", created_by="test")
    assert again.exit_code == 0
    assert len(list((fleet.home.root / "demo/d1/sessions").glob("*.jsonl"))) == 1


async def test_the_pane_of_another_agent_is_never_taken_for_its_own(fleet: Fleet) -> None:
    first, second = await fleet.demo(), await fleet.demo()
    await fleet.registry.update(second.id, pane=first.pane)  # as after a server that died and counted anew
    refused = await fleet.deliveries.send(second.id, "for the second", created_by="test")
    assert refused.status == "refused"
    assert fleet.prompts(first.id) == []


async def test_a_crash_is_told_once_and_restart_mends_it(fleet: Fleet) -> None:
    agent = await fleet.demo()
    told: list[Change] = []
    fleet.watch.subscribe(told.append)
    look = await fleet.until(agent.id, lambda look: bool(look.clis))
    os.kill(look.clis[0].pid, signal.SIGKILL)

    async def heard() -> bool:
        return any(one.after is State.DEAD for one in told)

    await eventually(heard)
    assert [one.after for one in told if one.after is not State.IDLE] == [State.DEAD]
    restarted = await fleet.life.restart(agent.id)
    assert restarted.restarts == 1
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)


async def test_an_agent_whose_pane_was_closed_comes_back_beside_its_side_windows(fleet: Fleet) -> None:
    sides = {"bench": {"kind": "demo", "role": "none", "windows": [{"name": "tests", "panes": ["@tests"]}]}}
    fleet.home.config.mkdir()
    fleet.home.agent_types.write_text(json.dumps(sides))
    agent = await fleet.life.create("bench", workdir=fleet.work)
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    facts = await fleet.panes.facts()
    (side,) = [pane.pane for pane in facts.values() if pane.window == "tests"]
    os.kill(facts[str(agent.pane)].pid, signal.SIGKILL)
    await fleet.until(agent.id, lambda look: look.view.rule == "its pane is gone")
    again = await fleet.life.start(agent.id)
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    facts = await fleet.panes.facts()
    assert {pane.pane: pane.window for pane in facts.values() if pane.session == agent.session} == {
        again.pane: "agent",
        side: "tests",
    }
    (session,) = [session for session in await fleet.sessions.all() if session.name == agent.session]
    assert session.main == again.pane
    env = Path(f"/proc/{facts[str(again.pane)].pid}/environ").read_text().split("\0")
    assert f"MAF_AGENT={agent.id}" in env
    await fleet.life.stop(agent.id)
    assert not await fleet.sessions.exists(agent.session)


async def test_a_frozen_agent_is_seen_and_gets_nothing(fleet: Fleet) -> None:
    agent = await fleet.demo()
    look = await fleet.until(agent.id, lambda look: bool(look.clis))
    os.kill(look.clis[0].pid, signal.SIGSTOP)
    try:
        await fleet.until(agent.id, lambda look: look.view.state is State.FROZEN)
        refused = await fleet.deliveries.send(agent.id, "hello", created_by="test")
        assert refused.reason == "d1 is frozen. Thaw it first."
    finally:
        os.kill(look.clis[0].pid, signal.SIGCONT)
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)


async def test_who_is_stopped_or_deleted_while_others_come_back_does_not_come_back(fleet: Fleet) -> None:
    first, second, third = [await fleet.demo() for _ in range(3)]
    for agent in (first, second, third):
        (cli,) = (await fleet.until(agent.id, lambda look: bool(look.clis))).clis
        os.kill(cli.pid, signal.SIGKILL)
        await fleet.until(agent.id, lambda look: look.view.state is State.DEAD)

    async def meanwhile(agent: Agent) -> None:
        if agent.id == first.id:
            await fleet.life.stop(second.id)
            await fleet.registry.delete(third.id)

    fleet.life.before_launch = meanwhile
    restored = await fleet.life.restore(patience=0.0)
    assert (restored.started, dict(restored.failed)) == ((first.id,), {})
    assert (await fleet.registry.get(second.id)).desired == "stopped"

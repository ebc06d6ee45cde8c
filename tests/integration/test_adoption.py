"""Agents that a person started in panes of theirs."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import App
from bot.errors import MafError, Refused, WrongUsage
from bot.tmux.processes import scan
from bot.tmux.servers import runs
from tests.integration.app_home import demo, open_app, state, tmux
from tests.private_tmux import end_server
from tests.private_tmux import until as wait_until


@pytest.fixture
async def app(tmp_path: Path, tmux_socket: str) -> AsyncIterator[App]:
    async with open_app(tmp_path, tmux_socket) as opened:
        yield opened


def by_hand(socket: str, app: App, tmp_path: Path) -> str:
    """A demo agent that a person started in a script of theirs; its pane."""
    program = Path(sys.modules["bot"].__file__ or "").parent / "sandbox" / "agent.py"
    script = tmp_path / "by-hand"
    # By a script: the pane's own process is then no CLI. Its files lie where those of agent d1 would.
    home = app.services.home.root / "demo" / "d1"
    script.write_text(f"#!/bin/sh\n{sys.executable} -I -S {program} --home {home}\nsleep 300\n")
    script.chmod(0o700)
    tmux(
        socket,
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-x",
        "120",
        "-y",
        "40",
        "-s",
        "mine",
        "-c",
        str(tmp_path),
        str(script),
    )
    pane = tmux(socket, "list-panes", "-t", "=mine:", "-F", "#{pane_id}")
    leader = pane_pid(socket, pane)
    wait_until(lambda: any(p.comm == "maf-demo" and p.session == leader for p in scan().values()) or None, "the agent")
    return pane


def pane_pid(socket: str, pane: str) -> int:
    return int(tmux(socket, "display-message", "-p", "-t", pane, "#{pane_pid}"))


async def test_an_agent_is_adopted_where_it_stands(app: App, tmux_socket: str, tmp_path: Path) -> None:
    pane = by_hand(tmux_socket, app, tmp_path)
    with pytest.raises(Refused, match="runs demo, and not claude"):
        await app.call("agent.adopt", {"pane": pane, "type": "claude-worker"})
    agent = await app.call("agent.adopt", {"pane": pane, "type": "demo"})
    assert (agent["id"], agent["session"], agent["pane"]) == ("d1", "mine", pane)
    with pytest.raises(Refused, match="is d1 already"):
        await app.call("agent.adopt", {"pane": pane, "type": "demo"})
    await state(app, "d1", "idle")
    sent = await app.call("agent.send", {"id": "d1", "text": "hello in your own pane", "wait": 10})
    assert sent["status"] in ("submitted", "started", "unconfirmed"), sent
    assert "hello in your own pane" in tmux(tmux_socket, "capture-pane", "-p", "-t", pane)
    await app.call("agent.delete", {"id": "d1"})
    assert "mine" in tmux(tmux_socket, "list-sessions"), "what was adopted is only let go"
    assert any(p.comm == "maf-demo" for p in scan().values() if p.session == pane_pid(tmux_socket, pane))


async def test_an_adopted_agent_is_asked_to_leave_and_its_pane_stays(
    app: App, tmux_socket: str, tmp_path: Path
) -> None:
    pane = by_hand(tmux_socket, app, tmp_path)
    await app.call("agent.adopt", {"pane": pane, "type": "demo", "id": "mine"})
    await state(app, "mine", "idle")
    assert (await app.call("agent.stop", {"id": "mine"}))["state"] == "stopped"
    assert "mine" in tmux(tmux_socket, "list-sessions")
    with pytest.raises(Refused, match="its pane is yours"):
        await app.call("agent.start", {"id": "mine"})
    with pytest.raises(Refused, match="was adopted"):
        await app.call("agent.run", {"id": "mine", "command": "ls"})


async def test_a_pane_of_the_persons_own_server(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = str(tmp_path / "own")  # any other server; by its path
    try:
        pane = by_hand(own, app, tmp_path)
        with pytest.raises(MafError, match="no pane"):
            await app.call("agent.adopt", {"pane": "%77", "type": "demo", "socket": own})
        agent = await app.call("agent.adopt", {"pane": pane, "type": "demo", "socket": own})
        assert agent["pane"] == f"{own}:{pane}"
        await state(app, "d1", "idle")
        await app.call("agent.send", {"id": "d1", "text": "over there", "wait": 10})
        assert "over there" in tmux(own, "capture-pane", "-p", "-t", pane)
        assert "over there" in (await app.call("agent.capture", {"id": "d1"}))["text"]
        assert "_maf" in tmux(own, "list-sessions")
        await app.call("agent.delete", {"id": "d1"})
        monkeypatch.setattr("bot.tmux.servers.LINGER_S", 0.0)
        await app.services.panes.facts()
        assert tmux(own, "list-sessions", "-F", "#{session_name}") == "mine", "nothing of ours stays in it"
        await app.call("agent.adopt", {"pane": pane, "type": "demo", "socket": own})
        await state(app, "d1", "idle")
        # The server ends; the next one gives the same name to another pane, which is not d1.
        tmux(own, "kill-server")
        await state(app, "d1", "dead")
        assert not runs(own), "we start no server of a person's"
        assert by_hand(own, app, tmp_path) == pane
        assert (await app.call("agent.show", {"id": "d1"}))["state"] == "dead"
    finally:
        end_server(own)


async def test_panes_that_cannot_be_adopted(app: App, tmux_socket: str) -> None:
    tmux(tmux_socket, "new-session", "-d", "-s", "plain", "sleep", "300")
    pane = tmux(tmux_socket, "list-panes", "-t", "=plain:", "-F", "#{pane_id}")
    with pytest.raises(Refused, match="runs sleep, and not codex"):
        await app.call("agent.adopt", {"pane": pane, "type": "codex-worker"})
    with pytest.raises(WrongUsage, match="is no pane"):
        await app.call("agent.adopt", {"pane": "plain", "type": "codex-worker"})
    with pytest.raises(MafError, match="There is no pane %88"):
        await app.call("agent.adopt", {"pane": "%88", "type": "codex-worker"})
    with pytest.raises(MafError, match="No tmux server runs on nowhere"):
        await app.call("agent.adopt", {"pane": "%1", "type": "codex-worker", "socket": "nowhere"})
    ours = await demo(app)
    await app.services.registry.delete("d1")
    with pytest.raises(Refused, match="was made by maf"):
        await app.call("agent.adopt", {"pane": ours["pane"], "type": "demo"})

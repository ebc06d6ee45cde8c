"""Beside an agent: commands in a window of their own, its panels, and a person's terminal that looks at it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import App
from bot.errors import Refused, WrongUsage
from bot.tmux.processes import scan
from tests.integration.agents_fleet import eventually
from tests.integration.app_home import demo, open_app, state, tmux, until
from tests.private_tmux import end_server


@pytest.fixture
async def app(tmp_path: Path, tmux_socket: str) -> AsyncIterator[App]:
    async with open_app(tmp_path, tmux_socket) as opened:
        yield opened


async def finished(folder: Path) -> int:
    await until((folder / "exit").exists)
    return int((folder / "exit").read_text())


async def test_a_command_beside_an_agent_never_touches_its_composer(app: App) -> None:
    agent = await demo(app)
    await app.services.panes.keys(agent["pane"], "half a thought", literal=True)
    await state(app, "d1", "composing")
    before = (await app.call("agent.capture", {"id": "d1"}))["text"]
    begun = await app.call(
        "agent.run", {"id": "d1", "command": 'pwd; echo "$MAF_AGENT $FROM_AGENT_ENV"; echo oh >&2; exit 7'}
    )
    folder = Path(begun["folder"])
    assert await finished(folder) == 7
    dash = await app.call("agent.run", {"id": "d1", "command": "-x"})
    assert await finished(Path(dash["folder"])) == 127  # no such command; and not a wrong option of the shell
    assert (folder / "stdout").read_text() == f"{agent['workdir']}\nd1 yes\n"
    assert (folder / "stderr").read_text() == "oh\n"
    assert (await app.call("agent.capture", {"id": "d1"}))["text"] == before

    async def its_window_went() -> bool:
        facts = await app.services.panes.facts()
        return [pane.window for pane in facts.values() if pane.session == agent["session"]] == ["agent"]

    await eventually(its_window_went)


async def test_closing_the_window_ends_the_command_with_all_that_it_started(app: App, tmp_path: Path) -> None:
    agent = await demo(app)
    begun = await app.call("agent.run", {"id": "d1", "command": f"sleep 300 & echo $! > {tmp_path}/pid; wait"})
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip() != "")
    tmux(app.services.settings.tmux_socket, "kill-pane", "-t", begun["pane"])
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: pid not in scan() or scan()[pid].state == "Z")
    facts = await app.services.panes.facts()
    assert [pane.window for pane in facts.values() if pane.session == agent["session"]] == ["agent"]


async def test_run_needs_a_session_and_a_command(app: App) -> None:
    await app.call("agent.create", {"type": "demo", "id": "d1", "start": False})
    with pytest.raises(Refused, match="not running"):
        await app.call("agent.run", {"id": "d1", "command": "ls"})
    with pytest.raises(WrongUsage):
        await app.call("agent.run", {"id": "d1", "command": "  "})
    assert not list((app.services.home.run / "runs").iterdir())


async def test_the_side_windows_of_a_worker(app: App) -> None:
    home, project = app.services.home, app.services.settings.root(app.services.home)
    types = {"worker": {"kind": "demo", "role": "implementor", "windows": [
        {"name": "monitoring", "panes": ["@monitor"]}, {"name": "git", "panes": ["@git"]},
        {"name": "tests", "panes": ["@tests"]}, {"name": "own", "panes": ["echo once", "@history"]}]}}  # fmt: skip
    home.config.mkdir()
    home.agent_types.write_text(json.dumps(types))
    (project / "Makefile").write_text("test:\n\techo it ran >> ran\n")
    agent = await app.call("agent.create", {"type": "worker", "id": "d1"})
    await state(app, "d1", "idle")
    beads = await app.services.book.for_workdir(project)
    bead = (await beads.snapshot()).ready[0]
    await app.services.claims.claim("d1", bead)
    await app.services.side.write()
    panes = {
        pane.window: pane for pane in (await app.services.panes.facts()).values() if pane.session == agent["session"]
    }
    assert set(panes) == {"agent", "monitoring", "git", "tests", "own"}

    async def shows(window: str, text: str) -> None:
        async def ask() -> bool:
            screens = await app.services.panes.capture([panes[window].pane])
            return text in screens[panes[window].pane].plain

        await eventually(ask)

    await shows("git", "Makefile")
    await shows("monitoring", "% of a processor")
    await app.services.panes.keys(panes["monitoring"].pane, "r")
    await shows("monitoring", f"on {bead.id}")
    await shows("tests", "1: make test")
    await app.services.panes.paste(panes["tests"].pane, "1", buffer="late")
    await app.services.panes.paste(panes["tests"].pane, "1\n1\n", buffer="later")
    await shows("tests", "1: make test")
    await asyncio.sleep(0.5)  # nothing is to happen
    assert not (project / "ran").exists(), "a paste must not run a command"

    async def runs_on_a_key() -> bool:
        """A busy machine may hand the paste and the key over in one: then that was a paste too."""
        await app.services.panes.keys(panes["tests"].pane, "1")
        await asyncio.sleep(1)
        return (project / "ran").exists()

    await eventually(runs_on_a_key)
    await shows("tests", "make test: passed")
    assert (project / "ran").read_text() == "it ran\n"


async def test_the_files_beside_an_agent_say_that_the_bot_has_ended(app: App) -> None:
    home, side = app.services.home, app.services.side
    await demo(app)
    await side.write()
    assert json.loads(home.agent_facts("d1").read_text("utf8"))["state"]
    await side.leave()
    await side.write()  # a round that was late
    assert home.waiting.read_text("utf8") == "bot ended"
    assert json.loads(home.agent_facts("d1").read_text("utf8"))["state"] is None


@pytest.mark.parametrize("columns", [44, 160])
async def test_attach_shows_the_agent_on_a_phone_and_on_a_wide_screen(app: App, tmux_socket: str, columns: int) -> None:
    agent = await demo(app)
    # The terminal is a pane of a second server, of the size of a phone or of a wide screen.
    outer = f"{tmux_socket}o"
    maf = [sys.executable, "-m", "bot.cli", "--home", str(app.services.home.root), "agent", "attach", "d1"]
    env = {"MAF_TMUX_SOCKET": tmux_socket, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "screen-256color"}
    words = ["env", "-u", "TMUX", *(f"{name}={value}" for name, value in env.items()), *maf]
    try:
        tmux(outer, "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", "24", "-s", "t", *words)
        await until(lambda: "Type a task" in tmux(outer, "capture-pane", "-p", "-t", "=t:"))
        await until(
            lambda: tmux(tmux_socket, "display-message", "-p", "-t", agent["pane"], "#{pane_width}") == str(columns)
        )
        shown = tmux(outer, "capture-pane", "-p", "-t", "=t:")
        assert max(map(len, shown.splitlines())) <= columns
        await state(app, "d1", "idle")
    finally:
        end_server(outer)

"""Agents beyond start and stop, by the operations that the command line and the chat call; real tmux, demo agents."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.beads.sample import write_sample
from bot.errors import DependencyMissing, MafError, Refused, WrongUsage
from bot.home import Home
from bot.settings import load_settings
from bot.store.tables import DeliveryRow
from bot.tmux.processes import scan
from bot.tmux.servers import runs
from tests.integration.agents_fleet import eventually
from tests.private_tmux import until as wait_until


@pytest.fixture
async def app(tmp_path: Path, tmux_socket: str) -> AsyncIterator[App]:
    """A home whose project is a git repository with the sample's beads; no bot runs."""
    home, project = Home(tmp_path / ".maf"), tmp_path / "shop"
    home.root.mkdir()
    project.mkdir()
    write_sample(project)
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "first")
    home.agent_env.write_text("DEMO_SECONDS=0.2\nFROM_AGENT_ENV=yes\n")
    settings = load_settings(home, tmux_socket=tmux_socket, project_root=project)
    async with App.open(home, settings) as opened:
        yield opened


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], capture_output=True, text=True, timeout=20, check=True
    )
    return done.stdout.strip()


async def demo(app: App, name: str = "d1", **options: Any) -> dict[str, Any]:
    await app.call("agent.create", {"type": "demo", "id": name, **options})
    await state(app, name, "idle")
    return dict(await app.call("agent.show", {"id": name}))


async def state(app: App, name: str, wanted: str) -> None:
    async def ask() -> bool:
        return bool((await app.call("agent.show", {"id": name}))["state"] == wanted)

    await eventually(ask)


async def until(right: Callable[[], bool], within: float = 15.0) -> None:
    async def ask() -> bool:
        return right()

    await eventually(ask, within=within)


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
    await app.services.sessions.kill_window(agent["session"], pane=begun["pane"])
    pid = int((tmp_path / "pid").read_text())
    await until(lambda: pid not in scan() or scan()[pid].state == "Z")


async def test_run_needs_a_session_and_a_command(app: App) -> None:
    await app.call("agent.create", {"type": "demo", "id": "d1", "start": False})
    with pytest.raises(Refused, match="not running"):
        await app.call("agent.run", {"id": "d1", "command": "ls"})
    with pytest.raises(WrongUsage):
        await app.call("agent.run", {"id": "d1", "command": "  "})
    assert not list((app.services.home.run / "runs").iterdir())


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


async def test_a_worktree_is_made_and_goes_only_when_nothing_would_be_lost(app: App) -> None:
    project = app.services.settings.root(app.services.home)
    agent = await demo(app, worktree=True)
    tree = Path(agent["workdir"])
    assert tree == app.services.home.worktree("d1")
    assert git(tree, "branch", "--show-current") == "maf/d1"
    (tree / "work.txt").write_text("not committed")
    gone = await app.call("agent.delete", {"id": "d1"})
    assert "1 changed file is not committed" in gone["worktree"]
    assert (tree / "work.txt").read_text() == "not committed"

    agent = await demo(app, "d2", worktree=True)
    tree = Path(agent["workdir"])
    (tree / "work.txt").write_text("committed")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "work")
    gone = await app.call("agent.delete", {"id": "d2"})
    assert gone["worktree"] == "removed; its commits are on branch maf/d2"
    assert not tree.exists()
    assert git(project, "show", "maf/d2:work.txt") == "committed"

    await demo(app, "d3", worktree=True)
    assert (await app.call("agent.delete", {"id": "d3"}))["worktree"] == "removed"
    assert "maf/d3" not in git(project, "branch")


async def test_a_worktree_outside_of_a_repository_is_refused_and_nothing_is_left(app: App, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no git repository"):
        await app.call("agent.create", {"type": "demo", "worktree": True, "workdir": str(tmp_path)})
    assert await app.call("agent.list", {}) == []
    assert not (app.services.home.root / "worktrees").exists()


async def test_an_agent_that_ends_for_good_lets_go_of_everything(app: App) -> None:
    services = app.services
    await demo(app)
    bead = (await (await services.book.for_workdir(services.settings.root(services.home))).ready())[0]
    assert (await services.claims.claim("d1", bead)).won
    services.home.run.mkdir(exist_ok=True)
    services.home.hooks_spool.write_text('{"agent": "d1"}\n{"agent": "d2"}\n')
    await services.side.write()
    assert services.home.agent_facts("d1").exists()
    sent = await app.call("agent.send", {"id": "d1", "text": "hello", "wait": 5})
    name = sent["delivery"]
    await services.panes.control.run(f"set-buffer -b {name} -- left", "set-buffer -b somebody -- elses")
    async with services.store.begin() as tx:  # one that waits, as with a running bot
        row = await tx.get_one(DeliveryRow, name)
        copied = {column.key: getattr(row, column.key) for column in DeliveryRow.__table__.columns}
        tx.add(DeliveryRow(**{**copied, "id": "dwaiting1", "status": "queued"}))

    gone = await app.call("agent.delete", {"id": "d1"})

    assert gone["claims"] == [bead.id]
    assert gone["problems"] == []
    assert await services.claims.all_open() == []
    assert services.home.hooks_spool.read_text() == '{"agent": "d2"}\n'
    assert not services.home.agent_facts("d1").exists()
    assert await services.panes.buffers() == ["somebody"]
    assert (await services.deliveries.get("dwaiting1")).status == "refused"
    assert [session.name for session in await services.sessions.all()] == []


async def test_cleanup_removes_only_what_is_ours_and_unwanted(app: App, tmux_socket: str, tmp_path: Path) -> None:
    services = app.services
    await demo(app, "d1")
    await demo(app, "d2")
    # The row of d2 is lost (a restored backup), and somebody else has a session that looks like ours.
    await services.registry.delete("d2")
    tmux(tmux_socket, "new-session", "-d", "-s", "maf-d9", "sleep", "300")
    tmux(tmux_socket, "new-session", "-d", "-s", "maf-other", "-e", f"MAF_HOME={tmp_path}/other", "sleep", "300")
    tmux(tmux_socket, "set-option", "-t", "=maf-other:", "@maf_main", "%99")
    (services.home.run / "runs" / "old").mkdir(parents=True)
    found = (await app.call("cleanup", {"dry_run": True}))["removed"]
    assert {(one["what"], one["id"].rpartition("/")[2]) for one in found} == {("session", "maf-d2"), ("file", "old")}
    assert {one["outcome"] for one in found} == {"would be removed"}
    assert await services.sessions.exists("maf-d2")
    done = (await app.call("cleanup", {}))["removed"]
    assert {one["outcome"] for one in done} == {"removed"}
    assert sorted(s.name for s in await services.sessions.all()) == ["maf-d1", "maf-d9", "maf-other"]
    assert (await app.call("cleanup", {}))["removed"] == []


def tmux(socket: str, *words: str) -> str:
    return subprocess.run(
        ["tmux", "-S", socket, *words], capture_output=True, text=True, timeout=10, check=True
    ).stdout.strip()


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
        subprocess.run(["tmux", "-S", own, "kill-server"], capture_output=True, timeout=10, check=False)


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


async def test_a_cli_that_is_not_logged_in_says_how(app: App, tmp_path: Path) -> None:
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "codex").write_text("#!/bin/sh\nsleep 300\n")
    (fake / "codex").chmod(0o700)
    app.services.home.agent_env.write_text(f"PATH={fake}:{os.environ['PATH']}\nHOME={tmp_path}\n")
    with pytest.raises(DependencyMissing, match="codex is not logged in") as caught:
        await app.call("agent.create", {"type": "codex-worker"})
    assert "codex login" in caught.value.hint
    assert await app.call("agent.list", {}) == []
    assert [session.name for session in await app.services.sessions.all()] == []


async def test_no_start_without_room(tmp_path: Path, tmux_socket: str) -> None:
    home = Home(tmp_path / ".maf")
    home.root.mkdir()
    settings = load_settings(home, tmux_socket=tmux_socket, project_root=tmp_path, min_free_memory=10**9)
    async with App.open(home, settings) as app:
        with pytest.raises(Refused, match="MB must stay free") as caught:
            await app.call("agent.create", {"type": "demo"})
        assert "MAF_MIN_FREE_MEMORY" in caught.value.hint
        assert await app.call("agent.list", {}) == []


async def test_a_cli_left_over_makes_way_before_a_start(app: App, tmp_path: Path) -> None:
    await app.call("agent.create", {"type": "demo", "id": "d1", "start": False})
    body = "open('/proc/self/comm','w').write('maf-demo'); import time; time.sleep(300)"

    def left(agent: str, home: Path) -> subprocess.Popen[bytes]:
        """As one that lost its pane and did not hear of it."""
        env = {"MAF_AGENT": agent, "MAF_HOME": str(home), "PATH": os.environ["PATH"]}
        return subprocess.Popen([sys.executable, "-c", body], env=env, start_new_session=True)

    home = app.services.home.root
    ours, other_agent, other_home = left("d1", home), left("d2", home), left("d1", tmp_path / "elsewhere")
    try:
        for one in (ours, other_agent, other_home):
            await until(lambda one=one: scan()[one.pid].comm == "maf-demo")
        await app.call("agent.start", {"id": "d1"})
        await state(app, "d1", "idle")
        assert ours.wait(5) == -signal.SIGTERM
        assert (other_agent.poll(), other_home.poll()) == (None, None)
        done = (await app.call("cleanup", {}))["removed"]
        assert [(one["what"], one["id"]) for one in done] == [("process", str(other_agent.pid))]
        assert (other_agent.wait(5), other_home.poll()) == (-signal.SIGTERM, None)
    finally:
        for one in (ours, other_agent, other_home):
            one.kill()
            one.wait(5)


async def test_a_session_that_was_made_but_not_written_down_is_found_again(app: App) -> None:
    agent = await demo(app)
    await app.services.registry.update("d1", pane=None)
    with pytest.raises(Refused, match="running already"):
        await app.call("agent.start", {"id": "d1"})
    assert (await app.call("agent.show", {"id": "d1"}))["pane"] == agent["pane"]


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
    await shows("tests", "1: make test")
    await app.services.panes.paste(panes["tests"].pane, "1", buffer="late")
    await app.services.panes.paste(panes["tests"].pane, "1\n1\n", buffer="later")
    await shows("tests", "1: make test")
    await asyncio.sleep(0.5)  # nothing is to happen
    assert not (project / "ran").exists(), "a paste must not run a command"
    await app.services.panes.keys(panes["tests"].pane, "1")
    await shows("tests", "make test: passed")
    assert (project / "ran").read_text() == "it ran\n"


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
        await until(lambda: "Type a task" in tmux(outer, "capture-pane", "-p", "-t", "=t:"), within=30)
        await until(
            lambda: tmux(tmux_socket, "display-message", "-p", "-t", agent["pane"], "#{pane_width}") == str(columns)
        )
        shown = tmux(outer, "capture-pane", "-p", "-t", "=t:")
        assert max(map(len, shown.splitlines())) <= columns
        await state(app, "d1", "idle")
    finally:
        subprocess.run(["tmux", "-S", outer, "kill-server"], capture_output=True, timeout=10, check=False)

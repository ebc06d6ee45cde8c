"""Worktrees, the end of an agent for good, what is left over, and starts that are refused."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from bot.agents.caller import Caller
from bot.agents.life.worktree import GitFailed
from bot.agents.model import Agent
from bot.agents.state.watch import Change
from bot.app import App
from bot.beads import NoBeads
from bot.clis.model import State
from bot.errors import DependencyMissing, Refused
from bot.fleet.self_action import RESTART
from bot.home import Home
from bot.settings import load_settings
from bot.store.tables import DeliveryRow, LimitStopRow, OutboxRow
from bot.tmux.processes import scan
from tests.integration.app_home import demo, git, open_app, state, tmux, until
from tests.integration.full_disk import full
from tests.patience import PATIENCE_S
from tests.private_tmux import ended


@pytest.fixture
async def app(tmp_path: Path, tmux_socket: str) -> AsyncIterator[App]:
    async with open_app(tmp_path, tmux_socket) as opened:
        yield opened


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


async def test_a_worktree_that_stands_there_already_is_none_of_ours_to_remove(app: App) -> None:
    project, tree = app.services.settings.root(app.services.home), app.services.home.worktree("d1")
    git(project, "worktree", "add", "-q", "-b", "theirs", str(tree), "HEAD")
    with pytest.raises(Refused, match="is there already, from an earlier agent"):
        await app.call("agent.create", {"type": "demo", "id": "d1", "worktree": True})
    assert git(tree, "branch", "--show-current") == "theirs"
    assert await app.call("agent.list", {}) == []


HOOKS = {
    "fails": "echo 'lint-staged: not found' >&2\nexit 7",
    "fails silently": "exit 1",
    "leaves things": "echo made >made.txt\necho changed >>README.md\nexit 1",
    "hangs": "echo made >made.txt\nsleep 300",
}


@pytest.mark.parametrize("hook", HOOKS)
async def test_a_hook_that_fails_or_hangs_leaves_neither_worktree_nor_branch(
    app: App, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    project = app.services.settings.root(app.services.home)
    file = project / ".git" / "hooks" / "post-checkout"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\necho $$ >>{project}/.git/hook-pids\n{HOOKS[hook]}\n")
    file.chmod(0o755)
    if hook == "hangs":
        monkeypatch.setattr("bot.agents.life.worktree.TIMEOUT_S", 3.0)
    with pytest.raises(GitFailed) as failed:
        await app.call("agent.create", {"type": "demo", "id": "d1", "worktree": True})
    words = {"fails": "lint-staged: not found", "hangs": "did not end within", "fails silently": "post-checkout hook"}
    assert words.get(hook, "git worktree add") in failed.value.message
    assert not app.services.home.worktree("d1").exists()
    assert len(git(project, "worktree", "list").splitlines()) == 1
    assert "maf/" not in git(project, "branch")
    assert await app.call("agent.list", {}) == []
    pids = (project / ".git" / "hook-pids").read_text().split()
    await until(lambda: all(ended(int(pid)) for pid in pids))
    file.unlink()
    await demo(app, worktree=True)  # and nothing is in the way of the next try


async def test_branches_that_are_named_like_ours(app: App) -> None:
    project = app.services.settings.root(app.services.home)
    git(project, "branch", "maf/d1/theirs")
    await demo(app, worktree=True)
    assert git(app.services.home.worktree("d1"), "branch", "--show-current") == "maf/d1-2"
    await app.call("agent.delete", {"id": "d1"})
    git(project, "branch", "-D", "maf/d1/theirs")
    git(project, "branch", "maf")
    with pytest.raises(Refused, match="A branch of this repository is named maf") as refused:
        await app.call("agent.create", {"type": "demo", "id": "d1", "worktree": True})
    assert "git branch -m maf" in refused.value.hint
    assert git(project, "branch", "--list", "maf*").split() == ["maf"]
    assert await app.call("agent.list", {}) == []


async def test_a_git_that_hangs_is_named_and_the_rest_is_let_go(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    services = app.services
    await demo(app, worktree=True)
    await services.side.write()
    monkeypatch.setattr("bot.agents.life.worktree.TIMEOUT_S", 0.0)
    gone = await app.call("agent.delete", {"id": "d1"})
    assert gone["problems"] == ["its worktree: git branch did not end within 0 s."]
    assert not services.home.agent_facts("d1").exists()


async def test_a_session_whose_pane_cannot_be_written_down_goes_again(app: App) -> None:
    with full(app.services.store, "pane=") as refused, pytest.raises(OperationalError, match="disk is full"):
        await app.call("agent.create", {"type": "demo", "id": "d1"})
    assert refused
    assert await app.call("agent.list", {}) == []
    assert await app.services.sessions.all() == []


async def test_a_worktree_outside_of_a_repository_is_refused_and_nothing_is_left(app: App, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no git repository"):
        await app.call("agent.create", {"type": "demo", "worktree": True, "workdir": str(tmp_path)})
    assert await app.call("agent.list", {}) == []
    assert not (app.services.home.root / "worktrees").exists()


async def test_an_agent_that_ends_for_good_lets_go_of_everything(app: App) -> None:
    services = app.services
    await demo(app)
    bead = (await (await services.book.for_workdir(services.settings.root(services.home))).snapshot()).ready[0]
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
        tx.add(LimitStopRow(agent="d1", stopped_at=datetime.now(UTC)))

    begun = datetime.now(UTC)
    prompt = {"hook_event_name": "UserPromptSubmit", "prompt": "old"}
    (cli,) = (await services.watch.look(["d1"]))["d1"].clis
    await services.hooks.take({"agent": "d1", "payload": prompt}, Caller("d1", "agent:d1", (cli, cli)))
    assert len(services.hooks.prompts("d1", begun)) == 1

    gone = await app.call("agent.delete", {"id": "d1"})

    assert gone["claims"] == [bead.id]
    assert gone["problems"] == []
    assert await services.claims.all_open() == []
    assert services.home.hooks_spool.read_text() == '{"agent": "d2"}\n'
    assert not services.home.agent_facts("d1").exists()
    assert await services.panes.buffers() == ["somebody"]
    assert (await services.deliveries.get("dwaiting1")).status == "refused"
    async with services.store.begin() as tx:
        assert list(await tx.scalars(select(LimitStopRow.outcome))) == ["gone"], "the next d1 is not prompted for it"
    assert [session.name for session in await services.sessions.all()] == []
    assert services.hooks.prompts("d1", begun) == [], "an agent of that name hears nothing of the one before"


async def test_the_statistics_of_an_agent_do_not_count_what_one_before_it_did(app: App) -> None:
    services = app.services
    await demo(app)
    assert (await app.call("agent.send", {"id": "d1", "text": "hello", "wait": 5}))["status"] in (
        "submitted",
        "started",
    )
    bead = (await (await services.book.for_workdir(services.settings.root(services.home))).snapshot()).ready[0]
    assert (await services.claims.claim("d1", bead)).won
    await services.claims.release(bead.id, "d1", "done")
    await services.statistics.save()
    assert {k: v for k, v in (await services.registry.get("d1")).stats.items() if k in ("prompts", "tasks")} == {
        "prompts": 1,
        "tasks": 1,
    }

    await app.call("agent.delete", {"id": "d1"})
    await demo(app)
    await services.statistics.save()

    fresh = (await services.registry.get("d1")).stats
    assert (fresh["prompts"], fresh["tasks"]) == (0, 0)


async def test_an_error_that_an_agent_comes_to_counts_as_one(app: App) -> None:
    await demo(app)
    view = replace(await app.services.watch.fresh("d1"), state=State.ERROR)
    await app.services.guardian.changed(Change("d1", State.WORKING, State.ERROR, view))
    assert (await app.services.registry.get("d1")).errors == 1
    await app.services.guardian.changed(Change("d1", State.ERROR, State.IDLE, replace(view, state=State.IDLE)))
    assert (await app.call("agent.show", {"id": "d1"}))["errors"] == 1


class Killed(BaseException):
    """The process ends here: nothing that would clean up runs."""


async def test_a_deletion_that_was_cut_off_can_be_repeated(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    services = app.services
    await demo(app)
    bead = (await (await services.book.for_workdir(services.settings.root(services.home))).snapshot()).ready[0]
    await services.claims.claim("d1", bead)

    async def die(*_: object, **__: object) -> bool:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(services.claims, "release", die)  # the process ends when it comes to the claims
        with pytest.raises(Killed):
            await app.call("agent.delete", {"id": "d1"})
    assert (await app.call("agent.delete", {"id": "d1"}))["claims"] == [bead.id]
    assert await services.claims.all_open() == []


async def test_a_creation_that_was_killed_leaves_no_worktree_that_nobody_owns(app: App, tmp_path: Path) -> None:
    """The bot is killed as soon as git has made the tree, before it can write that down."""
    home, tools = app.services.home, tmp_path / "tools"
    tools.mkdir()
    script = f'#!/bin/sh\n"{shutil.which("git")}" "$@" || exit\ncase "$*" in *"worktree add"*) kill -9 $PPID;; esac\n'
    (tools / "git").write_text(script)
    (tools / "git").chmod(0o755)
    project = str(app.services.settings.root(home))
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "MAF_PROJECT_ROOT": project}
    words = ["agent", "create", "demo", "--id", "d1", "--worktree", "--no-start", "--home", str(home.root)]
    killed = subprocess.run([sys.executable, "-m", "bot.cli", *words], env=env, timeout=PATIENCE_S, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert home.worktree("d1").is_dir()
    assert (await app.call("agent.delete", {"id": "d1"}))["worktree"] == "removed"
    assert not home.worktree("d1").exists()


async def test_a_bead_that_could_not_be_given_back_when_its_agent_ended_is_given_back_later(app: App) -> None:
    services = app.services
    await demo(app)
    project = services.settings.root(services.home)
    beads = project / ".beads" / "issues.jsonl"
    first, second = (await (await services.book.for_workdir(project)).snapshot()).ready[:2]
    assert (await services.claims.claim("d1", first)).won
    beads.rename(beads.with_name("away"))
    gone = await app.call("agent.delete", {"id": "d1"})
    assert gone["claims"] == [] and gone["problems"][0].startswith(f"{first.id}: ")
    with pytest.raises(NoBeads):
        await services.ending.finish()
    beads.with_name("away").rename(beads)
    await demo(app)  # another one by that name, which holds a bead of its own
    assert (await services.claims.claim("d1", second)).won
    await services.ending.finish()
    assert [claim.bead for claim in await services.claims.all_open()] == [second.id]


async def test_a_bead_to_be_given_back_stays_with_the_next_agent_of_that_name_that_takes_it_up(app: App) -> None:
    services = app.services
    await demo(app)
    project = services.settings.root(services.home)
    beads = project / ".beads" / "issues.jsonl"
    bead = (await (await services.book.for_workdir(project)).snapshot()).ready[0]
    assert (await services.claims.claim("d1", bead)).won
    beads.rename(beads.with_name("away"))
    assert (await app.call("agent.delete", {"id": "d1"}))["problems"]
    beads.with_name("away").rename(beads)
    await demo(app)
    assert (await services.claims.claim("d1", bead, made_for="a draft")).won
    await services.ending.finish()
    assert [(one.bead, one.made_for) for one in await services.claims.all_open()] == [(bead.id, "a draft")]


@pytest.mark.parametrize("when", ["before", "at its start"])
async def test_a_crashed_agent_that_is_deleted_before_it_is_started_again_is_not_missed(app: App, when: str) -> None:
    services = app.services
    await demo(app)
    (look,) = (await services.watch.look(["d1"])).values()
    os.kill(look.clis[0].pid, signal.SIGKILL)
    await state(app, "d1", "dead")

    async def delete(agent: Agent) -> None:
        await services.registry.delete(agent.id)

    if when == "before":
        await delete(look.view.agent)
    else:
        services.life.before_launch = delete
    told = {"agent": "d1", "how": "killed, signal 9", "times": 1, "minutes": 10}
    action = await services.actions.announce(RESTART, "d1", "d1", due_at=datetime.now(UTC), data=told)
    await services.guardian._again(action, 0.0, told)
    assert await app.call("agent.list", {}) == []
    assert (await services.actions.get(action.id)).status == "dropped"
    async with services.store.begin() as tx:
        assert [row.data for row in await tx.scalars(select(OutboxRow).where(OutboxRow.kind == "ended"))] == []


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


async def test_a_cli_that_is_not_logged_in_says_how(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".codex").mkdir()  # a home that was the person's before
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
    async with app.services.store.begin() as tx:
        asked = list(await tx.scalars(select(OutboxRow.kind)))
    assert asked == [], "hooks in that home are no question while nothing can run there"
    assert list((tmp_path / ".codex").iterdir()) == []


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

"""The rules of an agent's life: when it is started again, whether there is room, whether it is logged in, whom a freeze
may stop, what its side windows show.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.life.hold import targets
from bot.agents.life.launch import share_files
from bot.agents.model import Agent, AgentView
from bot.agents.panels.command import PANELS, pane_command
from bot.agents.resources.room import Machine, why_full
from bot.agents.types import BUILT_IN, load_types
from bot.clis.login import how_to_log_in, login_of
from bot.clis.model import State
from bot.errors import Refused, WrongSetting
from bot.fleet.crash import how_it_ended, judge, let_go
from bot.fleet.ending import without
from bot.fleet.side import facts_of, status_line
from bot.home import Home
from bot.packs.model import Pack
from bot.tmux.processes import Process
from bot.tmux.servers import split

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MB = 1024 * 1024


def test_three_starts_in_ten_minutes_with_growing_pauses_and_then_none() -> None:
    crashes: tuple[datetime, ...] = ()
    pauses = []
    for number in range(5):
        verdict = judge(crashes, NOW + timedelta(seconds=30 * number), times=3, within=600)
        crashes = verdict.crashes
        pauses.append(verdict.pause)
    assert pauses == [1.0, 5.0, 20.0, None, None]


def test_old_crashes_do_not_count() -> None:
    old = tuple(NOW - timedelta(seconds=601 + n) for n in range(5))
    assert judge(old, NOW, times=3, within=600) == judge((), NOW, times=3, within=600)


@given(st.lists(st.integers(0, 3000), max_size=40), st.integers(0, 5))
def test_never_more_starts_in_the_window_than_allowed(offsets: list[int], times: int) -> None:
    crashes: tuple[datetime, ...] = ()
    starts: list[datetime] = []
    for offset in sorted(offsets):
        at = NOW + timedelta(seconds=offset)
        verdict = judge(crashes, at, times=times, within=600)
        crashes = verdict.crashes
        if verdict.pause is not None:
            starts.append(at)
    for at in starts:
        assert sum(timedelta() <= at - other < timedelta(seconds=600) for other in starts) <= times


@pytest.mark.parametrize(
    ("title", "how"),
    [("stopped: exit 0", "exit 0"), ("stopped: killed, signal 9", "killed, signal 9"), ("⠋ proj", ""), ("", "")],
)
def test_how_it_ended(title: str, how: str) -> None:
    assert how_it_ended(title) == how


@pytest.mark.parametrize(
    ("how", "cli", "shell"),
    [("exit 0", True, True), ("exit 1", False, True), ("exit 127", False, True), ("killed, signal 9", False, False),
     ("", False, False)],
)  # fmt: skip
def test_who_leaves_a_shell_after_a_command_that_failed_is_not_fought(how: str, cli: bool, shell: bool) -> None:
    assert (let_go(how, shell=False), let_go(how, shell=True)) == (cli, shell)


@pytest.mark.parametrize(
    ("machine", "full"),
    [
        (Machine(8000 * MB, 1.0, 4), False),
        (Machine(299 * MB, 1.0, 4), True),
        (Machine(300 * MB, 1.0, 4), False),
        (Machine(None, 1.0, 4), False),
        (Machine(8000 * MB, 48.1, 4), True),
        (Machine(8000 * MB, 48.0, 4), False),
    ],
)
def test_room(machine: Machine, full: bool) -> None:
    assert bool(why_full(machine, least_free_mb=300, most_load=12)) is full
    assert why_full(machine, least_free_mb=0, most_load=0) == ""


def test_login_of_codex(tmp_path: Path) -> None:
    assert login_of("codex", tmp_path, {}) == "needed"
    assert how_to_log_in("codex", tmp_path) == f"CODEX_HOME={tmp_path} codex login"
    assert login_of("codex", tmp_path, {"OPENAI_API_KEY": "x"}) == "unknown"
    (tmp_path / "config.toml").write_text('model_provider = "mock"\n')
    assert login_of("codex", tmp_path, {}) == "unknown"
    (tmp_path / "auth.json").write_text("{}")
    assert login_of("codex", tmp_path, {}) == "ok"
    assert login_of("demo", None, {}) == "ok"


def test_login_of_claude(tmp_path: Path) -> None:
    def login(env: dict[str, str] | None = None, platform: str = "linux") -> str:
        return login_of("claude", tmp_path, env or {}, platform=platform)

    assert login() == "needed"
    assert login(platform="darwin") == "unknown"
    assert login({"CLAUDE_CODE_OAUTH_TOKEN": "x"}) == "unknown"
    (tmp_path / "settings.json").write_text(json.dumps({"env": {"ANTHROPIC_API_KEY": "x"}}))
    assert login() == "unknown"
    (tmp_path / "settings.json").write_text("{ not json")
    assert login() == "needed"
    (tmp_path / ".claude.json").write_text(json.dumps({"primaryApiKey": "x"}))
    assert login() == "unknown"
    (tmp_path / ".credentials.json").write_text("{}")
    assert login() == "ok"


def test_the_default_home_is_below_the_agents_own_home_folder(tmp_path: Path) -> None:
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex" / "auth.json").write_text("{}")
    assert login_of("codex", None, {"HOME": str(tmp_path)}) == "ok"
    assert login_of("claude", None, {"HOME": str(tmp_path)}, platform="linux") == "needed"


def process(pid: int, ppid: int, comm: str, *, pgrp: int, session: int = 10, state: str = "S") -> Process:
    return Process(pid, ppid, pgrp, session, 20, state, comm, 0.0, 0, 0.0, 0.0)


def test_a_freeze_stops_the_cli_and_what_it_started_but_never_the_panes_own_process() -> None:
    keeper = process(10, 1, "python", pgrp=10)
    node, codex = process(20, 10, "node", pgrp=20), process(21, 20, "codex", pgrp=20)
    tool, other = process(22, 21, "npm", pgrp=22), process(30, 1, "codex", pgrp=30, session=30)
    table = {p.pid: p for p in (keeper, node, codex, tool, other)}
    found = {p.pid for p in targets(table, 10, [codex], False, "w1")}
    assert found == {20, 21, 22}


def test_a_freeze_refuses_panes_that_would_not_bear_it() -> None:
    cli = process(10, 1, "codex", pgrp=10)
    with pytest.raises(Refused, match="tmux would continue it"):
        targets({10: cli}, 10, [cli], False, "w1")
    shell, child = process(10, 1, "bash", pgrp=10), process(20, 10, "claude", pgrp=20)
    with pytest.raises(Refused, match="your own shell"):
        targets({10: shell, 20: child}, 10, [child], True, "w1")


def agent(name: str = "w1", **changes: object) -> Agent:
    made = Agent(id=name, type="codex-worker", kind="codex", role="implementor", session=f"maf-{name}",
                 workdir=Path("/work/shop"), created_at=NOW, pane="%1")  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_whose_files_lie_together() -> None:
    assert share_files(agent(), agent("w2"))
    assert not share_files(agent(), agent("w2", profile="team-b"))
    assert not share_files(agent(), agent("w2", workdir=Path("/work/other")))
    assert not share_files(agent(), agent("w2", kind="claude"))
    assert not share_files(agent(), agent())


def view(name: str, state: State, minutes: int) -> AgentView:
    return AgentView(agent(name), state, NOW - timedelta(minutes=minutes), NOW)


def test_the_status_line_names_who_needs_a_person_the_longest_waiting_first() -> None:
    views = [view("w1", State.IDLE, 90), view("w2", State.WAITING, 1), view("w3", State.DEAD, 5)]
    assert status_line(views) == ("✋ 2 · w3 w2", "maf-w3")
    assert status_line([view("w1", State.WORKING, 3)]) == ("", "")
    many = [view(f"w{n}", State.WAITING, n) for n in range(1, 6)]
    assert status_line(many)[0] == "✋ 5 · w5 w4 w3 +2"


def test_the_panels_get_the_packs_commands_of_that_agent() -> None:
    pack = Pack.model_validate(
        {"id": "p", "title": "P", "roles": {"implementor": {"test_commands": ["npm test"]}},
         "agents": {"w2": {"test_commands": ["pytest -q"]}}}
    )  # fmt: skip
    assert facts_of(view("w1", State.IDLE, 0), "shop-41", pack)["tests"] == ["npm test"]
    assert facts_of(view("w2", State.IDLE, 0), None, pack)["tests"] == ["pytest -q"]
    assert facts_of(view("w1", State.IDLE, 0), "shop-41", None) == {"state": "idle", "bead": "shop-41"}


def test_the_built_in_types_have_the_windows_that_they_promise() -> None:
    windows = {one.name: [window.name for window in one.windows] for one in BUILT_IN}
    assert windows["claude-worker"] == windows["codex-worker"] == ["monitoring", "git", "tests"]
    assert windows["codex-reviewer"] == ["review", "lint"]
    assert windows["claude-committer"] == ["staging", "history"]
    assert {one.restart.times for one in BUILT_IN} == {3}
    assert {one.restart.within for one in BUILT_IN} == {600}


def test_no_side_window_runs_a_bare_shell() -> None:
    for spec in (*(f"@{name}" for name in PANELS), "npm run dev", "bash"):
        argv = pane_command(spec, "side")
        assert "keeper.py" in argv[3]
        assert argv[argv.index("--") + 1 :]


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ([{"name": "x", "panes": ["@nothing"]}], "@nothing is no panel; there are: @monitor @git"),
        ([{"name": "agent", "panes": ["ls"]}], "agent and run are windows that every agent has"),
        ([{"name": "x", "panes": ["ls"]}, {"name": "x", "panes": ["ls"]}], "two windows have the same name"),
        ([{"name": "x", "panes": []}], "windows.0.panes"),
    ],
)
def test_a_type_with_a_mistake_names_it(tmp_path: Path, windows: object, message: str) -> None:
    home = Home(tmp_path)
    home.config.mkdir()
    home.agent_types.write_text(json.dumps({"own": {"kind": "claude", "role": "none", "windows": windows}}))
    with pytest.raises(WrongSetting, match=r"agent-types\.json: own") as caught:
        load_types(home)
    assert message in caught.value.message


@pytest.mark.parametrize(("pane", "parts"), [("%5", ("", "%5")), ("default:%5", ("default", "%5")),
                                             ("/tmp/a:b/s:%12", ("/tmp/a:b/s", "%12"))])  # fmt: skip
def test_the_server_of_a_pane(pane: str, parts: tuple[str, str]) -> None:
    assert split(pane) == parts


def test_the_events_of_one_agent_leave_the_spool(tmp_path: Path) -> None:
    spool = tmp_path / "hooks.spool"
    spool.write_text('{"agent": "w1", "at": 1}\nnot json\n{"agent": "w2"}\n{"agent": "w1"}\n')
    without(spool, "w1")
    assert spool.read_text() == 'not json\n{"agent": "w2"}\n'
    without(spool, "w2")
    assert spool.read_text() == "not json\n"
    without(tmp_path / "none", "w1")
    assert [path.name for path in tmp_path.iterdir()] == ["hooks.spool"]

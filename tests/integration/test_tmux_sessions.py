"""Sessions on a real tmux: exact commands, exact environments, and only our own are ever ended."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import Refused, WrongUsage
from bot.tmux.control import ControlClient
from bot.tmux.panes import Panes
from bot.tmux.script import LAYOUTS
from bot.tmux.server import TmuxGone
from bot.tmux.sessions import Sessions, TmuxFailed, Window
from tests.integration.app_home import tmux
from tests.patience import PATIENCE_S
from tests.tmux_wait import until

DUMP = (
    "import json,os,sys,time\n"
    "open(sys.argv[1],'w').write(json.dumps([os.getcwd(),dict(os.environ),sys.argv[2:]]));time.sleep(99)"
)


async def dumped(path: Path) -> tuple[str, dict[str, str], list[str]]:
    async def ready() -> bool:
        return path.exists() and path.read_text().endswith("]")

    await until(ready, f"{path.name}")
    cwd, env, argv = json.loads(path.read_text())
    return cwd, env, argv


async def test_command_folder_and_environment_are_exact(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAF_BOT_TOKEN", "1234567:secret")
    monkeypatch.setenv("SOME_API_KEY", "secret")
    workdir = tmp_path / "a #(touch hacked) #{pane_id} 'b\" $HOME; é"
    workdir.mkdir()
    nasty = ["a;", ";", "$HOME", "`id`", "q\"'", "#(id)", "~", "", "new\nline", "back\\slash"]
    env = {"MAF_AGENT": "w1", "KEY": 'v;"$x\\ #(id)\n2', "EMPTY": ""}
    out = tmp_path / "out"
    argv = [sys.executable, "-c", DUMP, str(out), *nasty]
    side = Window("git", (sys.executable, "-c", DUMP, str(tmp_path / "side")), panes=(("cat",), ("cat",)))
    pane = await sessions.create("maf-w1", cwd=workdir, env=env, argv=argv, windows=[side])
    cwd, seen, words = await dumped(out)
    assert (cwd, words) == (str(workdir), nasty)
    assert {k: seen.get(k) for k in env} == env
    assert "secret" not in json.dumps(seen)
    assert (await dumped(tmp_path / "side"))[1]["KEY"] == env["KEY"]
    assert not list(tmp_path.rglob("hacked"))
    found = await sessions.find("maf-w1")
    assert found is not None
    assert (found.main, found.windows) == (pane, 2)


async def test_a_server_of_the_person_keeps_our_settings_from_agents(
    tmux_socket: str, sessions: Sessions, tmp_path: Path
) -> None:
    env = {**os.environ, "MAF_BOT_TOKEN": "1234567:secret", "MAF_HOME": "/elsewhere"}
    theirs = ["tmux", "-S", tmux_socket, "new-session", "-d", "-s", "mine", "cat"]
    subprocess.run(theirs, env=env, check=True, timeout=PATIENCE_S)
    out = tmp_path / "out"
    await sessions.create("maf-w1", cwd=tmp_path, env={"MAF_HOME": "/h"}, argv=[sys.executable, "-c", DUMP, str(out)])
    _, seen, _ = await dumped(out)
    assert {k: v for k, v in seen.items() if k.startswith("MAF_")} == {"MAF_HOME": "/h"}


async def test_only_our_own_session_is_ended(
    control: ControlClient, panes: Panes, sessions: Sessions, tmp_path: Path
) -> None:
    await control.run("new-session -d -s maf-w2 cat")  # somebody else's, with a name like ours
    theirs = next(f.pane for f in (await panes.facts()).values() if f.session == "maf-w2")
    ours = await sessions.create("maf-w1", cwd=tmp_path, env={}, argv=["cat"])
    with pytest.raises(Refused, match="left alone"):
        await sessions.kill("maf-w2", pane=theirs)
    with pytest.raises(Refused, match="left alone"):
        await sessions.kill("maf-w1", pane=theirs)
    with pytest.raises(Refused):
        await sessions.respawn(theirs, ["cat"], {})
    with pytest.raises(Refused, match="already a tmux session named maf-w2"):
        await sessions.create("maf-w2", cwd=tmp_path, env={}, argv=["cat"])
    assert await sessions.kill("maf-w1", pane=ours)
    assert not await sessions.kill("maf-w1", pane=ours)
    assert [s.name for s in await sessions.all()] == ["maf-w2"]
    assert not await sessions.exists("maf-w")


async def test_what_cannot_be_made_leaves_nothing(sessions: Sessions, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is not there"):
        await sessions.create("maf-w1", cwd=tmp_path / "none", env={}, argv=["cat"])
    with pytest.raises(WrongUsage):
        await sessions.create("maf.w1", cwd=tmp_path, env={}, argv=["cat"])
    with pytest.raises(ValueError, match="variable"):
        await sessions.create("maf-w1", cwd=tmp_path, env={"A B": "1"}, argv=["cat"])
    twice = Window("git", ("cat",), panes=(("cat",),) * 60)  # more panes than fit into a window
    with pytest.raises(TmuxFailed, match="no space for new pane"):
        await sessions.create("maf-w1", cwd=tmp_path, env={}, argv=["cat"], windows=[twice])
    assert await sessions.all() == []


async def test_side_windows_come_and_go(sessions: Sessions, panes: Panes, tmp_path: Path) -> None:
    main = await sessions.create("maf-w1", cwd=tmp_path, env={}, argv=["cat"])
    side = await sessions.add_window("maf-w1", Window("tests", ("cat",)), cwd=tmp_path)
    facts = await panes.facts()
    assert (facts[side].window, facts[main].window) == ("tests", "agent")
    await panes.keys(side, "C-d")

    async def gone() -> bool:
        return list(await panes.facts()) == [main]

    await until(gone, "the side window to go with its program")
    assert [session.main for session in await sessions.all()] == [main]


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
async def test_the_panes_of_a_window_stand_in_the_order_of_the_type(
    sessions: Sessions, panes: Panes, tmp_path: Path, layout: str
) -> None:
    words = ["first", "second", "third", "fourth"]
    first, *rest = [("sh", "-c", f"echo {word}; exec cat") for word in words]
    await sessions.create(
        "maf-w1", cwd=tmp_path, env={}, argv=["cat"], windows=[Window("side", first, tuple(rest), layout=layout)]
    )
    listed = tmux(sessions.socket, "list-panes", "-t", "maf-w1:side", "-F", "#{pane_id}").split()

    async def in_order() -> bool:
        screens = await panes.capture(listed)
        return [screens[pane].plain.strip() for pane in listed] == words

    await until(in_order, "each pane to stand in its place")
    assert len(listed) == len(words)


async def test_a_server_that_hangs_takes_no_thread_with_it(
    sessions: Sessions, control: ControlClient, tmux_socket: str
) -> None:
    hung = Sessions(tmux_socket, timeout=0.5)
    assert await hung.all() == []
    os.kill(control.server_pid, signal.SIGSTOP)
    try:
        answers = await asyncio.gather(*(hung.all() for _ in range(40)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {TmuxGone}
        async with asyncio.timeout(PATIENCE_S):  # would wait for a thread for ever
            await asyncio.to_thread(os.getpid)
        with pytest.raises(TmuxGone, match=r"did not answer for 0\.5 s") as caught:
            await hung.all()
        assert "kill -CONT" in caught.value.hint
    finally:
        os.kill(control.server_pid, signal.SIGCONT)
    assert await hung.all() == []


@pytest.mark.parametrize(
    "name",
    ["a #[fg=red] b", "##[x", "###[", "x#", "#", "##", "a##b#{pane_id}", "#[#[#(touch hacked)", "#,#}", "%H [*]"],
)
async def test_a_folder_of_any_name_is_the_one_it_starts_in(sessions: Sessions, tmp_path: Path, name: str) -> None:
    workdir = tmp_path / name
    workdir.mkdir()
    out = [tmp_path / f"out{number}" for number in range(4)]
    argv = [[sys.executable, "-c", DUMP, str(one)] for one in out]
    side = Window("git", tuple(argv[1]), panes=(tuple(argv[2]),))
    pane = await sessions.create("maf-w1", cwd=workdir, env={}, argv=argv[0], windows=[side])
    assert [(await dumped(one))[0] for one in out[:3]] == [str(workdir)] * 3
    await sessions.respawn(pane, argv[3], {}, cwd=workdir)
    assert (await dumped(out[3]))[0] == str(workdir)
    assert not list(tmp_path.rglob("hacked"))


async def test_nothing_is_started_in_a_folder_that_has_gone(sessions: Sessions, tmp_path: Path) -> None:
    workdir = tmp_path / "gone"
    workdir.mkdir()
    pane = await sessions.create("maf-w1", cwd=workdir, env={}, argv=["cat"])
    workdir.rmdir()
    with pytest.raises(Refused, match="is not there"):
        await sessions.respawn(pane, ["cat"], {}, cwd=workdir)


async def test_a_file_of_ours_may_lie_in_a_folder_of_any_name(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "[x]*").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "[x]*"))  # TMPDIR, as Python has read it at its start
    assert await sessions.create("maf-w1", cwd=tmp_path, env={}, argv=["cat"])


async def test_a_server_that_ends_sessions_which_nobody_looks_at_keeps_ours(tmp_path: Path, tmux_socket: str) -> None:
    config = tmp_path / "theirs.conf"
    config.write_text("set -g destroy-unattached on\n")
    asked = ["tmux", "-S", tmux_socket]
    sessions = Sessions(tmux_socket, config=config)
    pane = await sessions.create("maf-w1", cwd=tmp_path, env={}, argv=["cat"])
    # Somebody looks at it and leaves.
    looking = subprocess.Popen([*asked, "-C", "attach-session", "-t", "=maf-w1"], stdin=subprocess.PIPE, stdout=-3)
    assert looking.stdin is not None

    async def looked_at() -> bool:
        found = await sessions.find("maf-w1")
        return found is not None and found.attached == 1

    await until(looked_at, "somebody who looks at it")
    looking.stdin.close()
    looking.wait(timeout=PATIENCE_S)
    await sessions.respawn(pane, ["cat"], {}, cwd=tmp_path)
    found = await sessions.find("maf-w1")
    assert found is not None
    assert found.main == pane
    shown = subprocess.run(
        [*asked, "show-options", "-gv", "destroy-unattached"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "on", "theirs is left as it was"

"""The keeper in a real pane: who is in front, what is left after the CLI, and that late input does nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from bot.tmux.keeper import keeper_command
from bot.tmux.panes import Panes
from bot.tmux.processes import Process, descendants, foreground, scan
from bot.tmux.sessions import Sessions
from tests.tmux_wait import shows, text_of, until

# A full-screen program: raw mode, alternate screen, mouse, bracketed paste; "q" ends it, and each start is counted.
TUI = (
    "import os,sys,tty;open(sys.argv[1],'a').write('start\\n');tty.setraw(0)\n"
    "os.write(1,b'\\x1b[?1049h\\x1b[?1003h\\x1b[?2004h\\x1b[?25l\\x1b]2;busy\\x07TUI up')\n"
    "while os.read(0,4096)!=b'q': pass\n"
    "sys.exit(3)"
)


def program(log: Path) -> list[str]:
    return list(keeper_command([sys.executable, "-c", TUI, str(log)]))


async def start(sessions: Sessions, panes: Panes, tmp_path: Path) -> tuple[str, Path]:
    log = tmp_path / "starts"
    pane = await sessions.create("maf-w1", cwd=tmp_path, env={"MAF_AGENT": "w1"}, argv=program(log))
    await shows(panes, pane, "TUI up")
    return pane, log


async def in_front(panes: Panes, pane: str) -> list[Process]:
    return foreground(scan(), (await panes.facts())[pane].pid)


async def test_the_cli_is_in_front_and_then_the_keeper(sessions: Sessions, panes: Panes, tmp_path: Path) -> None:
    pane, _ = await start(sessions, panes, tmp_path)
    keeper = (await panes.facts())[pane].pid
    (cli,) = await in_front(panes, pane)
    assert (cli.ppid, cli.session, cli.pgrp) == (keeper, keeper, cli.pid)
    assert [p.pid for p in descendants(scan(), keeper)] == [keeper, cli.pid]
    assert await panes.keys(pane, "q")
    await shows(panes, pane, "w1 stopped (exit 3). Restart: maf agent start w1, or press r here.")
    assert [p.pid for p in await in_front(panes, pane)] == [keeper]
    assert (await panes.facts())[pane].title == "stopped: exit 3"


async def test_after_kill_9_the_terminal_is_mended(sessions: Sessions, panes: Panes, tmp_path: Path) -> None:
    pane, _ = await start(sessions, panes, tmp_path)
    (cli,) = await in_front(panes, pane)
    assert (await panes.facts())[pane].alternate
    os.kill(cli.pid, signal.SIGKILL)
    await shows(panes, pane, "w1 stopped (killed, signal 9)")
    assert not (await panes.facts())[pane].alternate
    (flags,) = await panes.control.run(f'display-message -p -t {pane} "#{{mouse_any_flag}} #{{cursor_flag}}"')
    assert flags.text == "0 1"


async def test_the_frame_below_the_cursor_gives_way_to_the_message(
    sessions: Sessions, panes: Panes, tmp_path: Path
) -> None:
    drawn = "printf 'last words\\n> \\n%s\\nhelp\\033[2A\\r' ----------; kill -9 $$"
    argv = keeper_command(["sh", "-c", drawn])
    pane = await sessions.create("maf-w1", cwd=tmp_path, env={"MAF_AGENT": "w1"}, argv=argv)
    await shows(panes, pane, "stopped")
    screen = (await panes.capture([pane]))[pane].plain.split()
    assert " ".join(screen) == (
        "last words > w1 stopped (killed, signal 9). Restart: maf agent start w1, or press r here."
    )


async def test_only_the_restart_key_alone_restarts(sessions: Sessions, panes: Panes, tmp_path: Path) -> None:
    pane, log = await start(sessions, panes, tmp_path)
    await panes.keys(pane, "q")
    await shows(panes, pane, "stopped")
    keeper = (await panes.facts())[pane].pid

    async def nothing_happens() -> None:  # which can only be watched for a while; it is also the silence between tries
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            assert [p.pid for p in await in_front(panes, pane)] == [keeper]
            await asyncio.sleep(0.02)

    for text in ("rm -rf important", "r", "r\nr\n"):
        await nothing_happens()
        assert (await panes.paste(pane, text, buffer="late")).ok
    for keys in (("r", "Enter"), ("r", "u", "n"), ("C-c",), ("C-z",), ("C-d",), ("C-\\",)):
        await nothing_happens()
        await panes.keys(pane, *keys)
    await nothing_happens()
    screen = await text_of(panes, pane)
    assert log.read_text() == "start\n"
    assert "important" not in screen
    pressed = 0.0

    async def restarted() -> bool:  # the key counts only with silence around it: press at most once a second
        nonlocal pressed
        if time.monotonic() - pressed > 1.0:
            pressed = time.monotonic()
            await panes.keys(pane, "r")
        return log.read_text() == "start\n" * 2

    await until(restarted, "the second start")
    await shows(panes, pane, "TUI up")


async def test_ctrl_z_does_not_suspend_and_sigstop_does(sessions: Sessions, panes: Panes, tmp_path: Path) -> None:
    pane, _ = await start(sessions, panes, tmp_path)
    (cli,) = await in_front(panes, pane)
    os.kill(cli.pid, signal.SIGTSTP)

    async def runs() -> bool:
        return scan()[cli.pid].runs

    await until(runs, "the CLI to be continued")
    os.kill(cli.pid, signal.SIGSTOP)

    async def frozen() -> bool:
        return not scan()[cli.pid].runs

    await until(frozen, "the CLI to be frozen")
    os.kill(cli.pid, signal.SIGCONT)
    await until(runs, "the CLI to be thawed")
    assert [p.pid for p in await in_front(panes, pane)] == [cli.pid]


async def test_ending_the_session_ends_the_cli(sessions: Sessions, panes: Panes, tmp_path: Path) -> None:
    pane, _ = await start(sessions, panes, tmp_path)
    keeper = (await panes.facts())[pane].pid
    tree = {p.pid for p in descendants(scan(), keeper)}
    assert len(tree) == 2
    assert await sessions.kill("maf-w1", pane=pane)

    async def gone() -> bool:
        return not tree & set(scan())

    await until(gone, "the end of keeper and CLI")


async def test_a_helper_that_outlives_the_cli_is_ended(sessions: Sessions, panes: Panes, tmp_path: Path) -> None:
    # Like the npm launcher of Codex: node dies, the real CLI lives on in the same group and would eat the keys.
    child = "import signal,time;signal.signal(signal.SIGHUP,signal.SIG_IGN);print('helper',flush=True);time.sleep(99)"
    parent = f"import subprocess,sys,time;subprocess.Popen([sys.executable,'-c',{child!r}]);time.sleep(99)"
    argv = keeper_command([sys.executable, "-c", parent])
    pane = await sessions.create("maf-w2", cwd=tmp_path, env={}, argv=argv)
    await shows(panes, pane, "helper")
    keeper = (await panes.facts())[pane].pid
    front = await in_front(panes, pane)
    assert len(front) == 2
    os.kill(next(p.pid for p in front if p.ppid == keeper), signal.SIGKILL)
    await shows(panes, pane, "stopped (killed, signal 9)")
    # A dead helper may stay a zombie until init collects it.
    assert [p for p in scan().values() if p.pid in {q.pid for q in front} and p.runs] == []


async def test_a_missing_cli_says_so(sessions: Sessions, panes: Panes, tmp_path: Path) -> None:
    pane = await sessions.create("maf-w3", cwd=tmp_path, env={"MAF_AGENT": "w3"}, argv=keeper_command(["no-such-cli"]))
    screen = await shows(panes, pane, "w3 stopped (exit 127)")
    assert "Cannot start no-such-cli: No such file or directory" in screen


async def test_respawn_starts_another_command_in_the_same_pane(
    sessions: Sessions, panes: Panes, tmp_path: Path
) -> None:
    pane, log = await start(sessions, panes, tmp_path)
    (cli,) = await in_front(panes, pane)
    show = (
        "import os,time\n"
        "print(sorted(k for k in os.environ if k in ('A','MAF_AGENT')), os.getcwd(), flush=True);time.sleep(99)"
    )
    await sessions.respawn(pane, keeper_command([sys.executable, "-c", show]), {"A": "1"})
    screen = await shows(panes, pane, "['A']")
    assert str(tmp_path) in screen.replace("\n", "")
    assert not (await panes.facts())[pane].alternate

    async def gone() -> bool:
        return cli.pid not in scan()

    await until(gone, "the end of the first CLI")
    assert log.read_text() == "start\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process take in what others leave behind")
async def test_what_leaves_its_parent_stays_below_the_keeper_and_is_buried(
    sessions: Sessions, panes: Panes, tmp_path: Path
) -> None:
    left = "(setsid sleep 300 & echo $! >> left) & (setsid sleep 301 & echo $! >> left) & wait; echo up; read line"
    pane = await sessions.create("maf-w1", cwd=tmp_path, env={}, argv=keeper_command(["sh", "-c", left]))
    await shows(panes, pane, "up")
    keeper = (await panes.facts())[pane].pid

    async def taken_in() -> bool:
        found = [p for p in scan().values() if p.ppid == keeper and p.comm == "sleep"]
        return len(found) == 2

    await until(taken_in, "both to be taken in")
    first, second = (p.pid for p in scan().values() if p.ppid == keeper and p.comm == "sleep")

    async def gone(pid: int) -> bool:
        return pid not in scan()

    os.kill(first, signal.SIGKILL)
    await until(lambda: gone(first), "the end of the first")
    await panes.keys(pane, "Enter")
    await shows(panes, pane, "stopped")
    assert scan()[second].ppid == keeper  # a server that it left running on purpose goes on
    os.kill(second, signal.SIGKILL)
    await until(lambda: gone(second), "the end of the second")

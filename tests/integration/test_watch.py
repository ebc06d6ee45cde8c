"""What looking at a fleet costs, and what it does with screen rules that somebody edits meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.agents.state import watch as watching
from bot.clis import screens
from bot.clis.model import State
from bot.clis.rules import load
from bot.clis.screens import Rulebook
from bot.tmux import processes
from bot.tmux.control import ControlClient, Reply, Script
from bot.tmux.processes import Process, scan
from tests.integration.agents_fleet import Fleet, eventually, open_fleet
from tests.private_tmux import ended


@pytest.fixture
async def fleet(tmp_path: Path, tmux_socket: str) -> AsyncIterator[Fleet]:
    async with open_fleet(tmp_path, tmux_socket, background=False) as opened:
        yield opened


async def test_a_tick_costs_two_round_trips_and_one_pass_over_the_processes(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips: list[int] = []
    passes: list[int] = []
    run = ControlClient.run

    async def counted(self: ControlClient, *commands: str | Script, timeout: float | None = None) -> list[Reply]:
        trips.append(len(commands))
        return await run(self, *commands, timeout=timeout)

    def counted_scan() -> dict[int, Process]:
        found = scan()
        passes.append(len(found))
        return found

    for _ in range(3):
        await fleet.demo()
    with monkeypatch.context() as patched:  # around the real ones: only the calls are counted
        patched.setattr(ControlClient, "run", counted)
        patched.setattr(watching, "scan", counted_scan)
        await fleet.watch.tick()
        first = len(trips), len(passes)
        trips.clear()
        passes.clear()
        await fleet.watch.tick()
    assert len(fleet.watch.views()) == 3
    assert first[0] <= 2 and first[1] == 1, first
    assert len(trips) <= 2 and len(passes) == 1, (trips, passes)
    assert all(count >= 3 for count in passes)  # a real one: all that runs, not only what was in front


async def test_rules_are_taken_again_when_their_file_is_written_and_kept_when_it_is_wrong(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shipped = Path(screens.__file__).parent / "demo" / "screens.toml"
    text, file = shipped.read_text("utf8"), tmp_path / "screens.toml"
    file.write_text(text, "utf8")
    book = Rulebook(load(file), file)
    monkeypatch.setattr(screens, "rulebook", lambda kind: book)  # the same book, over a file that may be written
    await fleet.demo()

    async def state() -> str:
        await fleet.watch.tick()
        return str(fleet.watch.view("d1").state)

    assert await state() == "idle"
    file.write_text(text.replace('state = "idle"', 'state = "error"'), "utf8")
    assert await state() == "error"
    file.write_text(text + "\n[[rule]\n", "utf8")
    assert await state() == "error"
    assert await state() == "error"
    told = [record.getMessage() for record in caplog.records if str(file) in record.getMessage()]
    assert len(told) == 1, told
    assert f"{file}, line {text.count(chr(10)) + 2}" in told[0]
    file.write_text(text, "utf8")
    assert await state() == "idle"


async def test_what_cannot_be_looked_at_any_more_is_unknown_and_not_what_it_was(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "BLIND_S", 1.0)
    agent, dead = await fleet.demo(), await fleet.demo()
    stopped = await fleet.life.create("demo", start=False, workdir=fleet.work)
    (cli,) = (await fleet.until(dead.id, lambda look: bool(look.clis))).clis
    os.kill(cli.pid, signal.SIGKILL)
    died = (await fleet.until(dead.id, lambda look: look.view.state is State.DEAD)).view.since
    await fleet.watch.start()
    os.kill(fleet.panes.control.server_pid, signal.SIGSTOP)
    try:

        async def unknown() -> bool:
            return fleet.watch.view(agent.id).state is State.UNKNOWN

        await eventually(unknown)
        view = fleet.watch.view(agent.id)
        assert view.rule == "not seen for 1 s: tmux, a disk or a mounted folder does not answer"
        assert (view.at - view.since).total_seconds() == 0
        assert fleet.watch.view(stopped.id).state is State.STOPPED
    finally:
        os.kill(fleet.panes.control.server_pid, signal.SIGCONT)

    async def idle() -> bool:
        return fleet.watch.view(agent.id).state is State.IDLE

    await eventually(idle)
    found = fleet.watch.view(dead.id)
    assert (found.state, found.since) == (State.DEAD, died)  # no second death, which would start it again


async def test_without_proc_the_same_is_seen_through_psutil(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way of macOS: psutil for the processes, ps for who is in front on a terminal."""
    monkeypatch.setattr(processes, "_LINUX", lambda: False)
    agent = await fleet.demo()
    (cli,) = (await fleet.watch.look())[agent.id].clis
    fleet.watch.resources.every = 0.0
    await fleet.watch.tick()
    await fleet.watch.tick()
    usage = fleet.watch.resources.of(agent.id)
    assert usage is not None and usage.cpu is not None
    assert usage.rss > 5 * 1024**2 and usage.processes == 2 and usage.age < 600  # the keeper and its program
    os.kill(cli.pid, signal.SIGSTOP)
    await fleet.until(agent.id, lambda look: look.view.state is State.FROZEN)
    os.kill(cli.pid, signal.SIGCONT)
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    await fleet.life.stop(agent.id)
    assert ended(cli.pid)

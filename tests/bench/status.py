"""Full status of 100 agents (state, screen, title, CPU, memory): ours, against raw control mode plus a raw /proc pass,
and against libtmux plus psutil pane by pane.

python -m tests.bench.status
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

import libtmux
import psutil

from bot.agents.resources.usage import Resources
from bot.clis.model import State
from tests.bench.agents_fleet import SHOW, watched
from tests.bench.rounds import ratio, record
from tests.bench.tmux_fleet import Fleet, RawControl, show, verdict

COUNT, ROUNDS, SLOW_ROUNDS = 100, 31, 3


def raw_processes() -> int:
    """Every /proc/PID/stat read and nothing done with it."""
    count = 0
    for name in os.listdir("/proc"):  # noqa: PTH208 - the fastest there is
        if name.isdecimal():
            try:
                fd = os.open(f"/proc/{name}/stat", os.O_RDONLY)
            except OSError:
                continue
            os.read(fd, 4096)
            os.close(fd)
            count += 1
    return count


def one_by_one(server: libtmux.Server) -> int:
    """What a program does that asks libtmux and psutil about each pane."""
    seen = 0
    for pane in server.panes:
        lines = pane.capture_pane(escape_sequences=True)
        pane.refresh()
        process = psutil.Process(int(pane.pane_pid or 0))
        everything = [process, *process.children(recursive=True)]
        sum(p.cpu_times().user + p.memory_info().rss for p in everything)
        seen += bool(lines and pane.pane_title is not None)
    return seen


async def measure(fleet: Fleet) -> bool:
    raw = RawControl(fleet.socket)
    async with watched(fleet) as (watch, _panes, _pid):
        watch.resources = Resources(every=0.0)
        ids = [f"w{n}" for n in range(COUNT)]
        server = libtmux.Server(socket_path=fleet.socket)
        ours: list[float] = []
        bare: list[float] = []
        slow: list[float] = []
        for turn in range(ROUNDS):
            begun = time.perf_counter()
            raw.ask([f"capture-pane -e -p -t {pane}" for pane in fleet.panes])
            raw_processes()
            bare.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            # By name: every screen is captured and read; a tick would leave out those that did not change.
            looks = await watch.look(ids)
            ours.append(time.perf_counter() - begun)
            if turn < SLOW_ROUNDS:
                begun = time.perf_counter()
                if one_by_one(server) < COUNT:
                    raise SystemExit("libtmux did not see all panes")
                slow.append(time.perf_counter() - begun)
        states = {look.view.state for look in looks.values()}
        usage = [watch.resources.of(agent) for agent in ids]
        if len(looks) != COUNT or not {State.IDLE, State.WORKING, State.WAITING, State.LIMITED} <= states:
            raise SystemExit(f"the states are not what the screens show: {states}")
        if any(u is None or u.cpu is None or u.rss <= 0 for u in usage):
            raise SystemExit("CPU or memory of an agent is missing")
        ticks: list[float] = []
        await asyncio.sleep(1.1)
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            await watch.tick()
            ticks.append(time.perf_counter() - begun)
    raw.close()
    print(f"{COUNT} agents with screens of 200x50, {ROUNDS} rounds")
    show("full status, all captured", ours)
    show("raw capture and /proc", bare)
    show("a tick, nothing changed", ticks)
    show("libtmux and psutil", slow)
    record("status: libtmux and psutil / ours", f"{ratio(slow, ours[:SLOW_ROUNDS]):.1f}x (meant: 30x)")
    return verdict("status against raw", ratio(ours, bare), 2.0)


def main() -> int:
    with Fleet(COUNT, SHOW) as fleet:
        return 0 if asyncio.run(measure(fleet)) else 1


if __name__ == "__main__":
    sys.exit(main())

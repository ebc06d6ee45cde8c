"""What it costs to watch 100 agents on whose screens nothing happens: CPU time of this process and of the tmux server.

python -m tests.bench.watching
"""

from __future__ import annotations

import asyncio
import sys
import time

import psutil

from tests.bench.agents_fleet import SHOW, watched
from tests.bench.rounds import record
from tests.bench.tmux_fleet import Fleet

COUNT, SECONDS = 100, 30.0


async def measure(fleet: Fleet) -> None:
    async with watched(fleet) as (watch, _panes, pid):
        await watch.start()
        server = psutil.Process(pid)

        def tmux() -> float:
            times = server.cpu_times()
            return float(times.user + times.system)

        await asyncio.sleep(5)  # the first look captures and reads everything
        wall, own, others = time.perf_counter(), time.process_time(), tmux()
        await asyncio.sleep(SECONDS)
        wall, own, others = time.perf_counter() - wall, time.process_time() - own, tmux() - others
        if len(watch.views()) != COUNT:
            raise SystemExit("not all agents are watched")
    ours, servers = own / wall * 100, others / wall * 100
    figure = f"{ours:.2f} % of a core, tmux server {servers:.2f} % (meant: under 3 % together)"
    record(f"watching {COUNT} quiet agents for {wall:.0f} s", figure)


def main() -> int:
    with Fleet(COUNT, SHOW) as fleet:
        asyncio.run(measure(fleet))
    return 0


if __name__ == "__main__":
    sys.exit(main())

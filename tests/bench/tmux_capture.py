"""Capturing 100 panes with colours: ours against a bare control-mode script.

python -m tests.bench.tmux_capture
"""

from __future__ import annotations

import asyncio
import sys
import time

from bot.tmux.control import ControlClient
from bot.tmux.panes import Panes
from tests.bench.rounds import ratio
from tests.bench.tmux_fleet import PAINT, Fleet, RawControl, show, verdict

COUNT, ROUNDS = 100, 15


async def measure(fleet: Fleet) -> bool:
    control = ControlClient(fleet.socket)
    await control.start()
    panes, raw = Panes(control), RawControl(fleet.socket)
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        raw.ask([f"capture-pane -e -p -t {pane}" for pane in fleet.panes])
        bare.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        screens = await panes.capture(fleet.panes)
        ours.append(time.perf_counter() - begun)
        if len(screens) != COUNT or not all("line 048" in screen.ansi for screen in screens.values()):
            raise SystemExit("a screen is missing")
    raw.close()
    await control.close()
    print(f"{COUNT} panes of 200x50, full and coloured, {ROUNDS} rounds")
    show("ours (with facts)", ours)
    show("bare control mode", bare)
    return verdict("capture against bare control mode", ratio(ours, bare), 2.0)


def main() -> int:
    with Fleet(COUNT, PAINT) as fleet:
        return 0 if asyncio.run(measure(fleet)) else 1


if __name__ == "__main__":
    sys.exit(main())

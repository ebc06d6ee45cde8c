"""Typing 50 different 1 KB prompts into 50 panes: ours against a bare control-mode script, and against libtmux.

python -m tests.bench.tmux_paste
"""

from __future__ import annotations

import asyncio
import sys
import time

import libtmux

from bot.tmux.control import ControlClient, quote
from bot.tmux.panes import Panes
from tests.bench.rounds import ratio, record
from tests.bench.tmux_fleet import SINK, Fleet, RawControl, prompts, show, verdict

COUNT, ROUNDS, SLOW_ROUNDS = 50, 15, 5


def by_libtmux(server: libtmux.Server, panes: list[str], texts: list[str]) -> None:
    for i, (pane, text) in enumerate(zip(panes, texts, strict=True)):
        server.cmd("set-buffer", "-b", f"l{i}", text)
        server.cmd("paste-buffer", "-p", "-d", "-b", f"l{i}", "-t", pane)


def by_script(raw: RawControl, panes: list[str], texts: list[str]) -> None:
    commands = []
    for i, (pane, text) in enumerate(zip(panes, texts, strict=True)):
        commands += [f"set-buffer -b r{i} -- {quote(text)}", f"paste-buffer -p -d -b r{i} -t {pane}"]
    raw.ask(commands)


async def measure(fleet: Fleet) -> bool:
    control = ControlClient(fleet.socket)
    await control.start()
    panes, raw, texts = Panes(control), RawControl(fleet.socket), prompts(COUNT)
    server = libtmux.Server(socket_path=fleet.socket)
    ours: list[float] = []
    bare: list[float] = []
    slow: list[float] = []
    for turn in range(ROUNDS):
        begun = time.perf_counter()
        by_script(raw, fleet.panes, texts)
        bare.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        jobs = [(pane, text, f"m{i}") for i, (pane, text) in enumerate(zip(fleet.panes, texts, strict=True))]
        results = await panes.paste_many(jobs)
        ours.append(time.perf_counter() - begun)
        if not all(result.ok for result in results):
            raise SystemExit(f"a paste was refused: {results}")
        if turn < SLOW_ROUNDS:
            begun = time.perf_counter()
            by_libtmux(server, fleet.panes, texts)
            slow.append(time.perf_counter() - begun)
    raw.close()
    await control.close()
    print(f"{COUNT} prompts of 1 KB into {COUNT} panes, {ROUNDS} rounds")
    for name, times in (("ours (guarded)", ours), ("bare control mode", bare), ("libtmux, one by one", slow)):
        show(name, times)
    record("paste: libtmux / ours", f"{ratio(slow, ours[:SLOW_ROUNDS]):.1f}x (meant: 10x)")
    return verdict("paste against bare control mode", ratio(ours, bare), 2.0)


def main() -> int:
    with Fleet(COUNT, SINK) as fleet:
        return 0 if asyncio.run(measure(fleet)) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Typing 50 different 1 KB prompts into 50 agents: the whole delivery path up to Enter against a bare script.

Ours looks at every pane before and after, writes each step as a row, and presses Enter only where the composer holds
the text; the script pastes, waits once, presses Enter, and checks nothing. The time runs until the last agent has
recorded its prompt. python -m tests.bench.delivery
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bot.agents.delivery.errands import IDLE_HOLDS_S
from bot.agents.delivery.rows import DeliveryRows
from bot.agents.delivery.typist import SETTLE_S, Typist
from bot.agents.model import Agent
from bot.checkpoint import pass_by
from bot.clis.model import State
from bot.clock import SystemClock
from bot.tmux.control import quote
from tests.integration.agents_fleet import Fleet, open_fleet

COUNT, ROUNDS = 50, 15
TYPE = {"types": {"quick": {"kind": "demo", "role": "implementor", "prefix": "d", "command": ["--seconds", "0.05"]}}}


def prompt(number: int) -> str:
    return f"Prompt {number}: " + "\n".join(f"line {n} of {number} with some words in it" for n in range(24))


def taken(fleet: Fleet) -> int:
    """Prompts recorded by all agents so far."""
    files = (fleet.home.root / "demo").glob("*/sessions/*.jsonl")
    return sum(file.read_text("utf8").count('"type": "user"') for file in files)


async def all_taken(fleet: Fleet, wanted: int) -> None:
    async with asyncio.timeout(60):
        while await asyncio.to_thread(taken, fleet) < wanted:
            await asyncio.sleep(0.01)


async def all_idle(fleet: Fleet) -> None:
    """Until all are idle, and have been for as long as a queued prompt would wait for."""
    async with asyncio.timeout(60):
        while True:
            now = SystemClock().now()
            views = [look.view for look in (await fleet.watch.look()).values()]
            if all(one.state is State.IDLE and (now - one.since).total_seconds() > IDLE_HOLDS_S for one in views):
                return
            await asyncio.sleep(0.3)


async def by_script(fleet: Fleet, agents: list[Agent], texts: list[str]) -> float:
    begun = time.perf_counter()
    commands = []
    for agent, text in zip(agents, texts, strict=True):
        commands += [f"set-buffer -b {agent.id} -- {quote(text)}", f"paste-buffer -p -d -b {agent.id} -t {agent.pane}"]
    await fleet.panes.control.run(*commands)
    await asyncio.sleep(SETTLE_S)
    await fleet.panes.control.run(*(f"send-keys -t {agent.pane} Enter" for agent in agents))
    return begun


async def by_delivery(fleet: Fleet, typist: Typist, agents: list[Agent], texts: list[str]) -> float:
    async with fleet.store.begin() as tx:
        made = [
            await fleet.deliveries.create(tx, agent=agent.id, text=text, created_by="bench")
            for agent, text in zip(agents, texts, strict=True)
        ]
    begun = time.perf_counter()
    typed = await asyncio.gather(*(typist.type(one) for one in made))
    if any(one.outcome != "entered" for one in typed):
        raise SystemExit(f"not all were typed: {[(one.outcome, one.reason) for one in typed]}")
    return begun


async def measure(root: Path, socket: str) -> bool:
    async with open_fleet(root, socket, background=False) as fleet:
        fleet.home.config.mkdir()
        fleet.home.agent_types.write_text(json.dumps(TYPE))
        agents = [await fleet.life.create("quick", workdir=fleet.work) for _ in range(COUNT)]
        agents = [await fleet.registry.get(agent.id) for agent in agents]
        typist = Typist(fleet.watch, fleet.panes, DeliveryRows(fleet.store, SystemClock()), pass_by, over=lambda _: "")
        texts = [prompt(number) for number in range(COUNT)]
        ours: list[float] = []
        bare: list[float] = []
        for turn in range(ROUNDS):
            for side, times in enumerate((bare, ours)):
                await all_idle(fleet)
                begun = await (by_delivery(fleet, typist, agents, texts) if side else by_script(fleet, agents, texts))
                entered = time.perf_counter()
                await all_taken(fleet, COUNT * (2 * turn + side + 1))
                times.append(time.perf_counter() - begun)
                print(f"  {'ours' if side else 'bare'}: Enter {entered - begun:.3f} s, taken {times[-1]:.3f} s")
        await typist.close()
    mine, script = statistics.median(ours), statistics.median(bare)
    # Each round is judged by itself, both sides of it under the same load, and the middle one counts.
    rounds = zip(ours, bare, strict=True)
    ratio = statistics.median(one / (2 * (other - SETTLE_S) + SETTLE_S) for one, other in rounds)
    fine = ratio <= 1.0
    print(f"{COUNT} prompts of 1 KB into {COUNT} agents: ours {mine:.3f} s, bare script {script:.3f} s")
    print(f"delivery against twice the script plus one pause: {ratio:.2f} (at most 1) {'PASS' if fine else 'FAIL'}")
    return fine


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="maf-b", dir="/tmp", ignore_cleanup_errors=True) as folder:
        socket = f"{folder}/s"
        try:
            return 0 if asyncio.run(measure(Path(folder), socket)) else 1
        finally:
            subprocess.run(["tmux", "-S", socket, "kill-server"], capture_output=True, timeout=10, check=False)


if __name__ == "__main__":
    sys.exit(main())

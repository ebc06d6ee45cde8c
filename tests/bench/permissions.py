"""How soon a person hears of a question: from the dialog on the screen, or the hook, to the card leaving the outbox.

python -m tests.bench.permissions
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.rounds import record
from tests.flow.product import Product, product, socket_of
from tests.flow.test_hooks import Held, request

ROUNDS = 8
WITHIN_S = 20.0


async def sent(p: Product, words: str, since: float) -> float:
    """Seconds from `since` (a time.time()) until a message with these words was sent."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        for call in p.client.sandbox.world.calls:
            if call["method"] == "sendMessage" and words in str(call["parameters"].get("text", "")):
                return time.time() - since
        await asyncio.sleep(0.01)
    raise SystemExit(f"no card for {words}")


async def shown(socket: str, pane: str, words: str) -> float:
    """When these words stood on the screen for the first time, as a plain tmux client sees it (a time.time())."""
    deadline = time.monotonic() + WITHIN_S
    command = ["tmux", "-S", socket, "capture-pane", "-p", "-t", pane]
    while time.monotonic() < deadline:
        seen = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        if "Allow this command?" in seen.stdout and words in seen.stdout.rpartition("Allow")[2]:
            return time.time()
        await asyncio.sleep(0.02)
    raise SystemExit(f"no dialog for {words}")


async def by_screen(p: Product, socket: str) -> list[float]:
    pane = p.app.services.watch.view("w1").agent.pane or ""
    times = []
    for number in range(ROUNDS):
        words = f"make screen{number}"
        begun = asyncio.create_task(p.app.call("agent.send", {"id": "w1", "text": f"SHELL `{words}`", "wait": 15.0}))
        times.append(await sent(p, words, await shown(socket, pane, words)))
        await begun
        await p.app.services.panes.keys(pane, "Escape")
        await asyncio.sleep(2.5)  # the next question finds it idle, and the chat's pace recovered
    return times


async def by_hook(p: Product) -> list[float]:
    times = []
    for number in range(ROUNDS):
        words = f"make hook{number}"
        since = time.time()
        held = await Held.begin(p, "w1", request(words))
        times.append(await sent(p, words, since))
        held.drop()
        await asyncio.sleep(2.5)
    return times


def show(what: str, times: list[float], meant: str) -> None:
    record(what, f"worst {max(times):.2f} s, median {median(times):.2f} s of {len(times)} (meant: {meant})")


async def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="maf-b", dir="/tmp") as folder:
        async with product(Path(folder), agents=1, beads=False) as p:
            # First, for of an agent whose hooks have spoken a dialog waits for the words of its hook.
            show("dialog to card sent, without hooks", await by_screen(p, socket_of(Path(folder))), "under 3 s")
            show("hook to card sent", await by_hook(p), "under 1.5 s")


def main() -> int:
    asyncio.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main())

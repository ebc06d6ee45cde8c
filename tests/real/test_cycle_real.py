"""The whole cycle of an agent of a real CLI, as the watch tells it: with our hooks, and by title, screen and files."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.agents.hooks.setup import REFUSED
from bot.clis.model import State
from tests.flow.product import until
from tests.real.product import RealProduct, real_product

pytestmark = pytest.mark.every_version


@pytest.fixture(params=["codex-hooks", "codex-plain", "claude-hooks", "claude-plain"])
async def real(request: pytest.FixtureRequest) -> AsyncIterator[RealProduct]:
    kind, way = str(request.param).split("-")
    with tempfile.TemporaryDirectory(prefix="maf-c", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), kind, hooks=way == "hooks") as made:
            yield made


async def test_the_whole_cycle_is_followed(real: RealProduct) -> None:
    told: list[State] = []
    real.p.app.services.watch.subscribe(lambda change: told.append(change.after))
    # prompt, streaming: words that come one each half second are work, not idleness
    done = await real.prompt("SLOW10 words")
    assert done["status"] in ("submitted", "started"), (done, real.screen)
    await real.becomes(State.WORKING)
    for _ in range(8):
        await asyncio.sleep(0.4)  # the time in which it streams is what is under test
        assert real.state is State.WORKING, (real.look.view.rule, real.screen)
    await real.becomes(State.IDLE)
    await until(lambda: State.IDLE in told, "the news that it is done")
    asked = {signal.source for signal in real.look.signals}
    assert asked == {"process", "file", "title", "screen", *(() if (real.home / REFUSED).exists() else ("hook",))}

    # permission, answered from the chat
    await real.prompt("SHELL please")
    card = await real.p.message(lambda m: m["text"].startswith("✋") and bool(m["buttons"]))
    await real.becomes(State.WAITING)
    await until(lambda: State.WAITING in told, "the news that it waits")
    labels = [str(b["label"]) for row in card["buttons"] for b in row]
    await real.p.client.press(card["message_id"], next(label for label in labels if label in ("Yes", "Yes, proceed")))
    await real.p.becomes(card["message_id"], lambda m: "✅ w1: Yes" in m["text"])
    await real.becomes(State.IDLE)

    # usage limit, recovered with the next turn
    await real.prompt("LIMIT now")
    await real.becomes(State.LIMITED)
    await until(lambda: State.LIMITED in told, "the news of the limit")
    since = len(told)
    pane = real.look.view.agent.pane
    assert pane
    await real.p.app.services.panes.paste(pane, "hello again", buffer="back")
    await asyncio.sleep(0.3)  # Codex takes an Enter right after a paste for part of it
    await real.keys("Enter")
    await real.becomes(State.IDLE)
    await until(lambda: State.IDLE in told[since:], "the news that it goes on")

    # crash
    pids = [process.pid for process in real.look.clis]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    await until(lambda: not {p.pid for p in real.look.clis} & set(pids), "the crash")
    await until(lambda: bool(real.look.clis) and real.state is State.IDLE, "the respawn")
    assert {State.WORKING, State.IDLE, State.WAITING, State.LIMITED, State.DEAD} <= set(told), told
    # It goes on in its conversation: the old banner stands above a later turn, and counts for nothing.
    await until(lambda: "hello again" in real.screen, "its conversation")
    assert real.state is State.IDLE, (real.look.view.rule, real.screen)

"""`maf demo`: the main job from end to end in a minute, in a temporary folder."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bot.cli.broadcast import exit_code, lines
from bot.cli.command import command as make_command
from bot.cli.terminal import Terminal, put
from bot.errors import NOT_CONFIRMED

if TYPE_CHECKING:
    from bot.app import App

IDLE_TIMEOUT_S = 20.0


@make_command("demo")
def command(terminal: Terminal) -> int:
    """Show the main job once: three demo agents, a draft, one prompt each, the proof. Leaves nothing behind."""
    return asyncio.run(_demo(terminal))


async def _demo(terminal: Terminal) -> int:
    from bot.beads.sample import write_sample
    from bot.cli.sandbox import LABELS
    from bot.cli.scratch import scratch

    async with scratch("shop") as (app, workdir):
        await asyncio.to_thread(write_sample, workdir)
        terminal.say("Starting three demo agents in a tmux server of their own …")
        for number, labels in enumerate(LABELS, start=1):
            params = {"type": "demo", "id": f"d{number}", "workdir": str(workdir), "labels": list(labels)}
            await app.call("agent.create", params, actor="demo")
        await _until_idle(app)
        draft = await app.call("broadcast.draft", {}, actor="demo")
        if not terminal.json:
            put(lines(draft) + "\n")
        done = await app.call("broadcast.apply", {"draft": draft["draft"]}, actor="demo")
        terminal.show(done, lambda: lines(done))
        code = exit_code(done["items"])
        terminal.say("All gone again. `maf up` shows the same in a chat." if code < NOT_CONFIRMED else "")
        return code


async def _until_idle(app: App) -> None:
    deadline = time.monotonic() + IDLE_TIMEOUT_S
    while time.monotonic() < deadline:
        agents = await app.call("agent.list", {}, actor="demo")
        if all(agent["state"] == "idle" for agent in agents):
            return
        await asyncio.sleep(0.2)

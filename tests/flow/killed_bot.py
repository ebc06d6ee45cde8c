"""The bot as a process of its own that a test can kill.

It is forked from a process that has imported everything already, so that a start costs what the bot itself takes.
"""

from __future__ import annotations

import asyncio
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from bot import log
from bot.app import App
from bot.home import Home
from bot.remote.lock import hold
from bot.settings import load_settings
from tests.killing import kill_at


def start(given: dict[str, Any]) -> ForkServerProcess:
    """Start it. `given`: {"home","api","token","socket","project"}; with "point" it kills itself there, after "skip"
    times."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__, "bot.app.chat", "handlers", "aiosqlite"])
    process = context.Process(target=run, args=(given,), daemon=True)
    process.start()
    return process


def run(given: dict[str, Any]) -> None:
    asyncio.run(_main(given))


async def _main(given: dict[str, Any]) -> None:
    home = Home(Path(given["home"]))
    settings = load_settings(
        home,
        bot_token=given["token"],
        telegram_api=given["api"],
        tmux_socket=given["socket"],
        project_root=given["project"],
        max_load=0,
    )
    log.set_up(home.logs)
    with hold(home.lock, "bot"):
        async with App.open(
            home, settings, background=True, checkpoint=kill_at(given.get("point", ""), skip=given.get("skip", 0))
        ) as app:
            await app.run()

"""The bot as a process of its own that a test can kill: `python -m tests.flow.killed_bot JSON`.

JSON: {"home","api","token","socket","project","point","skip"}; with a point it kills itself there, after passing it
`skip` times.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot import log
from bot.app import App
from bot.home import Home
from bot.remote.lock import hold
from bot.settings import load_settings


def killer(point: str, skip: int) -> Callable[[str, str], None]:
    """A checkpoint that ends this process with SIGKILL at `point`: no clean-up of any kind."""
    left = skip

    def check(where: str, _what: str) -> None:
        nonlocal left
        if where == point:
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    return check


async def main(given: dict[str, Any]) -> None:
    home = Home(Path(given["home"]))
    settings = load_settings(
        home,
        bot_token=given["token"],
        telegram_api=given["api"],
        tmux_socket=given["socket"],
        project_root=given["project"],
    )
    log.set_up(home.logs)
    with hold(home.lock, "bot"):
        async with App.open(
            home, settings, background=True, checkpoint=killer(given.get("point", ""), given.get("skip", 0))
        ) as app:
            await app.run()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))

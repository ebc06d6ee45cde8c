"""Wait for a condition on a real terminal, with a deadline instead of a fixed sleep."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.tmux.panes import Panes
from tests.patience import PATIENCE_S

T = TypeVar("T")


async def until(probe: Callable[[], Awaitable[T]], what: str, *, seconds: float = PATIENCE_S) -> T:
    """The first true answer of the probe. Fails the test, naming what was waited for, after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(0.02)


async def text_of(panes: Panes, pane: str) -> str:
    screens = await panes.capture([pane])
    return screens[pane].plain if pane in screens else ""


async def shows(panes: Panes, pane: str, text: str, *, seconds: float = PATIENCE_S) -> str:
    """Wait until the pane shows the text; its whole screen."""

    async def probe() -> str:
        screen = await text_of(panes, pane)
        return screen if text in screen else ""

    return await until(probe, f"{text!r} in {pane}", seconds=seconds)

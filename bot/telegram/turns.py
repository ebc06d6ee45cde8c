"""Handling updates in turn: those of one person in one chat one after the other, the rest beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from aiogram.types import Update

Before = asyncio.Task[None] | None


def place(update: Update) -> Hashable:
    """Whose turn an update takes: (chat, person). What has no person takes a turn of its own."""
    if update.callback_query is not None:
        message = update.callback_query.message
        return message.chat.id if message is not None else 0, update.callback_query.from_user.id
    if update.message is not None and update.message.from_user is not None:
        return update.message.chat.id, update.message.from_user.id
    return update.update_id


class Turns:
    """Tasks that know the one before them in their place."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._last: dict[Hashable, asyncio.Task[None]] = {}

    def give(self, where: Hashable, work: Callable[[Before], Coroutine[Any, Any, None]], *, name: str = "") -> None:
        """Begin `work`; it is given what this place did last, if that is still at work, and waits for it itself."""
        task = asyncio.create_task(work(self._last.get(where)), name=name or None)
        self._last[where] = task
        self.tasks.add(task)
        task.add_done_callback(lambda done: self._over(where, done))

    def _over(self, where: Hashable, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if self._last.get(where) is task:
            del self._last[where]

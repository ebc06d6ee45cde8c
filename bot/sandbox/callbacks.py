"""Taps on buttons and their answers."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

from bot.sandbox.answers import ApiError, Params
from bot.sandbox.entities import units

OLD_AFTER_S = 15 * 60
TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"


class Callbacks:
    """Callback queries that wait for the bot's answer."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[asyncio.Future[dict[str, Any]], float]] = {}

    def new(self) -> tuple[str, asyncio.Future[dict[str, Any]]]:
        """A query id, and the answer to come."""
        now = time.monotonic()
        self._open = {k: v for k, v in self._open.items() if now - v[1] < OLD_AFTER_S}
        number = str(secrets.randbelow(10**18))
        self._open[number] = (asyncio.get_running_loop().create_future(), now)
        return number, self._open[number][0]

    def answer(self, params: Params) -> bool:
        """answerCallbackQuery."""
        text = params.text("text")
        if units(text) > 200:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        found = self._open.pop(params.text("callback_query_id"), None)
        if found is None or time.monotonic() - found[1] > OLD_AFTER_S:
            raise ApiError(400, TOO_OLD)
        if not found[0].done():
            found[0].set_result({"text": text, "show_alert": params.flag("show_alert")})
        return True

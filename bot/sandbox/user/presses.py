"""Taps on buttons, as a person makes them: by what stands on the button, also where the bot has changed it since."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from aiohttp import web

from bot.sandbox.answers import ApiError
from bot.sandbox.callbacks import Callbacks
from bot.sandbox.updates import Updates
from bot.sandbox.user.fields import body_of, chat_of, entry_of, member_of
from bot.sandbox.world import Entry, World

ANSWER_WAIT_S = 10.0
MAX_WAIT_S = 60.0


class Presses:
    """The handler of a tap."""

    def __init__(self, world: World, updates: Updates, callbacks: Callbacks) -> None:
        self.world = world
        self.updates = updates
        self.callbacks = callbacks

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/sandbox/chats/{chat}/messages/{message}/press", self.press)]

    async def press(self, request: web.Request) -> web.Response:
        """A tap on a button, also on one that the message no longer has (the person's app was behind)."""
        chat, body = chat_of(self.world, request.match_info["chat"]), await body_of(request)
        sender = member_of(self.world, chat, body.number("from"))
        entry = entry_of(self.world, chat, request.match_info["message"])
        button, wait = body.text("button"), body.seconds("wait", ANSWER_WAIT_S, MAX_WAIT_S)
        copied = _copied(entry, button)
        if copied is not None:
            return web.json_response({"answer": None, "copied": copied})
        content = {
            "from": sender,
            "message": entry.message,
            "chat_instance": str(abs(hash((self.world.bot["id"], chat.id)))),
            "data": _data_of(entry, button),
        }
        query, answer = self.callbacks.new()
        result: dict[str, Any] | None = None
        if self.updates.add("callback_query", {"id": query, **content}):
            with suppress(TimeoutError):
                result = await asyncio.wait_for(answer, wait)
        return web.json_response({"answer": result})


def _data_of(entry: Entry, button: str) -> str:
    """The data behind a label or a callback_data: of the message as it is, else as it last was."""
    rows = (entry.message.get("reply_markup") or {}).get("inline_keyboard", [])
    now = [(b["text"], b["callback_data"]) for row in rows for b in row if "callback_data" in b]
    once = [(label, data) for label, data in reversed(entry.known)]
    for pairs in (now, once):
        for label, data in pairs:
            if button in {label, data}:
                return str(data)
    names = ", ".join(label for label, _data in now) or "none"
    raise ApiError(404, f"no button {button!r} on this message; it has: {names}")


def _copied(entry: Entry, button: str) -> str | None:
    rows = (entry.message.get("reply_markup") or {}).get("inline_keyboard", [])
    return next(
        (str(b["copy_text"]["text"]) for r in rows for b in r if "copy_text" in b and b["text"] == button), None
    )

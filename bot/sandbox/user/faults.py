"""What no Telegram app has: faults to inject, the log of the bot's calls, the panes of the agents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox.answers import ApiError
from bot.sandbox.user.fields import body_of
from bot.sandbox.world import Fault, World

FAULTS = {"429", "500", "502", "timeout", "drop", "duplicate", "conflict", "blocked"}
PanesCallback = Callable[[], Awaitable[list[dict[str, Any]]]]


class Faults:
    """Handlers for tests and newcomers."""

    def __init__(self, world: World, panes: PanesCallback | None) -> None:
        self.world = world
        self.panes = panes

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/sandbox/faults", self.add),
            web.get("/sandbox/calls", self.calls),
            web.get("/sandbox/panes", self.show_panes),
        ]

    async def add(self, request: web.Request) -> web.Response:
        """`carried_out`: the method does its work, and only its answer is lost."""
        body = await body_of(request)
        kind = body.text("kind")
        if kind not in FAULTS:
            raise ApiError(400, f"kind is one of: {', '.join(sorted(FAULTS))}")
        method = body.text("method") or ("getUpdates" if kind == "conflict" else "")
        count, after = body.number("count", 1), body.number("retry_after", 1)
        if count < 1 or after < 1:
            raise ApiError(400, "count and retry_after are at least 1")
        self.world.faults.append(Fault(kind, method, count, after, body.flag("carried_out")))
        return web.json_response({"kind": kind, "method": method, "count": count, "retry_after": after})

    async def calls(self, request: web.Request) -> web.Response:
        wanted = request.query.get("method", "").lower()
        return web.json_response([c for c in self.world.calls if wanted in {"", c["method"].lower()}])

    async def show_panes(self, _request: web.Request) -> web.Response:
        return web.json_response(await self.panes() if self.panes is not None else [])

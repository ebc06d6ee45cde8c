"""The bot's side over HTTP: /bot<TOKEN>/<method> and /file/bot<TOKEN>/<path>, with the faults that were asked for."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.sandbox.answers import ApiError, Params, read_params
from bot.sandbox.methods_chat import Methods
from bot.sandbox.updates import CONFLICT
from bot.sandbox.world import Fault, World

# Those of any call; "blocked" is for calls to a chat, and "duplicate" for the updates.
FAULTS = ("429", "500", "502", "timeout", "drop", "conflict")
HANG_S = 120.0  # longer than any client waits
Method = Callable[[Params], Awaitable[Any]]


class BotApi:
    """Calls methods, breaks them where a fault was injected, and writes down every call."""

    def __init__(self, world: World, methods: Methods, token: str) -> None:
        self.world = world
        self.token = token
        self._methods: dict[str, Method] = {
            name: getattr(methods, name) for name in dir(methods) if name in _names(methods)
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/bot{token}/{method}", self.call),
            web.get("/file/bot{token}/files/{file_id}", self.download),
        ]

    async def call(self, request: web.Request) -> web.StreamResponse:
        """One call of one method."""
        name = request.match_info["method"]
        shown: dict[str, Any] = {}
        call = {"method": name, "parameters": shown, "answer": None, "at": _now()}
        self.world.calls.append(call)
        try:
            self._authorise(request)
            method = self._methods.get(name.lower())
            if method is None or request.method not in {"GET", "POST"}:
                raise ApiError(404, "Not Found: method not found")
            params = await read_params(request)
            call["parameters"] = params.shown()
            to_somebody = ("blocked",) if "chat_id" in params.values else ()
            fault = self.world.take_fault(*FAULTS, *to_somebody, method=name)
            if fault is not None and fault.carried_out:
                await method(params)
            if fault is not None:
                return await self._break(request, fault)
            body, status = {"ok": True, "result": await method(params)}, 200
        except ApiError as error:
            body, status = error.body(), error.code
        call["answer"] = json.loads(json.dumps(body))  # as it is now: messages change later
        return web.json_response(body, status=status)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """`/file/bot<TOKEN>/<path>`: the bytes of a photo or document that was sent; 404 for an unknown one."""
        try:
            self._authorise(request)
        except ApiError as error:
            return web.json_response(error.body(), status=error.code)
        file = self.world.files.get(request.match_info["file_id"])
        if file is None:
            return web.json_response(ApiError(404, "Not Found").body(), status=404)
        return web.Response(body=file.content, content_type="application/octet-stream")

    def _authorise(self, request: web.Request) -> None:
        token = request.match_info["token"]
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            well_formed = ":" in token and token.split(":", 1)[0].isdigit()
            raise ApiError(401, "Unauthorized" if well_formed else "Unauthorized: invalid token specified")

    async def _break(self, request: web.Request, fault: Fault) -> web.Response:
        """Do what the fault says: raise its error, answer as a proxy does, say nothing for long, or hang up."""
        if fault.kind == "429":
            raise ApiError(429, f"Too Many Requests: retry after {fault.retry_after}", retry_after=fault.retry_after)
        if fault.kind == "500":
            raise ApiError(500, "Internal Server Error")
        if fault.kind == "conflict":
            raise ApiError(409, CONFLICT)
        if fault.kind == "blocked":
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if fault.kind == "502":
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        if fault.kind == "timeout":
            await asyncio.sleep(HANG_S)  # ends when the client gives up: then this handler is cancelled
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)  # nobody hears it: the connection is gone


def _names(methods: Methods) -> set[str]:
    """The public methods of the Bot API among the attributes: lower-case coroutine functions."""
    return {n for n in dir(methods) if n.isalpha() and asyncio.iscoroutinefunction(getattr(methods, n))}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

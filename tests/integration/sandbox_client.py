"""A person at the sandbox, for tests: the user side of contract.md section 6 over real HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from bot.sandbox.server import Sandbox
from tests.patience import PATIENCE_S


class Client:
    """Calls of the user side; `raw` gives status and body, the others fail on an error."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.seq: dict[int, int] = {}

    async def raw(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.session.request(method, self.sandbox.origin + path, **options) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> Any:
        status, body = await self.raw("GET", path)
        assert status == 200, body
        return body

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        status, answer = await self.raw("POST", path, json=body)
        assert status == 200, answer
        return answer

    async def say(self, text: str, *, chat: int | None = None, who: int | None = None, **more: Any) -> Any:
        chat, who = chat or self.sandbox.owner, who or self.sandbox.owner
        return await self.post(f"/sandbox/chats/{chat}/messages", {"from": who, "text": text, **more})

    async def press(self, message: int, button: str, *, chat: int | None = None, who: int | None = None) -> Any:
        chat, who = chat or self.sandbox.owner, who or self.sandbox.owner
        path, began = f"/sandbox/chats/{chat}/messages/{message}/press", time.monotonic()
        answer = await self.post(path, {"from": who, "button": button})
        return answer | {"took": time.monotonic() - began}

    async def messages(self, *, chat: int | None = None, after: int = 0, wait: float = 0) -> Any:
        chat = chat or self.sandbox.owner
        return await self.get(f"/sandbox/chats/{chat}/messages?after={after}&wait={wait}")

    async def until(
        self, found: Callable[[list[Any]], bool], *, chat: int | None = None, within: float = PATIENCE_S
    ) -> list[Any]:
        """All messages of the chat, as soon as `found` is true of them."""
        after, deadline = 0, time.monotonic() + within
        while True:
            messages = (await self.messages(chat=chat))["messages"]
            if found(messages):
                return list(messages)
            texts = [m["text"] for m in messages]
            assert time.monotonic() < deadline, f"not within {within:g} s; the chat shows {texts}"
            after = max([after, *(m["seq"] for m in messages)])
            await self.messages(chat=chat, after=after, wait=1)

    async def fault(self, kind: str, **more: Any) -> None:
        await self.post("/sandbox/faults", {"kind": kind, **more})

    async def call(self, name: str, **parameters: Any) -> tuple[int, Any]:
        """A call of the bot's side, as JSON."""
        return await self.raw("POST", f"/bot{self.sandbox.token}/{name}", json=parameters)

    async def calls(self, method: str = "") -> list[Any]:
        return list(await self.get(f"/sandbox/calls?method={method}"))


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Client]:
    """A sandbox on a free port and its owner."""
    sandbox = Sandbox(**options)
    await sandbox.start()
    try:
        async with aiohttp.ClientSession(headers={"X-Sandbox-Key": sandbox.key}) as session:
            yield Client(sandbox, session)
    finally:
        await sandbox.stop()

"""The door of the webhook: bodies and connections that no Telegram would make."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiogram.types import Update

from bot.app import webhook
from bot.app.webhook import HEADER, Webhook
from bot.home import Home
from bot.settings import load_settings
from tests.patience import PATIENCE_S

SECRET = "s3cret_-value"
HEAD = b"POST /hook HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
async def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Webhook, list[Update]]]:
    """A webhook with short patience, and what came through it."""
    monkeypatch.setattr(webhook, "QUIET_S", 0.5)
    monkeypatch.setattr(webhook, "BODY_S", 0.5)
    taken: list[Update] = []

    async def take(updates: list[Update]) -> bool:
        taken.extend(updates)
        return True

    settings = load_settings(
        Home(tmp_path),
        bot_token="123456789:" + "A" * 35,
        webhook_url="http://127.0.0.1/hook",
        webhook_secret=SECRET,
        webhook_listen=("127.0.0.1", 0),
    )
    made = Webhook(settings, take)
    await made.start()
    try:
        yield made, taken
    finally:
        await made.stop()


@pytest.mark.parametrize("depth", [150, 900, 5000, 150_000])
async def test_a_deep_body_is_a_bad_request(door: tuple[Webhook, list[Update]], depth: int) -> None:
    there, taken = door
    async with aiohttp.ClientSession(headers={HEADER: SECRET}) as session:
        for body in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth):
            async with session.post(f"http://127.0.0.1:{there.port}/hook", data=body) as answer:
                assert answer.status == 400
    assert taken == []


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HEAD,
        HEAD + f"{HEADER}: {SECRET}\r\nContent-Length: 100\r\n\r\n{{".encode(),
        HEAD + f"{HEADER}: {SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{{".encode(),
        HEAD + b"Content-Length: 100\r\n\r\n{",
    ],
    ids=["silent", "half a head", "half a body", "half a chunk", "half a body, no secret"],
)
async def test_a_half_open_connection_is_closed(door: tuple[Webhook, list[Update]], sent: bytes) -> None:
    there, taken = door
    reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
    writer.write(sent)
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    assert time.monotonic() - began < PATIENCE_S
    assert not answer or answer.split()[1] in {b"408", b"401"}
    assert taken == []
    writer.close()


async def test_a_connection_is_used_again_while_it_is_not_quiet(door: tuple[Webhook, list[Update]]) -> None:
    there, taken = door
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(headers={HEADER: SECRET}, connector=connector) as session:
        for number in range(3):
            async with session.post(f"http://127.0.0.1:{there.port}/hook", json={"update_id": number}) as answer:
                assert answer.status == 200
    assert [update.update_id for update in taken] == [0, 1, 2]

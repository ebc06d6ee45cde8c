"""Updates that are posted to us instead of asked for: same record, same answers, and the secret at the door."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from bot.app import App
from bot.app.webhook import HEADER, PortTaken
from bot.errors import WrongSetting
from bot.home import Home
from bot.sandbox.world import OWNER_ID
from bot.settings import load_settings
from bot.store.tables import UpdateRow
from bot.telegram.people import Access
from tests.flow.product import pair_owner, until
from tests.integration.sandbox_client import Client, running

SECRET = "s3cret_-value"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_for(home: Home, client: Client, tmp_path: Path, **more: Any) -> Any:
    return load_settings(
        home,
        bot_token=client.sandbox.token,
        telegram_api=client.sandbox.origin,
        tmux_socket=str(tmp_path / "t"),
        project_root=tmp_path,
        **more,
    )


@asynccontextmanager
async def bot(home: Home, client: Client, tmp_path: Path, **more: Any) -> AsyncIterator[App]:
    async with App.open(home, settings_for(home, client, tmp_path, **more), background=True) as app:
        owner = client.sandbox.owner
        access = Access(app.services.store, app.services.clock)
        if not await access.owner_exists():
            await pair_owner(app, owner)
        task = asyncio.create_task(app.run())
        try:
            yield app
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.root.mkdir()
    return made


async def test_a_command_comes_by_webhook_and_later_by_polling_again(home: Home, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/hook/of/ours"
    async with running() as client:
        hooked = {"webhook_url": url, "webhook_secret": SECRET, "webhook_listen": ("127.0.0.1", port)}
        async with bot(home, client, tmp_path, **hooked) as app:
            await client.say("/help")
            await client.until(lambda ms: any("/broadcast_targeted" in m["text"] for m in ms))
            assert await client.calls("getUpdates") == []
            await at_the_door(app, url)
        await client.say("/agents")  # while nobody listens: Telegram keeps it
        async with bot(home, client, tmp_path):
            await client.until(lambda ms: any("There are no agents" in m["text"] for m in ms[1:]))
            texts = [m["text"] for m in (await client.messages())["messages"]]
            assert not any("Another program" in text for text in texts)


async def at_the_door(app: App, url: str) -> None:
    """Only who knows the secret is heard; the same update twice counts once; what cannot be read blocks nothing."""
    owner = {"id": OWNER_ID, "is_bot": False, "first_name": "Olga"}
    message = {"message_id": 1, "date": 1, "chat": {"id": OWNER_ID, "type": "private"}, "from": owner}
    update = {"update_id": 77, "message": message}
    async with aiohttp.ClientSession() as session:
        for headers in ({}, {HEADER: "wrong"}, {HEADER: SECRET + "x"}):
            async with session.post(url, json=update, headers=headers) as answer:
                assert answer.status == 401
        async with session.post(url, data=b"{", headers={HEADER: SECRET}) as answer:
            assert answer.status == 400
        for unreadable in ({"no": "update"}, {**update, "update_id": 10**30}, {"update_id": "\ud800"}, []):
            async with session.post(url, json=unreadable, headers={HEADER: SECRET}) as answer:
                assert answer.status == 200
        assert 77 not in await recorded(app)
        for _ in range(2):
            async with session.post(url, json=update, headers={HEADER: SECRET}) as answer:
                assert answer.status == 200
        assert (await recorded(app)).count(77) == 1


async def recorded(app: App) -> list[int]:
    async with app.services.store.begin() as tx:
        return list((await tx.scalars(select(UpdateRow.update_id))).all())


async def test_somebody_elses_webhook_is_not_taken_away(home: Home, tmp_path: Path) -> None:
    async with running() as client:
        await client.call("setWebhook", url="https://elsewhere.example/hook")
        async with bot(home, client, tmp_path):
            await until(lambda: bool(client.sandbox.world.calls), what="a call")
            await client.until(lambda ms: any("Another program uses this bot's token" in m["text"] for m in ms))
            assert await client.calls("deleteWebhook") == []


async def test_without_a_secret_or_a_free_port_it_does_not_start(home: Home, tmp_path: Path) -> None:
    port = free_port()
    async with running() as client:
        url = f"http://127.0.0.1:{port}/hook"
        async with App.open(home, settings_for(home, client, tmp_path, webhook_url=url), background=True) as app:
            with pytest.raises(WrongSetting, match="MAF_WEBHOOK_SECRET"):
                await app.run()
        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()
            hooked = {"webhook_url": url, "webhook_secret": SECRET, "webhook_listen": ("127.0.0.1", port)}
            async with App.open(home, settings_for(home, client, tmp_path, **hooked), background=True) as app:
                with pytest.raises(ExceptionGroup) as caught:
                    await app.run()
                assert caught.group_contains(PortTaken)

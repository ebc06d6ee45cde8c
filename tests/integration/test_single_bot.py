"""One bot for each PostgreSQL, whatever becomes of the connection by which it is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from bot.app import App
from bot.cli.running import _come_up
from bot.cli.terminal import Terminal
from bot.home import Home
from bot.settings import load_settings
from bot.store import Store, single
from bot.store.single import OnlyBot, StoreTaken
from tests.integration.agents_fleet import eventually
from tests.patience import PATIENCE_S


@pytest.fixture
async def stores(postgres_url: str) -> AsyncIterator[tuple[Store, Store]]:
    one, other = Store(postgres_url), Store(postgres_url)
    yield one, other
    await one.close()
    await other.close()


async def cut(store: Store) -> None:
    """Its connection is gone, as when the database is started anew."""
    async with store.begin() as tx:
        held = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        assert list(await tx.scalars(text(held))) == [True]


async def free(store: Store) -> bool:
    try:
        async with OnlyBot(store):
            return True
    except StoreTaken:
        return False


async def test_a_second_bot_is_refused_until_the_first_has_left(
    stores: tuple[Store, Store], tmp_path: Path, postgres_url: str
) -> None:
    one, other = stores
    settings = load_settings(Home(tmp_path), bot_token=f"1234567:{'x' * 35}", database_url=postgres_url)
    async with OnlyBot(one), App.open(Home(tmp_path), settings, background=True) as app:
        with pytest.raises(StoreTaken, match="Another bot runs on this database"):
            await app.run()
    assert await free(other)


async def test_no_agent_is_brought_back_before_it_is_known_that_no_other_bot_has_it(
    tmp_path: Path, tmux_socket: str
) -> None:
    home = Home(tmp_path)
    settings = load_settings(home, bot_token=f"1234567:{'x' * 35}", tmux_socket=tmux_socket)
    async with App.open(home, settings, background=True) as app:
        await app.call("agent.create", {"type": "shell", "id": "s1", "workdir": str(tmp_path), "start": False})
        await app.services.registry.update("s1", desired="running")
        coming = asyncio.create_task(_come_up(Terminal(home_option=str(tmp_path)), app, asyncio.Future()))
        await asyncio.wait({coming}, timeout=1.0)
        assert (await app.services.registry.get("s1")).started_at is None
        app.alone.set()

        async def back() -> bool:
            return (await app.services.registry.get("s1")).started_at is not None

        await eventually(back)
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def test_it_is_taken_again_after_a_connection_was_lost(
    stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single, "LOOK_S", 0.1)
    one, other = stores
    async with OnlyBot(one) as only:
        keeping = asyncio.create_task(only.keep())
        await cut(other)

        async def held() -> bool:
            return not await free(other)

        await eventually(held)
        assert not keeping.done()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_who_lost_it_to_another_one_ends(stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single, "LOOK_S", 0.1)
    one, other = stores
    async with OnlyBot(one) as only:
        await cut(other)
        async with OnlyBot(other):
            with pytest.raises(StoreTaken):
                await asyncio.wait_for(only.keep(), PATIENCE_S)


class Router:
    """Stands between a program and PostgreSQL, and forgets connections as a router does that is switched on anew: the
    program is told so at once, the server hears nothing."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._tasks: set[asyncio.Task[None]] = set()
        self._inside: list[asyncio.StreamWriter] = []
        self._outside: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> int:
        """-> the port to come to instead"""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in (*self._inside, *self._outside):
            writer.transport.abort()

    def forget(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._inside:
            writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, out = await asyncio.open_connection(*self._to)
        self._inside.append(writer)
        self._outside.append(out)
        self._tasks |= {asyncio.create_task(_carry(reader, out)), asyncio.create_task(_carry(theirs, writer))}


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def test_what_a_lost_connection_left_on_the_server_is_not_another_bot(
    stores: tuple[Store, Store], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server keeps a connection, and with it the lock, until it notices that nobody is at its other end."""
    monkeypatch.setattr(single, "LOOK_S", 0.1)
    there = make_url(postgres_url)
    router = Router(str(there.host), int(there.port or 0))
    async with router as port:
        store = Store(there.set(port=port).render_as_string(hide_password=False))
        try:
            async with OnlyBot(store) as only:
                keeping = asyncio.create_task(only.keep())
                first = await holder(stores[0])
                router.forget()

                async def taken_again() -> bool:
                    return keeping.done() or await holder(stores[0]) not in {None, first}

                await eventually(taken_again)
                assert not keeping.done()
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
        finally:
            await store.close()


async def holder(store: Store) -> int | None:
    """The process of the server that holds the lock."""
    async with store.begin() as tx:
        pid: int | None = await tx.scalar(text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"))
        return pid


async def test_a_file_needs_no_such_thing(store: Store) -> None:
    async with OnlyBot(store) as only, OnlyBot(store):
        await asyncio.wait_for(only.keep(), PATIENCE_S)
        assert store.engine.pool.checkedout() == 0, "no connection is kept for it"

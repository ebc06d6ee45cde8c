"""One bot for each PostgreSQL, whatever becomes of the connection by which it is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.app import App
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


async def test_a_file_needs_no_such_thing(store: Store) -> None:
    async with OnlyBot(store) as only, OnlyBot(store):
        await asyncio.wait_for(only.keep(), PATIENCE_S)
        assert store.engine.pool.checkedout() == 0, "no connection is kept for it"

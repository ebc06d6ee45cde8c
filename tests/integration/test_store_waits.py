"""Who waits for a store that is locked or gone: see bot.store.patience."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from bot.errors import MafError
from bot.store import Store, engine
from bot.store.errors import StoreUnreachable, trouble
from bot.store.patience import patient, patient_task, waits
from tests.patience import PATIENCE_S


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.2)
    monkeypatch.setattr(engine, "LOOK_AGAIN_S", 0.1)
    with closing(sqlite3.connect(tmp_path / "maf.db")) as made:
        made.execute("CREATE TABLE line (text TEXT)")
    return tmp_path / "maf.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    made = Store(f"sqlite+aiosqlite:///{file}")
    yield made
    await made.close()


def locked(file: Path) -> closing[sqlite3.Connection]:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return closing(other)


async def write(store: Store, what: str) -> None:
    async with store.begin() as tx:
        await tx.execute(text("INSERT INTO line VALUES (:what)"), {"what": what})


def lines(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as db:
        return [row[0] for row in db.execute("SELECT text FROM line ORDER BY rowid")]


async def test_who_asks_is_told_that_it_is_locked(file: Path, store: Store) -> None:
    with locked(file), pytest.raises(StoreUnreachable, match="locked by another process"):
        await write(store, "asked")
    assert lines(file) == []


async def test_the_bots_own_work_waits_and_is_done_once(file: Path, store: Store) -> None:
    with locked(file), patient():
        work = asyncio.create_task(write(store, "own"))
        with pytest.raises(TimeoutError):  # far longer than one who asked is left waiting
            await asyncio.wait_for(asyncio.shield(work), 1.0)
    await asyncio.wait_for(work, 30)
    assert lines(file) == ["own"]


async def test_a_hundred_that_wait_are_all_done(file: Path, store: Store) -> None:
    """More than the pool has connections."""
    with locked(file), patient():
        work = [asyncio.create_task(write(store, str(n))) for n in range(100)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in work)
    await asyncio.wait_for(asyncio.gather(*work), 60)
    assert sorted(lines(file), key=int) == [str(n) for n in range(100)]


async def test_a_transaction_that_fails_or_is_cancelled_leaves_nothing_and_holds_nothing(
    file: Path, store: Store
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.begin() as tx:
            await tx.execute(text("INSERT INTO line VALUES ('half')"))
            _ = 1 / 0
    with locked(file), patient():
        work = asyncio.create_task(write(store, "never"))
        await asyncio.sleep(0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert work.cancelled()
    await write(store, "after")
    assert lines(file) == ["after"]


async def test_a_database_that_is_not_there_is_said_in_words() -> None:
    """asyncpg lets the error of the socket through; nothing listens on port 1."""
    began = time.monotonic()
    store = Store("postgresql+asyncpg://maf@127.0.0.1:1/maf")
    with pytest.raises(StoreUnreachable, match="The database does not answer") as caught:
        async with store.begin():
            raise AssertionError("nothing was there to begin on")
    await store.close()
    assert "MAF_DATABASE_URL" in caught.value.hint
    assert time.monotonic() - began < 15


async def raising(url: str, code: str) -> MafError | None:
    """What is made of an error of PostgreSQL that has this SQLSTATE."""
    store = Store(url)
    try:
        with pytest.raises(DBAPIError) as caught:
            async with store.begin() as tx:
                await tx.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{code}'; END $$"))
        return trouble(caught.value)
    finally:
        await store.close()


@pytest.mark.parametrize("code", ["57P01", "57P03", "53300", "53100", "25006", "40P01", "57014", "55P03", "58030"])
async def test_what_ails_the_database_is_no_fault_of_the_program(postgres_url: str, code: str) -> None:
    """It shuts down, starts, has no connection left, no disk, may not be written, found a deadlock, was asked to stop,
    did not get a lock, cannot read its files."""
    found = await raising(postgres_url, code)
    assert isinstance(found, StoreUnreachable)
    assert found.message == "The database failed: as told"


@pytest.mark.parametrize("code", ["42P01", "22001", "23505", "25P02"])
async def test_what_was_asked_of_it_wrongly_is_one(postgres_url: str, code: str) -> None:
    assert await raising(postgres_url, code) is None


async def test_the_bots_own_work_waits_for_a_database_that_takes_nobody_in(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LOOK_AGAIN_S", 0.1)
    taken = [await asyncpg.connect(postgres_url.replace("+asyncpg", ""))]
    await taken[0].execute("CREATE TABLE line (text TEXT)")
    with pytest.raises(asyncpg.TooManyConnectionsError):
        while True:
            taken.append(await asyncpg.connect(postgres_url.replace("+asyncpg", "")))
    store = Store(postgres_url)
    try:
        with pytest.raises(StoreUnreachable, match="too many clients"):
            await write(store, "asked")
        with patient():
            work = asyncio.create_task(write(store, "own"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(work), 0.5)
        await asyncio.gather(*(one.close() for one in taken[1:]))
        await asyncio.wait_for(work, PATIENCE_S)
        assert [row["text"] for row in await taken[0].fetch("SELECT text FROM line")] == ["own"]
    finally:
        await store.close()
        await asyncio.gather(*(one.close() for one in taken))


class Between:
    """Stands between us and the database, and can stop passing anything on, as a network does that is cut."""

    def __init__(self, url: str) -> None:
        self.there = make_url(url)
        self.open = asyncio.Event()
        self.open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return self.there.set(port=port).render_as_string(hide_password=False)

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs = await asyncio.open_connection(self.there.host, self.there.port)
        for source, target in ((reader, theirs[1]), (theirs[0], writer)):
            self._tasks.add(asyncio.create_task(self._pass_on(source, target)))

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while block := await source.read(65536):
                await self.open.wait()
                target.write(block)
        finally:
            target.close()


async def test_a_database_that_falls_silent_is_waited_for_and_who_asks_is_told(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "ANSWER_S", 1.0)
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 1.0)  # for a connection
    monkeypatch.setattr(engine, "LOOK_AGAIN_S", 0.1)
    between = Between(postgres_url)
    async with between as url:
        store = Store(url)
        async with store.begin() as tx:
            await tx.execute(text("CREATE TABLE line (text TEXT)"))
        with pytest.raises(DBAPIError) as caught:
            async with store.begin() as tx:
                await tx.execute(text("INSERT INTO line VALUES ('half')"))
                between.open.clear()
                await tx.execute(text("INSERT INTO line VALUES ('never')"))
        assert isinstance(trouble(caught.value), StoreUnreachable)
        with pytest.raises(StoreUnreachable):
            await write(store, "asked")
        with patient():
            work = asyncio.create_task(write(store, "own"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(work), 2.5)
        between.open.set()
        await asyncio.wait_for(work, PATIENCE_S)
        async with store.begin() as tx:
            assert list(await tx.scalars(text("SELECT text FROM line"))) == ["own"]
        await store.close()


@pytest.mark.parametrize(("outer", "expected"), [(None, False), (True, True), (False, True)])
async def test_a_task_that_outlives_its_beginner_waits_only_in_a_running_bot(
    outer: bool | None, expected: bool
) -> None:
    async def ask() -> bool:
        return waits()

    if outer is None:
        assert await patient_task(ask(), name="t") is expected
        return
    with patient(outer):
        assert waits() is outer
        assert await patient_task(ask(), name="t") is expected
        assert waits() is outer

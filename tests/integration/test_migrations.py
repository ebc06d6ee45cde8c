"""Migrations on real databases: every step up, down and up again; what they make is what the code expects."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Boolean, Column, Connection, DateTime, Float, Integer, MetaData, Table, inspect, select
from sqlalchemy.ext.asyncio import create_async_engine

from bot import shipped
from bot.errors import NotFound, Refused
from bot.home import Home
from bot.store import Store, copies, migrate, sqlite
from bot.store.errors import StoreDamaged, StoreTooNew, StoreUnreachable, sqlite_trouble
from bot.store.tables import Base, PersonRow
from tests.patience import PATIENCE_S


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/maf.db"
    return str(request.getfixturevalue("postgres_url"))


async def _add_person(url: str, user: int) -> None:
    """A person in a store of any revision."""
    store = Store(url)
    values: dict[str, Any] = {"user_id": user, "name": "Ann", "role": "owner"}
    try:
        async with store.begin() as tx:
            known = await (await tx.connection()).run_sync(
                lambda c: {x["name"] for x in inspect(c).get_columns("people")}
            )
            values |= {"paired_at": datetime(2026, 9, 1, tzinfo=UTC)} | ({"tenure": user} if "tenure" in known else {})
            names = [column for column in PersonRow.__table__.columns if column.name in values]
            people = Table("people", MetaData(), *(Column(one.name, one.type) for one in names))
            await tx.execute(people.insert().values(values))
    finally:
        await store.close()


def _people(file: Path) -> list[int]:
    with sqlite3.connect(file) as connection:
        found = [row[0] for row in connection.execute("SELECT user_id FROM people ORDER BY user_id")]
    connection.close()
    return found


async def test_every_revision_goes_up_down_and_up(url: str) -> None:
    steps = ["base", *migrate.revisions()]
    for lower, upper in pairwise(steps):
        await migrate.move(url, upper)
        await migrate.move(url, lower)
        assert await migrate.current(url) == (None if lower == "base" else lower)
        await migrate.move(url, upper)
        assert await migrate.current(url) == upper


async def test_a_delivery_that_an_item_points_at_outlives_the_rebuilding_of_its_table(url: str) -> None:
    """SQLite copies a table to take a column out of it (0009)."""
    at = "'2026-09-01 12:00:00+00:00'"
    rows = {
        "drafts": f"'f1', 1, 'general', 'pending', 'Ann', '{{}}', {at}, {at}",
        "deliveries": f"'d1', 'w1', 'hello', 'd1', 'idle', 'queued', '[]', '', 'Ann', {at}, {at}",
        "items": "'f1', 0, 'w1', 'assign', '', 'hello', '', 'drafted', 'd1'",
    }
    columns = {
        "drafts": "id, version, pack, status, created_by, options, created_at, expires_at",
        "deliveries": "id, agent, text, ref, mode, status, notes, reason, created_by, created_at, updated_at",
        "items": "draft_id, position, agent, action, title, prompt, reason, status, delivery_id",
    }
    await migrate.move(url, "0008")
    store = Store(url)
    async with store.engine.begin() as connection:
        for table, values in rows.items():
            await connection.exec_driver_sql(f"INSERT INTO {table} ({columns[table]}) VALUES ({values})")
    await store.close()
    for revision, ref in (("0009", None), ("0008", "d1"), (migrate.head(), None)):
        await migrate.move(url, revision)
        store = Store(url)
        async with store.engine.begin() as connection:
            (found,) = await connection.exec_driver_sql(
                "SELECT deliveries.* FROM items JOIN deliveries ON deliveries.id = items.delivery_id"
            )
        await store.close()
        assert (found.text, getattr(found, "ref", None)) == ("hello", ref)


def _value(column: Column[Any]) -> Any:
    """Something that fits into a column, the same in every table, so that rows point to each other."""
    if isinstance(column.type, DateTime):
        return datetime(2026, 9, 1, 12, 30, tzinfo=UTC if column.type.timezone else None)
    if isinstance(column.type, JSON):
        return [{"said": "Ünïcode 🧪"}]
    kinds = ((Boolean, True), (Float, 1.5), (Integer, 1))
    return next((value for kind, value in kinds if isinstance(column.type, kind)), "x")


def _tables(connection: Connection) -> list[Table]:
    """Those of the store as it is, those that others point to first."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def _fill(connection: Connection, had: Collection[str]) -> None:
    """A row in each table that was not there before."""
    for table in _tables(connection):
        if table.name not in had:
            connection.execute(table.insert().values({column.name: _value(column) for column in table.columns}))


def _kept(connection: Connection) -> dict[str, dict[str, Any]]:
    return {table.name: dict(connection.execute(select(table)).one()._mapping) for table in _tables(connection)}


async def test_what_a_store_of_any_age_holds_is_kept_up_to_the_newest_and_down_again(url: str) -> None:
    """Each table gets a row in the revision that made it, and has it in every later one, and on the way back."""
    engine = create_async_engine(url)
    held: dict[str, dict[str, Any]] = {}
    steps = ["base", *migrate.revisions()]
    for revision in [*steps[1:], *reversed(steps[1:-1])]:
        await migrate.move(url, revision)
        async with engine.begin() as connection:
            await connection.run_sync(_fill, set(held))
            now = await connection.run_sync(_kept)
        for table, before in held.items():
            both = before.keys() & now.get(table, {}).keys()
            assert {name: now[table][name] for name in both} == {name: before[name] for name in both}, revision
        held = {**held, **now}
        if revision == migrate.head():
            store = Store(url)
            async with store.begin() as tx:
                for mapper in Base.registry.mappers:
                    assert len(list(await tx.scalars(select(mapper.class_)))) == 1, mapper
            await store.close()
    await engine.dispose()
    await migrate.move(url, "base")


async def test_the_tables_are_those_of_the_code(url: str) -> None:
    made = await migrate.upgrade(url)
    assert (made.before, made.after) == (None, migrate.head())
    assert await migrate.check(url) == []


async def test_check_sees_a_table_that_differs(url: str) -> None:
    await migrate.upgrade(url)
    store = Store(url)
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE people DROP COLUMN name")
        await connection.exec_driver_sql("CREATE TABLE stray (id INTEGER)")
        await connection.exec_driver_sql("DROP TABLE outbox")
    await store.close()
    wrong = {problem.removeprefix("the tables are not those of this maf: ") for problem in await migrate.check(url)}
    assert {"column people.name is missing", "table outbox is missing", "table stray does not belong here"} <= wrong
    assert all(words.startswith(("column ", "table ", "index ")) and len(words) < 80 for words in wrong), wrong


def test_the_known_revisions_are_those_of_alembic() -> None:
    config = Config()
    config.set_main_option("script_location", str(shipped.folder("migrations")))
    script = ScriptDirectory.from_config(config)
    assert migrate.revisions() == [revision.revision for revision in reversed(list(script.walk_revisions()))]
    assert script.get_heads() == [migrate.head()]


async def test_an_upgrade_copies_the_file_aside_and_keeps_five(tmp_path: Path) -> None:
    url, home = f"sqlite+aiosqlite:///{tmp_path}/maf.db", Home(tmp_path)
    first, last = migrate.revisions()[0], migrate.head()
    await migrate.move(url, first)
    await _add_person(url, 7)  # still in the -wal: a copy of the file alone would miss it
    done = await migrate.upgrade(url, home)
    assert (done.before, done.after) == (first, last)
    assert done.copy is not None and _people(done.copy) == [7]
    assert stat.S_IMODE(done.copy.stat().st_mode) == 0o600
    for _ in range(6):
        await migrate.move(url, first)
        await migrate.upgrade(url, home)
    kept = list((tmp_path / "backups").iterdir())
    assert len(kept) == sqlite.KEEP_COPIES and done.copy not in kept


async def test_a_failing_migration_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "maf.db"
    url = f"sqlite+aiosqlite:///{file}"
    await migrate.move(url, "0001")
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE quota_readings (x)")  # the third table of 0002: two are made before it fails
    connection.close()
    with pytest.raises(Exception, match="quota_readings already exists"):
        await migrate.upgrade(url, Home(tmp_path))
    assert await migrate.current(url) == "0001"
    with sqlite3.connect(file) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'quota%'")}
    connection.close()
    assert names == {"quota_readings"}


async def test_a_newer_store_is_refused(url: str) -> None:
    await migrate.upgrade(url)
    store = Store(url)
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    await store.close()
    with pytest.raises(StoreTooNew, match="9999"):
        await migrate.upgrade(url)
    (problem,) = await migrate.check(url)
    assert "newer maf" in problem and "db upgrade" not in problem


async def test_backup_and_restore(tmp_path: Path) -> None:
    file, copy = tmp_path / "maf.db", tmp_path / "copy.db"
    url = f"sqlite+aiosqlite:///{file}"
    with pytest.raises(NotFound):
        await copies.backup(url, copy)
    await migrate.upgrade(url)
    await _add_person(url, 1)
    await copies.backup(url, copy)
    with pytest.raises(Refused, match="exists already"):
        await copies.backup(url, copy)
    await _add_person(url, 2)
    aside = await copies.restore(url, copy, Home(tmp_path))
    assert _people(file) == [1]
    assert aside is not None and _people(aside) == [1, 2]


async def test_the_oldest_copy_can_be_put_back_and_stays(tmp_path: Path) -> None:
    url, home = f"sqlite+aiosqlite:///{tmp_path}/maf.db", Home(tmp_path)
    await migrate.move(url, migrate.revisions()[0])
    await _add_person(url, 7)
    for _ in range(sqlite.KEEP_COPIES):
        await migrate.upgrade(url, home)
        await migrate.move(url, migrate.revisions()[0])
    oldest = min((tmp_path / "backups").iterdir())
    await copies.restore(url, oldest, home)
    assert _people(tmp_path / "maf.db") == [7]
    assert not oldest.exists() or _people(oldest) == [7]
    assert len(list((tmp_path / "backups").iterdir())) == sqlite.KEEP_COPIES


async def test_a_damaged_store_is_said_kept_and_replaced_by_a_copy(tmp_path: Path) -> None:
    file, copy, home = tmp_path / "maf.db", tmp_path / "copy.db", Home(tmp_path)
    url = f"sqlite+aiosqlite:///{file}"
    await migrate.upgrade(url)
    await _add_person(url, 1)
    await copies.backup(url, copy)
    damaged = b"not what it was" * 1000
    file.write_bytes(damaged)
    with pytest.raises(StoreDamaged, match=re.escape(str(file))) as raised:
        await migrate.upgrade(url, home)
    assert "maf db restore" in raised.value.hint
    assert "damaged" in (await migrate.check(url))[0]
    assert file.read_bytes() == damaged
    kept = await copies.restore(url, copy, home)
    assert kept is not None and kept.read_bytes() == damaged
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert _people(file) == [1]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


async def test_the_store_is_not_put_back_from_itself(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/maf.db"
    await migrate.upgrade(url)
    await _add_person(url, 1)
    with pytest.raises(Refused, match="the store itself"):
        await copies.restore(url, tmp_path / "maf.db")
    assert _people(tmp_path / "maf.db") == [1]


async def test_a_locked_store_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "TIMEOUT_S", 0.1)
    url = f"sqlite+aiosqlite:///{tmp_path}/maf.db"
    await migrate.move(url, migrate.revisions()[0])
    other = sqlite3.connect(tmp_path / "maf.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnreachable, match="is locked by another process"):
        await migrate.upgrade(url, Home(tmp_path))
    other.close()
    assert (await migrate.upgrade(url, Home(tmp_path))).after == migrate.head()


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    file = tmp_path / "maf.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE t (x)")
    connection.execute("PRAGMA max_page_count = 3")
    with pytest.raises(sqlite3.OperationalError) as raised:
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    connection.close()
    trouble = sqlite_trouble(raised.value, file)
    assert isinstance(trouble, StoreUnreachable) and "the disk is full" in trouble.message
    assert sqlite_trouble(ZeroDivisionError(), file) is None


async def test_only_the_owner_can_read_a_new_store(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/maf.db"
    await migrate.upgrade(url)
    await _add_person(url, 1)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("maf.db*")} == {0o600}


async def test_what_is_no_store_is_not_restored(tmp_path: Path) -> None:
    file = tmp_path / "maf.db"
    url = f"sqlite+aiosqlite:///{file}"
    await migrate.upgrade(url)
    await _add_person(url, 1)
    text, other, cut = tmp_path / "text", tmp_path / "other.db", tmp_path / "cut.db"
    text.write_text("hello " * 1000)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    await copies.backup(url, cut)
    cut.write_bytes(cut.read_bytes()[:-8192])
    for bad in (text, other, cut):
        with pytest.raises(Refused, match=re.escape(str(bad))):
            await copies.restore(url, bad)
    with pytest.raises(NotFound):
        await copies.restore(url, tmp_path / "none")
    assert _people(file) == [1]


async def test_two_upgrades_at_once_make_one_store(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/maf.db"
    results = await asyncio.gather(*(migrate.upgrade(url) for _ in range(3)), return_exceptions=True)
    assert await migrate.current(url) == migrate.head()
    assert [r.after for r in results if isinstance(r, migrate.Upgraded)] == [migrate.head()] * 3


async def test_a_store_at_the_head_does_not_import_alembic(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/maf.db"
    await migrate.upgrade(url)
    code = (
        "import asyncio, sys; from bot.store import migrate;"
        f"print(asyncio.run(migrate.upgrade({url!r})).after, 'alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout.split() == [migrate.head(), "False"]


async def test_an_unreachable_database_says_so() -> None:
    with pytest.raises(StoreUnreachable, match=r"127\.0\.0\.1"):
        await migrate.current("postgresql+asyncpg://maf:secret@127.0.0.1:1/none")


async def test_a_parameter_that_is_not_known_is_named() -> None:
    with pytest.raises(StoreUnreachable, match="leave out channel_binding"):
        await migrate.current("postgresql+asyncpg://maf:secret@127.0.0.1:1/none?channel_binding=require")

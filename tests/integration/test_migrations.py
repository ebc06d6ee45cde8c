"""Migrations on real databases: every step up, down and up again; what they make is what the code expects."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from bot.errors import NotFound, Refused
from bot.home import Home
from bot.store import Store, migrate
from bot.store.tables import PersonRow
from tests.postgres import postgres_cluster, postgres_url  # noqa: F401


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/maf.db"
    return str(request.getfixturevalue("postgres_url"))


async def _add_person(url: str, user: int) -> None:
    store = Store(url)
    try:
        async with store.begin() as tx:
            tx.add(PersonRow(user_id=user, name="Ann", role="owner", paired_at=datetime(2026, 9, 1, tzinfo=UTC)))
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


async def test_the_tables_are_those_of_the_code(url: str) -> None:
    made = await migrate.upgrade(url)
    assert (made.before, made.after) == (None, migrate.head())
    assert await migrate.check(url) == []


async def test_check_sees_a_table_that_differs(url: str) -> None:
    await migrate.upgrade(url)
    store = Store(url)
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE people DROP COLUMN name")
    await store.close()
    problems = await migrate.check(url)
    assert len(problems) == 1 and "name" in problems[0]


def test_the_known_revisions_are_those_of_alembic() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.migrations_dir()))
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
    copies = list((tmp_path / "backups").iterdir())
    assert len(copies) == migrate.KEEP_COPIES and done.copy not in copies


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
    with pytest.raises(migrate.StoreTooNew, match="9999"):
        await migrate.upgrade(url)


async def test_backup_and_restore(tmp_path: Path) -> None:
    file, copy = tmp_path / "maf.db", tmp_path / "copy.db"
    url = f"sqlite+aiosqlite:///{file}"
    with pytest.raises(NotFound):
        await migrate.backup(url, copy)
    await migrate.upgrade(url)
    await _add_person(url, 1)
    await migrate.backup(url, copy)
    with pytest.raises(Refused, match="exists already"):
        await migrate.backup(url, copy)
    await _add_person(url, 2)
    aside = await migrate.restore(url, copy, Home(tmp_path))
    assert _people(file) == [1]
    assert aside is not None and _people(aside) == [1, 2]


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
    await migrate.backup(url, cut)
    cut.write_bytes(cut.read_bytes()[:-8192])
    for bad in (text, other, cut):
        with pytest.raises(Refused, match=re.escape(str(bad))):
            await migrate.restore(url, bad)
    with pytest.raises(NotFound):
        await migrate.restore(url, tmp_path / "none")
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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [migrate.head(), "False"]


async def test_an_unreachable_database_says_so() -> None:
    with pytest.raises(migrate.StoreUnreachable, match=r"127\.0\.0\.1"):
        await migrate.current("postgresql+asyncpg://maf:secret@127.0.0.1:1/none")

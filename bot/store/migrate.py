"""The schema of the store: brought up to date, checked, copied aside, put back.

Alembic takes a third of a second to import, so it is imported only where there is something to do: a store that is
already at the head is recognised by its `alembic_version` row and the names of the migration files
(`migrations/versions/NNNN_words.py`, revision `NNNN`).
"""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from bot.errors import DependencyMissing, MafError, NotFound, Refused
from bot.home import Home

Answer = TypeVar("Answer")
KEEP_COPIES = 5
CONNECT_S = 15.0
_POSTGRES_LOCK = 0x6D6166  # "maf": one process migrates at a time


class StoreTooNew(MafError):
    """This store was made by a newer maf."""

    code = "store_too_new"
    hint = "Update maf, or restore an older copy with: maf db restore FILE"


class StoreUnreachable(DependencyMissing):
    """The database did not answer."""

    code = "store"
    hint = "Check MAF_DATABASE_URL, and that the database is running and lets you in."


@dataclass(frozen=True, slots=True)
class Upgraded:
    """Revisions before (None: a new store) and after; `copy` is where the file was copied to before the change."""

    before: str | None
    after: str
    copy: Path | None = None


def migrations_dir() -> Path:
    """Where the migrations lie: in the wheel, else in the source tree."""
    package = Path(__file__).resolve().parent.parent
    bundled = package / "_bundled" / "migrations"
    return bundled if bundled.is_dir() else package.parent / "migrations"


def revisions() -> list[str]:
    """All revisions that this program knows, oldest first."""
    names = (path.name for path in (migrations_dir() / "versions").glob("[0-9]*.py"))
    return sorted(match[1] for name in names if (match := re.match(r"(\d{4})_", name)))


def head() -> str:
    return revisions()[-1]


async def current(url: str) -> str | None:
    """The revision of the store; None when it is new or empty. Raises StoreUnreachable."""
    place = make_url(url)
    if _is_sqlite(place):
        return await asyncio.to_thread(_sqlite_revision, _file(place))
    return await _on_postgres(place, _revision_of)


async def upgrade(url: str, home: Home | None = None) -> Upgraded:
    """Bring the store to the head, all steps or none. A SQLite file is first copied to `HOME/backups`, where the last
    five copies stay. Raises StoreTooNew, StoreUnreachable."""
    before = await current(url)
    target = head()
    if before == target:
        return Upgraded(before, target)
    if before is not None and before not in revisions():
        raise StoreTooNew(f"This store was made by a newer maf (it is at {before}, this maf knows {target}).")
    place, copy = make_url(url), None
    if before is not None and _is_sqlite(place):
        copy = await asyncio.to_thread(_copy_aside, _file(place), home, before)
    await move(url, target)
    return Upgraded(before, target, copy)


async def move(url: str, revision: str) -> None:
    """Go up or down to a revision (`base` is the empty store), in one transaction."""
    place = make_url(url)
    if not _is_sqlite(place):
        await _on_postgres(place, lambda connection: _alembic(connection, revision), lock=True)
        return
    file = _file(place)
    file.parent.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(_on_sqlite, file, lambda connection: _alembic(connection, revision))


async def check(url: str) -> list[str]:
    """What is wrong with the store, in words; nothing when it is sound and its tables are those of this program."""
    at = await current(url)
    if at is None:
        return ["the store is empty; run: maf db upgrade"]
    problems = [] if at == head() else [f"it is at revision {at}, this maf needs {head()}; run: maf db upgrade"]
    place = make_url(url)
    if not _is_sqlite(place):
        return problems + (await _on_postgres(place, _differences) if at == head() else [])
    file = _file(place)
    problems += await asyncio.to_thread(_sqlite_damage, file)
    if at == head() and not problems:
        problems += await asyncio.to_thread(_on_sqlite, file, _differences)
    return problems


async def backup(url: str, target: Path) -> None:
    """A copy of the whole store, consistent while the bot runs. SQLite only. Raises Refused, NotFound."""
    file = _sqlite_only(url, "pg_dump")
    await asyncio.to_thread(_back_up, file, target)


async def restore(url: str, source: Path, home: Home | None = None) -> Path | None:
    """Put a copy back as the store; what was there is first copied to `HOME/backups` and that path is returned.

    The caller holds the home's lock: no bot may run. Raises NotFound, Refused (no store of ours, damaged), StoreTooNew.
    """
    file = _sqlite_only(url, "pg_restore")
    revision = await asyncio.to_thread(_validate_copy, source)
    if revision not in revisions():
        raise StoreTooNew(f"{source} was made by a newer maf (it is at {revision}, this maf knows {head()}).")
    aside = None
    if file.is_file():
        aside = await asyncio.to_thread(_copy_aside, file, home, "replaced")
    await asyncio.to_thread(_pour, source, file)
    return aside


def _is_sqlite(place: URL) -> bool:
    return place.get_backend_name() == "sqlite"


def _file(place: URL) -> Path:
    if not place.database or place.database == ":memory:":
        raise Refused("A store in memory cannot be migrated.")
    return Path(place.database)


def _sqlite_only(url: str, instead: str) -> Path:
    place = make_url(url)
    if not _is_sqlite(place):
        raise Refused("The store is a PostgreSQL database.", hint=f"Use {instead} for it.")
    return _file(place)


def _sqlite_revision(file: Path) -> str | None:
    if not file.is_file() or file.stat().st_size == 0:
        return None
    try:
        with closing(sqlite3.connect(file, timeout=CONNECT_S)) as connection:
            named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
            if connection.execute(named).fetchone() is None:
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise StoreUnreachable(
            f"{file} cannot be read: {error}", hint="Is it a SQLite file? See: maf db check"
        ) from error
    return str(row[0]) if row else None


def _revision_of(connection: Connection) -> str | None:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _alembic(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_dir()).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = connection.dialect.has_table(connection, "alembic_version")
    at = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if known else None
    downwards = revision == "base" or (at is not None and str(at) > revision)
    (command.downgrade if downwards else command.upgrade)(config, revision)


def _differences(connection: Connection) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from bot.store.tables import Base

    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [
        f"the tables are not those of this maf: {difference}" for difference in compare_metadata(context, Base.metadata)
    ]


def _on_sqlite(file: Path, act: Callable[[Connection], Answer]) -> Answer:
    """Run in one transaction. Foreign keys stay off: batch mode copies tables and drops the old ones."""
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": CONNECT_S})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # else the driver would commit before each DDL statement

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.begin() as connection:
            return act(connection)
    finally:
        engine.dispose()


async def _on_postgres(place: URL, act: Callable[[Connection], Answer], *, lock: bool = False) -> Answer:
    engine = create_async_engine(place, connect_args={"timeout": CONNECT_S})
    try:
        async with engine.begin() as connection:
            if lock:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})"))
            return await connection.run_sync(act)
    except (OSError, SQLAlchemyError) as error:
        if isinstance(error, DBAPIError | OSError):
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise StoreUnreachable(f"The database at {place.host or 'localhost'} failed: {reason}") from error
        raise
    finally:
        await engine.dispose()


def _back_up(file: Path, target: Path) -> None:
    if not file.is_file():
        raise NotFound(f"There is no store at {file} yet.")
    if target.exists():
        raise Refused(f"{target} exists already; nothing was overwritten.")
    try:
        _copy(file, target)
    except (OSError, sqlite3.Error) as error:
        raise Refused(
            f"{target} cannot be written: {getattr(error, 'strerror', None) or error}.", hint="Choose another place."
        ) from error


def _copy(source: Path, target: Path) -> None:
    """A consistent copy by SQLite's own backup, whole or not at all; readable by the owner only."""
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(source, timeout=CONNECT_S)) as old, closing(sqlite3.connect(partial)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")  # one file, without a -wal beside it
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _copy_aside(file: Path, home: Home | None, label: str) -> Path:
    folder = (home.root if home else file.parent) / "backups"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    target = folder / f"maf-{stamp}-{label}.db"
    _copy(file, target)
    for old in sorted(folder.glob("maf-*.db"))[:-KEEP_COPIES]:
        old.unlink(missing_ok=True)
    return target


def _sqlite_damage(file: Path) -> list[str]:
    with closing(sqlite3.connect(file, timeout=CONNECT_S)) as connection:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    problems = [] if found == ["ok"] else [f"the file is damaged: {line}" for line in found]
    return problems + ([f"{len(orphans)} rows point to rows that do not exist"] if orphans else [])


def _validate_copy(source: Path) -> str:
    """The revision of a file that is to become the store."""
    if not source.is_file():
        raise NotFound(f"There is no file {source}.")
    try:
        revision = _sqlite_revision(source)
        problems = _sqlite_damage(source) if revision else []
    except (StoreUnreachable, sqlite3.Error) as error:
        raise Refused(f"{source} is no SQLite database, or a damaged one.") from error
    if revision is None:
        raise Refused(f"{source} is no store of maf.")
    if problems:
        raise Refused(f"{source}: {problems[0]}.")
    return revision


def _pour(source: Path, file: Path) -> None:
    """Overwrite the store in one transaction of its own: a crash leaves the old one or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(source)) as new, closing(sqlite3.connect(file, timeout=CONNECT_S)) as old:
        new.backup(old)

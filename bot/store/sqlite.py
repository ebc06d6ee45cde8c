"""A store that is a SQLite file: its revision, its soundness, one transaction on it, copies of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from bot.errors import Refused
from bot.home import Home
from bot.store.errors import sqlite_trouble

Answer = TypeVar("Answer")
KEEP_COPIES = 5
TIMEOUT_S = 15.0


def file_of(place: URL) -> Path | None:
    """The file of the store; None when it is no SQLite. Raises Refused for one in memory."""
    if place.get_backend_name() != "sqlite":
        return None
    if not place.database or place.database == ":memory:":
        raise Refused("A store in memory cannot be migrated.")
    return Path(place.database)


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a file that must exist. Raises StoreDamaged, StoreUnreachable."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", timeout=TIMEOUT_S, uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        if (trouble := sqlite_trouble(error, file)) is not None:
            raise trouble from error
        raise


def revision(file: Path) -> str | None:
    """The revision that stands in the file; None for a file that is missing, empty or not ours."""
    if not file.is_file() or file.stat().st_size == 0:
        return None
    with opened(file) as connection:
        named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
        if connection.execute(named).fetchone() is None:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def damage(file: Path) -> list[str]:
    """What SQLite finds wrong in the file, in words."""
    with opened(file) as connection:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    problems = [] if found == ["ok"] else [f"the file is damaged: {line}" for line in found]
    return problems + ([f"{len(orphans)} rows point to rows that do not exist"] if orphans else [])


def transact(file: Path, act: Callable[[Connection], Answer]) -> Answer:
    """Run in one transaction; a file that is missing is made, for its owner alone.

    Raises StoreDamaged, StoreUnreachable, and Refused when the file cannot be made.
    Foreign keys stay off: batch mode copies tables and drops the old ones.
    """
    engine = create_engine(URL.create("sqlite", database=str(file)), connect_args={"timeout": TIMEOUT_S})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # else the driver would commit before each DDL statement

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with engine.begin() as connection:
            return act(connection)
    except OSError as error:
        raise Refused(f"{file} cannot be made: {error.strerror}.", hint="Check who owns the folder.") from error
    except DBAPIError as error:
        if (trouble := sqlite_trouble(error.orig, file)) is not None:
            raise trouble from error
        raise
    finally:
        engine.dispose()


def copy(source: Path, target: Path) -> None:
    """A consistent copy by SQLite's own backup, whole or not at all, for its owner alone.

    Raises StoreDamaged and StoreUnreachable of the source, Refused when the target cannot be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with opened(source) as old, closing(sqlite3.connect(partial)) as new:
            _fill(new, old, target)
        partial.replace(target)
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror}.", hint="Choose another place.") from error
    finally:
        partial.unlink(missing_ok=True)


def _fill(new: sqlite3.Connection, old: sqlite3.Connection, target: Path) -> None:
    try:
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")  # one file, without a -wal beside it
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
            raise
        raise Refused(f"{target} cannot be written: the disk is full.", hint="Free some space.") from error


def copies(file: Path, home: Home | None) -> Path:
    """The folder in which the copies of a store lie."""
    return (home.root if home else file.parent) / "backups"


def aside(file: Path, folder: Path, label: str) -> Path:
    """Copy the store into the folder of its copies. -> the copy"""
    target = _name(folder, label)
    copy(file, target)
    return target


def prune(folder: Path) -> None:
    """Forget all but the newest copies."""
    for old in sorted(folder.glob("maf-*.db"))[:-KEEP_COPIES]:
        old.unlink(missing_ok=True)
        Path(f"{old}-wal").unlink(missing_ok=True)


def pour(source: Path, file: Path) -> None:
    """Make the store what `source` is, in one transaction of SQLite: a crash leaves the old one or the new one, and
    another process may have it open."""
    file.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    with opened(source) as new, opened(file) as old:
        new.backup(old)


def replace_damaged(source: Path, file: Path, folder: Path) -> Path:
    """Put a copy of `source` in the place of a store that SQLite cannot read. -> where its bytes are kept

    What lay beside it goes with it: the journal of the old file must not be played into the new one.
    """
    kept, ready = _name(folder, "damaged"), file.with_name(f".{file.name}.ready")
    copy(source, ready)
    try:
        for end in ("", "-wal"):
            if (part := Path(f"{file}{end}")).exists():
                shutil.copyfile(part, f"{kept}{end}")
                Path(f"{kept}{end}").chmod(0o600)
        for end in ("-wal", "-shm"):
            Path(f"{file}{end}").unlink(missing_ok=True)
        ready.replace(file)
    except OSError as error:
        raise Refused(f"{kept} cannot be written: {error.strerror}.", hint="Free some space.") from error
    finally:
        ready.unlink(missing_ok=True)
    return kept


def _name(folder: Path, label: str) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"maf-{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{label}.db"

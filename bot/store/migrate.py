"""The schema of the store: brought up to date and checked.

Alembic takes a third of a second to import, so it is imported only where there is something to do: a store that is
already at the head is recognised by its `alembic_version` row and the names of the migration files
(`migrations/versions/NNNN_words.py`, revision `NNNN`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from bot import shipped
from bot.home import Home
from bot.store import sqlite
from bot.store.errors import StoreDamaged, StoreTooNew, StoreUnreachable

Answer = TypeVar("Answer")
CONNECT_S = 15.0
_POSTGRES_LOCK = 0x6D6166  # "maf": one process migrates at a time


@dataclass(frozen=True, slots=True)
class Upgraded:
    """Revisions before (None: a new store) and after; `copy` is where the file was copied to before the change."""

    before: str | None
    after: str
    copy: Path | None = None


def revisions() -> list[str]:
    """All revisions that this program knows, oldest first."""
    names = (path.name for path in (shipped.folder("migrations") / "versions").glob("[0-9]*.py"))
    return sorted(match[1] for name in names if (match := re.match(r"(\d{4})_", name)))


def head() -> str:
    return revisions()[-1]


async def current(url: str) -> str | None:
    """The revision of the store; None when it is new or empty. Raises StoreUnreachable, StoreDamaged."""
    place = make_url(url)
    if file := sqlite.file_of(place):
        return await asyncio.to_thread(sqlite.revision, file)
    return await _on_postgres(place, _revision_of)


async def upgrade(url: str, home: Home | None = None) -> Upgraded:
    """Bring the store to the head, all steps or none. A SQLite file is first copied to `HOME/backups`, where the last
    five copies stay. Raises StoreTooNew, StoreUnreachable, StoreDamaged, Refused when it cannot be copied."""
    before = await current(url)
    target = head()
    if before == target:
        return Upgraded(before, target)
    known(before, "This store")
    copy = None
    if before is not None and (file := sqlite.file_of(make_url(url))):
        copies = sqlite.copies(file, home)
        copy = await asyncio.to_thread(sqlite.aside, file, copies, before)
        await asyncio.to_thread(sqlite.prune, copies)
    await move(url, target)
    return Upgraded(before, target, copy)


def known(revision: str | None, what: str) -> None:
    """Raises StoreTooNew for a revision that this program does not have."""
    if revision is not None and revision not in revisions():
        raise StoreTooNew(f"{what} was made by a newer maf (it is at {revision}, this maf knows {head()}).")


async def move(url: str, revision: str) -> None:
    """Go up or down to a revision (`base` is the empty store), in one transaction."""
    place = make_url(url)
    if file := sqlite.file_of(place):
        await asyncio.to_thread(sqlite.transact, file, lambda connection: _alembic(connection, revision))
        return
    await _on_postgres(place, lambda connection: _alembic(connection, revision), lock=True)


async def check(url: str) -> list[str]:
    """What is wrong with the store, in words; nothing when it is sound and its tables are those of this program."""
    try:
        return await _check(url)
    except (StoreDamaged, StoreTooNew) as error:
        return [error.sentence]


async def _check(url: str) -> list[str]:
    at = await current(url)
    if at is None:
        return ["the store is empty; run: maf db upgrade"]
    known(at, "This store")
    problems = [] if at == head() else [f"it is at revision {at}, this maf needs {head()}; run: maf db upgrade"]
    place = make_url(url)
    file = sqlite.file_of(place)
    if file is None:
        return problems + (await _on_postgres(place, _differences) if at == head() else [])
    problems += await asyncio.to_thread(sqlite.damage, file)
    if at == head() and not problems:
        problems += await asyncio.to_thread(sqlite.transact, file, _differences)
    return problems


def _revision_of(connection: Connection) -> str | None:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _alembic(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(shipped.folder("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    there = connection.dialect.has_table(connection, "alembic_version")
    at = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if there else None
    downwards = revision == "base" or (at is not None and str(at) > revision)
    (command.downgrade if downwards else command.upgrade)(config, revision)


def _differences(connection: Connection) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from bot.store.tables import Base

    context = MigrationContext.configure(connection, opts={"compare_type": True})
    found = compare_metadata(context, Base.metadata)
    return [f"the tables are not those of this maf: {_in_words(difference)}" for difference in found]


def _in_words(difference: Any) -> str:
    """What Alembic would do about a difference, as what is wrong: "column agents.role is missing".

    ("add_table", Table) or ("add_column", SCHEMA, "agents", Column), or, for a column that is another, a list of
    ("modify_type", SCHEMA, "agents", "role", …): alembic.autogenerate.compare_metadata, Alembic 1.20.
    """
    first, *rest = difference[0] if isinstance(difference, list) else difference
    verb, _, noun = str(first).partition("_")
    names = [getattr(part, "name", part) for part in (rest if len(rest) == 1 else rest[1:3])]
    wrong = {"add": "is missing", "remove": "does not belong here", "modify": "is another"}
    return f"{noun} {'.'.join(map(str, names))} {wrong.get(verb, verb)}"


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
    except TypeError as error:
        if not (found := re.search(r"connect\(\) got an unexpected keyword argument '(\w+)'", str(error))):
            raise
        # libpq has parameters that asyncpg has not, and hosts put them into the addresses that they give.
        raise StoreUnreachable(f"MAF_DATABASE_URL: leave out {found[1]}=…, it is not known here.") from error
    finally:
        await engine.dispose()

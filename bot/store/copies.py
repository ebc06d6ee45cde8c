"""Copies of a whole store that a person asks for: made, and put back. SQLite only; PostgreSQL has tools of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import make_url

from bot.errors import NotFound, Refused
from bot.home import Home
from bot.store import migrate, sqlite
from bot.store.errors import StoreDamaged


async def backup(url: str, target: Path) -> None:
    """A copy of the whole store, consistent while the bot runs. Raises Refused, NotFound."""
    file = _sqlite_only(url, "pg_dump")
    await asyncio.to_thread(_backup, file, target)


async def restore(url: str, source: Path, home: Home | None = None) -> Path | None:
    """Put a copy back as the store; what was there is kept in `HOME/backups`, and that path is returned.

    The caller holds the home's lock: no bot may run. Raises NotFound, Refused (no store of ours, damaged), StoreTooNew.
    """
    file = _sqlite_only(url, "pg_restore")
    return await asyncio.to_thread(_restore, file, source, sqlite.copies(file, home))


def _backup(file: Path, target: Path) -> None:
    if not file.is_file():
        raise NotFound(f"There is no store at {file} yet.")
    if target.exists():
        raise Refused(f"{target} exists already; nothing was overwritten.")
    sqlite.copy(file, target)


def _restore(file: Path, source: Path, folder: Path) -> Path | None:
    _validate(source, file)
    kept = None
    if file.is_file():
        try:
            kept = sqlite.aside(file, folder, "replaced")
        except StoreDamaged:
            return sqlite.replace_damaged(source, file, folder)
    sqlite.pour(source, file)
    sqlite.prune(folder)  # last: the source may be one of them
    return kept


def _validate(source: Path, file: Path) -> None:
    """Whether a file may become the store."""
    if not source.is_file():
        raise NotFound(f"There is no file {source}.")
    if file.exists() and source.samefile(file):
        raise Refused(f"{source} is the store itself.")
    try:
        revision = sqlite.revision(source)
        problems = sqlite.damage(source) if revision else []
    except StoreDamaged as error:
        raise Refused(f"{source} is no SQLite database, or a damaged one.") from error
    if revision is None:
        raise Refused(f"{source} is no store of maf.")
    migrate.known(revision, str(source))
    if problems:
        raise Refused(f"{source}: {problems[0]}.")


def _sqlite_only(url: str, instead: str) -> Path:
    file = sqlite.file_of(make_url(url))
    if file is None:
        raise Refused("The store is a PostgreSQL database.", hint=f"Use {instead} for it.")
    return file

"""What can be wrong with a store as a whole, in words for a person."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.errors import DependencyMissing, Internal, MafError

# SQLSTATE (PostgreSQL 15, appendix A): connection, read-only, login, no such database, deadlock, out of resources, no
# lock in time, shut down or starting, the system's own errors, internal errors.
AILING = ("08", "25006", "28", "3D", "40", "53", "55P03", "57", "58", "XX")


class StoreTooNew(MafError):
    """This store was made by a newer maf."""

    code = "store_too_new"
    hint = "Update maf, or restore an older copy with: maf db restore FILE"


class StoreDamaged(MafError):
    """The store is damaged."""

    code = "store_damaged"
    hint = "Nothing was changed. Put a copy back with: maf db restore FILE (copies are in the home's backups/)."


class StoreUnreachable(DependencyMissing):
    """The database did not answer."""

    code = "store"
    hint = "Check MAF_DATABASE_URL, and that the database is running and lets you in."


def trouble(error: BaseException) -> MafError | None:
    """An error that came up while the store was used, as one for a person; None when it is a fault of the program."""
    if isinstance(error, MafError):
        return error
    if isinstance(error, PoolTimeout):
        return StoreUnreachable("The store is not keeping up: too much waits for it.", hint="Try again in a minute.")
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return sqlite_trouble(error.orig, "The store")
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated or _of_the_server(error):
        return StoreUnreachable(f"The database failed: {str(error.orig).splitlines()[0]}")
    return None


def _of_the_server(error: DBAPIError) -> bool:
    """Does PostgreSQL say that something ails itself? Else it found fault with what it was asked."""
    return str(getattr(error.orig, "sqlstate", None) or "").startswith(AILING)


def explained(error: BaseException) -> MafError:
    """The same, and for a fault of the program where its details stand."""
    return trouble(error) or Internal()


def unanswered(error: OSError) -> MafError:
    """A database that could not be connected to (asyncpg lets the error of the socket through), for a person."""
    return StoreUnreachable(f"The database does not answer: {error}.")


def sqlite_trouble(error: BaseException | None, file: Path | str) -> MafError | None:
    """An error of the SQLite library as one for a person; None when it is not about the file as a whole.

    Result codes: https://sqlite.org/rescode.html; the low byte is the kind.
    """
    if not isinstance(error, sqlite3.Error):
        return None
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if kind in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StoreDamaged(f"{file} is damaged: {error}.")
    if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        hint = "Wait until that one is done, or end it."
        return StoreUnreachable(f"{file} is locked by another process.", hint=hint)
    if kind == sqlite3.SQLITE_FULL:
        return StoreUnreachable(f"{file} cannot grow: the disk is full.", hint="Free some space.")
    if kind in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR}:
        hint = "Check that you may write the file and its folder, and that the disk is sound."
        return StoreUnreachable(f"{file} cannot be used: {error}.", hint=hint)
    return None

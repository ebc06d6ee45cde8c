"""A store whose disk is full: it can be read, and nothing can be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from bot.store import Store

WRITES = ("INSERT", "UPDATE", "DELETE")


@contextmanager
def full(store: Store, table: str = "") -> Iterator[list[str]]:
    """Every statement that writes (into `table`, if one is named) fails as SQLite's do then; -> those that failed."""
    refused: list[str] = []

    def refuse(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith(WRITES) and table in statement:
            refused.append(statement)
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise OperationalError(statement, None, error)

    event.listen(store.engine.sync_engine, "before_cursor_execute", refuse)
    try:
        yield refused
    finally:
        event.remove(store.engine.sync_engine, "before_cursor_execute", refuse)

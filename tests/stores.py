"""What a test of rows needs: a store of its own, and a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.store import Store
from bot.store.tables import Base


@asynccontextmanager
async def open_store(folder: Path) -> AsyncIterator[Store]:
    """SQLite in `folder`/maf.db, with every table; the one that lies there already, if one does."""
    store = Store(f"sqlite+aiosqlite:///{folder / 'maf.db'}")
    try:
        async with store.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield store
    finally:
        await store.close()


class StandingClock:
    """Noon of the 4th of May 2026, until `at` is set to another moment."""

    def __init__(self) -> None:
        self.at = datetime(2026, 5, 4, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

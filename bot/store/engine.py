"""One engine and its transactions.

`async with store.begin() as tx:` is one transaction: leaving it normally commits, an exception rolls back. Never await
tmux, Telegram or a subprocess inside one: read, close, act, record.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from sqlalchemy import CursorResult, UpdateBase, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from bot.store.errors import trouble, unanswered
from bot.store.patience import waits

log = logging.getLogger(__name__)

Transaction = AsyncSession
BUSY_TIMEOUT_S = 15.0
ANSWER_S = 60.0  # for PostgreSQL to do one statement; the longest of ours takes seconds
LOOK_AGAIN_S = 1.0


async def rows_changed(tx: Transaction, statement: UpdateBase) -> int:
    """Run an UPDATE or a DELETE; how many rows it changed."""
    return cast("CursorResult[Any]", await tx.execute(statement)).rowcount


class Store:
    """The database of one home. SQLite by default, PostgreSQL by URL."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # What is written may be anything that people and agents said, so no error quotes it.
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_TIMEOUT_S}, "hide_parameters": True}
        if not self.is_sqlite:
            options["pool_pre_ping"] = True
            options["connect_args"]["command_timeout"] = ANSWER_S
        self.engine: AsyncEngine = create_async_engine(self.url, **options)
        (_tune_sqlite if self.is_sqlite else _tune_postgres)(self.engine)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """A read-write transaction; on SQLite it takes the write lock at once, so it never fails half-way as busy.

        A store that is locked or gone is met here, before anything was done: StoreUnreachable, or a wait until it is
        back for the work that bot.store.patience names.
        """
        session = await self._opened()
        async with session:  # which rolls back what was not committed
            yield session
            await session.commit()

    async def _opened(self) -> AsyncSession:
        told = False
        while True:
            session = self._sessions()
            try:
                await session.connection()  # connects, and begins
            except (SQLAlchemyError, OSError) as error:
                await session.close()
                known = unanswered(error) if isinstance(error, OSError) else trouble(error)
                if known is None:
                    raise
                if not waits():
                    raise known from error
                if not told:
                    log.warning("%s Waiting until it is back.", known.message)
                told = True
            except BaseException:  # the one who asked has left
                await session.close()
                raise
            else:
                return session
            await asyncio.sleep(LOOK_AGAIN_S)

    async def close(self) -> None:
        await self.engine.dispose()


def _tune_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        # The driver's own BEGIN is deferred and comes late; we begin ourselves, at once and immediate.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={round(BUSY_TIMEOUT_S * 1000)}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _tune_postgres(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "handle_error")
    def _on_error(context: ExceptionContext) -> None:
        # asyncpg lets the error of the clock through; the connection is of no more use then.
        if isinstance(context.original_exception, TimeoutError):
            context.is_disconnect = True
            raise OperationalError(
                context.statement, None, TimeoutError("it did not answer in time"), hide_parameters=True
            )

"""One bot for each database.

The file in a home is kept by the home's own lock. A PostgreSQL may stand in the settings of two homes, and each of
their bots would take the other's agents for its own and start them once more.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Self

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import Refused
from bot.store.complaint import Complaint
from bot.store.engine import Store

log = logging.getLogger(__name__)

LOOK_S = 5.0
_KEY = 0x6D616662  # "mafb"; PostgreSQL drops the lock with the connection that holds it, however that ends
# So that the server notices within half a minute that a machine is gone; it would wait for two hours.
_KEEPALIVE = ("SET tcp_keepalives_idle = 10", "SET tcp_keepalives_interval = 5", "SET tcp_keepalives_count = 3")
# Ends a connection of ours that the server still takes for one in use, if it holds the lock.
_END = text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks"
    " WHERE locktype = 'advisory' AND classid = 0 AND objid = :key AND granted AND pid = :pid"
)


class StoreTaken(Refused):
    """Another bot runs on this database."""

    code = "store_taken"
    hint = "End that one, or give each home a database of its own (MAF_DATABASE_URL)."


class OnlyBot:
    """`async with`: no other bot runs on this database. Raises StoreTaken, at once or from `keep`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: AsyncConnection | None = None
        self._pid = 0  # the server's process behind it, or behind the one that was lost

    async def __aenter__(self) -> Self:
        if not self._store.is_sqlite:
            await self._take()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._let_go()

    async def keep(self) -> None:
        """Take it again whenever the connection was lost, for as long as the bot runs."""
        complaint = Complaint(log, "whether another bot runs on this database cannot be told")
        while not self._store.is_sqlite:
            await asyncio.sleep(LOOK_S)
            try:
                if self._held is None and await self._end_lost():
                    continue  # its lock is free in a moment
                held = self._held or await self._take()
                await held.execute(text("SELECT 1"))
            except (SQLAlchemyError, OSError) as error:
                await self._let_go()
                complaint.say(error)
            else:
                complaint.over()

    async def _end_lost(self) -> bool:
        """Whether a connection that we lost held the lock still: the server may not have noticed that it is gone."""
        async with self._store.engine.connect() as connection:
            return bool(await connection.scalar(_END, {"key": _KEY, "pid": self._pid}))

    async def _take(self) -> AsyncConnection:
        connection = await self._store.engine.connect()
        try:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            for setting in _KEEPALIVE:
                await connection.execute(text(setting))
            lock = text("SELECT pg_try_advisory_lock(:key), pg_backend_pid()")
            taken, pid = (await connection.execute(lock, {"key": _KEY})).one()
            if not taken:
                raise StoreTaken
        except BaseException:  # a cancelled one too: what is not held is not kept
            await connection.close()
            raise
        self._held, self._pid = connection, pid
        return connection

    async def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            with suppress(SQLAlchemyError, OSError):  # it may be what was lost
                await held.invalidate()  # back in the pool it would hold the lock still
                await held.close()

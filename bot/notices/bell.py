"""The bell: wakes the outbox worker as soon as a transaction with a notice in it is committed."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import event

from bot.store import Store, Transaction

_OPTION = "maf_bell"


class Bell:
    """Rings by itself after a commit once it is attached to a store; `ring` rings by hand. For one event loop."""

    def __init__(self, store: Store | None = None) -> None:
        self._event = asyncio.Event()
        if store is not None:
            # An engine option is where a transaction finds it: no global, and post() needs no more arguments.
            store.engine.sync_engine.update_execution_options(**{_OPTION: self})

    def ring(self) -> None:
        self._event.set()

    async def wait(self, timeout: float) -> bool:
        """Wait until it rings, at most `timeout` seconds; whether it rang. One waiter at a time."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout)
        except TimeoutError:
            return False
        self._event.clear()
        return True


def ring_after_commit(tx: Transaction) -> None:
    """Ring the bell of the store behind `tx` once `tx` is committed; nothing happens if there is none."""
    bind = tx.sync_session.get_bind()
    bell = bind.get_execution_options().get(_OPTION)
    if isinstance(bell, Bell):

        def _ring(_session: Any) -> None:
            bell.ring()

        event.listen(tx.sync_session, "after_commit", _ring, once=True)

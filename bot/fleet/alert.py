"""The alert that a fleet was lost with its tmux server, until its agents are back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.agents.life.service import Restored
from bot.clock import iso
from bot.notices import post
from bot.store import Store, Transaction
from bot.store.tables import OutboxRow

NOTICE = "fleet"
_RECENT = 50  # notices that are searched for an alert that still stands


class FleetAlert:
    """At most one stands. Every method is one short transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def lost(self, agents: Sequence[str], at: datetime) -> None:
        """These ended with the tmux server."""
        async with self._store.begin() as tx:
            data = {"state": "lost", "lost": list(agents), "at": iso(at)}
            await post(tx, NOTICE, data, key=_new_key(), urgent=True)

    async def coming(self, coming: bool, action: int | None = None) -> bool:
        """Say in the alert whether they are being brought back, by which SelfAction; does one stand?"""
        async with self._store.begin() as tx:
            return await _say(tx, {"coming": coming} if action is None else {"coming": coming, "self": action})

    async def back(self, restored: Restored, moved: Mapping[str, str], *, told: bool) -> None:
        """They are back, or not: in the alert, else in a message of its own. `told`: the message that announced it says
        how it went; what failed is said once more, to be heard."""
        data = {"state": "back", "back": list(restored.started), "failed": dict(restored.failed), "moved": dict(moved)}
        async with self._store.begin() as tx:
            stands = await _say(tx, {"coming": False} if restored.failed else data)
            if restored.failed or not (stands or told):
                await post(tx, NOTICE, data, key=_new_key(), silent=not restored.failed)


async def _say(tx: Transaction, data: Mapping[str, Any]) -> bool:
    rows = await tx.scalars(
        select(OutboxRow).where(OutboxRow.kind == NOTICE).order_by(OutboxRow.id.desc()).limit(_RECENT)
    )
    stands = next((row for row in rows if row.data.get("state") == "lost"), None)
    if stands is not None:
        await post(tx, NOTICE, {**stands.data, **data}, key=stands.key, urgent=True)
    return stands is not None


def _new_key() -> str:
    return f"{NOTICE}:{secrets.token_hex(6)}"

"""What can be done with prompt packs."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.operations.services import Services


async def list_(app: Services) -> list[dict[str, Any]]:
    """Every pack, the active one marked, broken ones with what is wrong."""
    async with app.store.begin() as tx:
        active = await app.packs.active(tx)
    entries = await asyncio.to_thread(app.packs.list)
    return [
        {
            "id": e.id,
            "title": e.title,
            "path": str(e.path),
            "own": e.own,
            "problem": e.problem,
            "active": e.id == active,
        }
        for e in entries
    ]


async def show(app: Services, *, id: str | None = None) -> dict[str, Any]:  # noqa: A002
    """One pack in full, the active one without an id."""
    async with app.store.begin() as tx:
        active = await app.packs.active(tx)
    pack = await asyncio.to_thread(app.packs.get, active if id is None else id)
    return {**pack.model_dump(mode="json"), "active": pack.id == active}


async def use(app: Services, *, id: str) -> dict[str, Any]:  # noqa: A002
    """Make a pack the active one."""
    async with app.store.begin() as tx:
        pack = await app.packs.set_active(tx, id)
    return {**pack.model_dump(mode="json"), "active": True}

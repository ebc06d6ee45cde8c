"""Is everything up, and who did what."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import func, select

from bot import __version__
from bot.agents.caller import Caller
from bot.agents.delivery.model import UNDER_WAY
from bot.agents.resources.usage import strained
from bot.operations.closed import closed
from bot.operations.services import Services
from bot.store.tables import DeliveryRow, OutboxRow


async def ping(app: Services) -> dict[str, Any]:
    return {"pid": os.getpid(), "version": __version__, "bot": app.background}


async def whoami(app: Services, *, caller: Caller) -> dict[str, Any]:
    """Who asks. -> {"agent": its id, "" for an agent that is not of this home, null for a person, "actor"}"""
    return {"agent": caller.agent, "actor": caller.actor}


async def health(app: Services) -> dict[str, Any]:
    """Counts of what matters: agents by state, prompts under way, messages not delivered."""
    if not app.background:
        await app.watch.shown()
    states: dict[str, int] = {}
    for view in app.watch.views():
        states[str(view.state)] = states.get(str(view.state), 0) + 1
    usage = [u for view in app.watch.views() if (u := app.watch.resources.of(view.id)) is not None]
    strained_ids = [v.id for v in app.watch.views() if strained(app.watch.resources.history(v.id))]
    async with app.store.begin() as tx:
        moving = await tx.scalar(select(func.count()).where(DeliveryRow.status.in_(UNDER_WAY)))
        due = await tx.scalar(select(func.count()).where(OutboxRow.status == "due"))
        failed = await tx.scalar(select(func.count()).where(OutboxRow.status == "failed"))
    telegram = f"cannot be reached ({app.out_of_reach}); trying again" if app.out_of_reach else "reached"
    return {
        "telegram": telegram if app.background else "no bot runs",
        "agents": states,
        "deliveries": moving or 0,
        "messages_due": due or 0,
        "messages_failed": failed or 0,
        "closed_chats": await closed(app),
        "cpu_percent": round(sum(u.cpu or 0.0 for u in usage), 1),
        "rss_mb": round(sum(u.rss for u in usage) / 1024**2, 1),
        "strained": strained_ids,
    }


async def audit(app: Services, *, limit: int = 50) -> list[dict[str, Any]]:
    """The newest entries of the audit trail."""
    return [entry.as_dict() for entry in await app.audit.recent(max(1, min(limit, 1000)))]

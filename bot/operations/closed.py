"""Chats that cannot be written to now, and what waits for them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from bot.clock import iso
from bot.operations.services import Services
from bot.store.tables import OutboxRow
from bot.telegram.chats import supervisor_chat
from bot.telegram.closed import GENERAL, closed_chats

NOBODY = "nobody owns the bot yet (maf pair)"


async def closed(app: Services) -> list[dict[str, Any]]:
    """Those for which messages wait, the supervisors' first. `for_you`: how many of these nobody asked for, as somebody
    is to be told something. `chat` is None while there is no supervisors' chat."""
    async with app.store.begin() as tx:
        supervisors = await supervisor_chat(tx, app.settings.supervisor_chat)
        found = [one for one in await closed_chats(tx, supervisors) if one.waiting]
        unsent = (OutboxRow.status == "due", OutboxRow.chat_id.is_(None), OutboxRow.silent.is_(False))
        homeless = await tx.scalar(select(func.count()).where(*unsent)) if supervisors is None else 0
    nowhere = {
        "chat": None,
        "place": "chat",
        "reason": NOBODY,
        "since": None,
        "messages": homeless,
        "for_you": homeless,
    }
    return [nowhere] * bool(homeless) + [
        {
            "chat": one.chat_id,
            "place": "general topic" if one.topic == GENERAL else "chat",
            "reason": one.reason,
            "since": iso(one.since),
            "messages": one.waiting,
            "for_you": one.told,
        }
        for one in found
    ]


def in_words(one: dict[str, Any]) -> str:
    """One of them, as a sentence."""
    count = one["messages"]
    waits = "1 message waits" if count == 1 else f"{count} messages wait"
    if one["chat"] is None:
        return f"{waits} for a supervisors' chat: {one['reason']}."
    whose = "the supervisors' chat" if one["for_you"] else f"chat {one['chat']}"
    where = f"{whose}, into its General topic" if one["place"] == "general topic" else whose
    return f"{waits} for {where}: Telegram says “{one['reason']}”."

"""What each chat was shown of a draft: /broadcast-apply sends there no other prompts than these.

A row for each chat, written once Telegram took the message that shows them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from bot.broadcast.model import Draft, Item
from bot.store import Transaction
from bot.store.tables import DraftViewRow


def digest(item: Item) -> str:
    """What this agent would get, in 64 characters: another one as soon as its bead or its prompt is another."""
    return hashlib.sha256(json.dumps([item.agent, item.action, item.bead, item.prompt]).encode()).hexdigest()


async def note(tx: Transaction, chat_id: int, draft: Draft, items: Iterable[Item], now: datetime) -> None:
    """These items of the draft stand in the chat now, as they are in `draft`."""
    shown = {item.agent: digest(item) for item in items}
    row = await tx.get(DraftViewRow, (draft.id, chat_id))
    if row is None:
        tx.add(DraftViewRow(draft_id=draft.id, chat_id=chat_id, version=draft.version, prompts=shown, shown_at=now))
    else:
        row.version, row.prompts, row.shown_at = draft.version, {**row.prompts, **shown}, now


async def complete(tx: Transaction, chat_id: int, draft: Draft) -> bool:
    """Whether the chat was shown everything that would be sent now."""
    row = await tx.get(DraftViewRow, (draft.id, chat_id))
    shown = row.prompts if row is not None else {}
    return all(shown.get(item.agent) == digest(item) for item in draft.sendable)

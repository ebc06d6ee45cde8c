"""What belongs to a person counts as long as they lose no right.

A watch, a board, a page, a question that waits for their reply or their second tap carries the tenure of who asked for
it (see PersonRow) and is compared with the people there are whenever it is used. So nothing has to be found and ended
when somebody is shut out or given less, and nothing begins again after a restart or when they come back.
"""

from __future__ import annotations

from sqlalchemy import select

from bot.store import Transaction
from bot.store.tables import PersonRow
from bot.telegram.chats import OWNER


async def lasts(tx: Transaction, tenure: int | None) -> bool:
    """Whether somebody still has this tenure; what carries none belongs to nobody, and lasts."""
    if tenure is None:
        return True
    return await tx.scalar(select(PersonRow.user_id).where(PersonRow.tenure == tenure).limit(1)) is not None


async def of(tx: Transaction, user_id: int | None) -> int | None:
    """The tenure of a person; None for a stranger, and for the id of a group."""
    if user_id is None or user_id <= 0:
        return None
    return await tx.scalar(select(PersonRow.tenure).where(PersonRow.user_id == user_id))


async def is_strangers(tx: Transaction, chat_id: int) -> bool:
    """Whether it is the private chat of somebody who is not let in. While nobody owns the bot, whoever comes may be
    told how that is changed."""
    if chat_id <= 0 or await of(tx, chat_id) is not None:  # a private chat has the id of its person
        return False
    return await tx.scalar(select(PersonRow.user_id).where(PersonRow.role == OWNER).limit(1)) is not None

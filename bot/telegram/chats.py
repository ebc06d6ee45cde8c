"""Which chat is the supervisors'. An owner's act binds it, and nothing else: pairing there, or MAF_SUPERVISOR_CHAT."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from bot.store import Transaction, setting
from bot.store.tables import ChatRow, OutboxRow, PermissionRow, PersonRow

OWNER = "owner"  # bot.telegram.access.Role.OWNER.word, which costs an import of aiogram


async def supervisor_chat(tx: Transaction, chosen: int | None = None) -> int | None:
    """`chosen` (MAF_SUPERVISOR_CHAT) if set, or what that group became; else the chat in which the first owner last
    paired, or their private one. None while there is no owner."""
    if chosen is not None:
        return await setting.get(tx, moved_key(chosen), chosen)
    bound = await tx.scalars(
        select(ChatRow.chat_id)
        .join(PersonRow, PersonRow.user_id == ChatRow.bound_by)
        .where(PersonRow.role == OWNER)
        .order_by(PersonRow.paired_at, PersonRow.user_id, ChatRow.bound_at.desc())
        .limit(1)
    )
    return bound.first() or await _first_owner(tx)  # a private chat has the id of its person


async def bind(tx: Transaction, chat: ChatRow) -> None:
    """An owner paired there."""
    row = await tx.get(ChatRow, chat.chat_id)
    if row is None:
        tx.add(chat)
    else:
        row.title, row.bound_by, row.bound_at = chat.title or row.title, chat.bound_by, chat.bound_at
    await tx.flush()


async def hand_over(tx: Transaction, chat_id: int | None, gone: int, now: datetime) -> None:
    """`gone` is no owner any more. A group that was the supervisors' chat (`chat_id`) stays it, in the name of the
    first owner that is left; their own private chat, and what else they bound, does not."""
    heir = await _first_owner(tx)
    kept = await tx.get(ChatRow, chat_id) if chat_id not in {None, gone} else None
    if kept is not None and kept.bound_by == gone and heir is not None:
        kept.bound_by, kept.bound_at = heir, now
        await tx.flush()
    await tx.execute(delete(ChatRow).where(ChatRow.bound_by == gone))


async def show_anew(tx: Transaction) -> None:
    """The supervisors' chat is another one now: what agents still ask is shown there, also what is just on its way to
    the one before."""
    asking = select(PermissionRow.card).where(PermissionRow.status == "open")
    await tx.execute(
        update(OutboxRow)
        .where(OutboxRow.kind == "permission", OutboxRow.chat_id.is_(None), OutboxRow.status.in_(["sent", "due"]))
        .where(OutboxRow.data["card"].as_string().in_(asking))
        .values(version=OutboxRow.version + 1, status="due", not_before=None)
    )


def moved_key(chat_id: int) -> str:
    """The setting that holds the id of the supergroup which this group became."""
    return f"moved:{chat_id}"


async def _first_owner(tx: Transaction) -> int | None:
    owners = select(PersonRow.user_id).where(PersonRow.role == OWNER)
    return (await tx.scalars(owners.order_by(PersonRow.paired_at, PersonRow.user_id).limit(1))).first()

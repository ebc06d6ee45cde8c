"""Questions that agents asked a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.tables.base import Base


class PermissionRow(Base):
    """One dialog of one agent, however it was learnt of. `card` names the message that shows it: several agents that
    ask the same share one. Status: open, answered (by `answered_by`), gone."""

    __tablename__ = "permissions"
    __table_args__ = (Index("ix_permissions_status", "status", "agent"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    agent: Mapped[str]
    cli: Mapped[str]
    profile: Mapped[str | None]
    kind: Mapped[str]
    tool: Mapped[str]
    title: Mapped[str] = mapped_column(Text, default="")
    command: Mapped[str] = mapped_column(Text, default="")
    workdir: Mapped[str]
    risk: Mapped[str] = mapped_column(default="")
    outside: Mapped[list[str]] = mapped_column(JSON, default=list)
    dangerous: Mapped[bool] = mapped_column(default=False)
    question: Mapped[str]
    fingerprint: Mapped[str] = mapped_column(default="")
    choices: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    suggestions: Mapped[list[Any]] = mapped_column(JSON, default=list)  # what Claude proposes to grant for good
    source: Mapped[str]  # hook, screen, both
    card: Mapped[str] = mapped_column(index=True)
    sharing: Mapped[str] = mapped_column(default="")  # open questions with the same value share a card
    status: Mapped[str] = mapped_column(default="open")
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_by: Mapped[str] = mapped_column(default="")
    via: Mapped[str] = mapped_column(default="")  # hook, keys, pane
    note: Mapped[str] = mapped_column(Text, default="")
    held_until: Mapped[datetime | None]  # while a hook holds it, its pane shows no dialog (Codex)
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]

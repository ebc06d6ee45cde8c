"""Moves between accounts, stops at a usage limit, and what the bot does by itself. Each step is written before it is
taken."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Double, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.tables.base import Base


class RotationRow(Base):
    """One agent on its way from one profile to another. `step` is what is being done or was done last."""

    __tablename__ = "rotations"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    agent: Mapped[str] = mapped_column(index=True)
    source: Mapped[str]
    target: Mapped[str]
    conversation: Mapped[str | None]
    source_file: Mapped[str | None]
    step: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")  # why it is moved
    outcome: Mapped[str] = mapped_column(default="")  # moved, returned, or stuck; empty while under way
    detail: Mapped[str] = mapped_column(default="")  # why it was not moved
    asked_by: Mapped[str]  # with began_at: the only record of a move that the schedule made
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class LimitStopRow(Base):
    """One agent that stopped at a usage limit, until it works again. `resets_at` and `resume_at` are epoch seconds."""

    __tablename__ = "limit_stops"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    agent: Mapped[str] = mapped_column(index=True)
    profile: Mapped[str | None]
    bead: Mapped[str | None]
    stopped_at: Mapped[datetime]
    resets_at: Mapped[float | None] = mapped_column(Double)
    resume_at: Mapped[float | None] = mapped_column(Double)
    delivery: Mapped[str | None]
    outcome: Mapped[str] = mapped_column(default="")  # prompted, by itself, gone; empty while it stands
    ended_at: Mapped[datetime | None]


class SelfActionRow(Base):
    """One thing that the bot does without a tap, from its announcement to its end.

    `cause` names what it comes of; of one kind and cause at most one stands at a time. Status: announced, declined,
    begun, done, failed, or dropped (not needed any more).
    """

    __tablename__ = "self_actions"
    __table_args__ = (
        Index(
            "uq_self_actions_open",
            "kind",
            "cause",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str]
    agent: Mapped[str] = mapped_column(index=True)
    cause: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)  # what its message shows beside these columns
    status: Mapped[str] = mapped_column(default="announced")
    due_at: Mapped[datetime | None]  # none: as soon as its cause allows
    announced_at: Mapped[datetime]
    told_at: Mapped[datetime | None]  # its message stands in the chat since then
    declined_by: Mapped[str] = mapped_column(default="")
    audit: Mapped[int | None]  # its row in the audit trail, once it is begun
    outcome: Mapped[str] = mapped_column(default="")  # in words
    ended_at: Mapped[datetime | None]

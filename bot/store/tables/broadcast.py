"""Drafts, their items, deliveries and claims."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.tables.base import Base


class DraftRow(Base):
    """A planned broadcast. `version` grows with every edit; buttons carry it, and an old one is refused."""

    __tablename__ = "drafts"

    id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(default=1)
    pack: Mapped[str]
    status: Mapped[str] = mapped_column(default="pending", index=True)
    created_by: Mapped[str]
    applied_by: Mapped[str | None]
    chat_id: Mapped[int | None] = mapped_column(BigInteger)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]


class DraftViewRow(Base):
    """What one chat was shown of a draft, once Telegram took the message."""

    __tablename__ = "draft_views"

    draft_id: Mapped[str] = mapped_column(ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[int]  # of the draft that was shown last
    prompts: Mapped[dict[str, Any]] = mapped_column(default=dict)  # agent: the digest of what it would get
    shown_at: Mapped[datetime]


class DeliveryRow(Base):
    """One prompt on its way to one agent. Written before each step, so a crash neither loses nor repeats it."""

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(primary_key=True)  # also stands in the text, by which it is found again
    agent: Mapped[str] = mapped_column(index=True)
    text: Mapped[str] = mapped_column(Text)
    mode: Mapped[str] = mapped_column(default="idle")  # idle: wait for it; now: steer
    status: Mapped[str] = mapped_column(index=True)
    notes: Mapped[list[str]] = mapped_column(default=list)
    evidence_kind: Mapped[str | None]
    evidence_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")
    called_off_by: Mapped[str] = mapped_column(default="")  # a person, while it waited for its agent
    decision: Mapped[str | None]  # of the person, about an unconfirmed one: left or resent
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    notice_key: Mapped[str | None]  # the live message that shows this delivery


class ItemRow(Base):
    """One agent's line in a draft."""

    __tablename__ = "items"
    __table_args__ = (Index("ix_items_draft_position", "draft_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    draft_id: Mapped[str] = mapped_column(ForeignKey("drafts.id", ondelete="CASCADE"))
    position: Mapped[int]
    agent: Mapped[str]
    action: Mapped[str]
    bead: Mapped[str | None]
    title: Mapped[str] = mapped_column(default="")
    prompt: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(default="drafted")  # until it has a delivery; then the delivery's status counts
    delivery_id: Mapped[str | None] = mapped_column(ForeignKey("deliveries.id"))


class ClaimRow(Base):
    """Who works on which bead, as far as we gave it out. A second open claim on a bead of one repo is impossible."""

    __tablename__ = "claims"
    __table_args__ = (
        Index(
            "uq_claims_open",
            "repo",
            "bead",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    repo: Mapped[str]
    bead: Mapped[str]
    agent: Mapped[str] = mapped_column(index=True)
    in_beads: Mapped[bool] = mapped_column(default=False)  # also written with bd
    claimed_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")  # while it is open what it was made for, then why it is given back

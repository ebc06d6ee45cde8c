"""People, chats, what came in, what goes out, settings kept in the store, and the audit trail."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.tables.base import Base


def new_tenure() -> int:
    """A number that no tenure had before."""
    return secrets.randbits(62)


class PersonRow(Base):
    """A role belongs to a Telegram user id, never to a chat.

    `tenure` stands for the time in which somebody loses no right. Who is given less gets a new one, who is shut out
    has none; what carries the old one (an outbox row) has ended then.
    """

    __tablename__ = "people"

    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(default="")
    role: Mapped[str]
    paired_at: Mapped[datetime]
    tenure: Mapped[int] = mapped_column(BigInteger, default=new_tenure)


class ChatRow(Base):
    """A chat that an owner bound by /pair."""

    __tablename__ = "chats"

    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    type: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    bound_by: Mapped[int] = mapped_column(BigInteger)
    bound_at: Mapped[datetime]


class PairCodeRow(Base):
    """A one-time code; only its hash is kept."""

    __tablename__ = "pair_codes"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_by: Mapped[int | None] = mapped_column(BigInteger)
    used_at: Mapped[datetime | None]


class UpdateRow(Base):
    """An update as Telegram sent it, recorded before it is handled, so that none is lost and none is handled twice."""

    __tablename__ = "updates"

    bot_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    update_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None] = mapped_column(index=True)
    # The first message of the text that this one is a piece of, as long as it waits for the others.
    piece_of: Mapped[int | None] = mapped_column(BigInteger)


class OutboxRow(Base):
    """A message that a person is to see.

    `kind` and `data` say what (a card renders them at the moment of sending). A row with a `key` is a live message:
    raising `version` edits it in place. It is up to date when `sent_version == version`.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due", "status", "not_before"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    chat_id: Mapped[int | None] = mapped_column(BigInteger)  # none: the supervisor chat, looked up when sending
    kind: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    key: Mapped[str | None] = mapped_column(index=True)
    reply_to: Mapped[int | None] = mapped_column(BigInteger)
    urgent: Mapped[bool] = mapped_column(default=False)  # passes quiet hours
    silent: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    sent_version: Mapped[int] = mapped_column(default=0)
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    parts: Mapped[list[int]] = mapped_column(JSON, default=list)  # all its message ids, where the text needed several
    sent_to: Mapped[int | None] = mapped_column(BigInteger)  # the chat they stand in
    tenure: Mapped[int | None] = mapped_column(BigInteger)  # of the person it belongs to, if it belongs to one
    status: Mapped[str] = mapped_column(default="due")  # due, sent, failed, ended (with the tenure)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(Text, default="")
    not_before: Mapped[datetime | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class ClosedChatRow(Base):
    """A chat, or a topic of it, that cannot be written to now: what is due there waits.

    `topic` 0 is the whole chat and 1 the General topic, which has that id in the Bot API.
    """

    __tablename__ = "closed_chats"

    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    topic: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(Text)  # the words of the Bot API
    since: Mapped[datetime]
    tried_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=1)
    next_try: Mapped[datetime]
    left_out: Mapped[int] = mapped_column(default=0)  # messages that were too old to wait any longer


class SettingRow(Base):
    """What has to outlive a restart (bot/store/setting.py reads and writes it)."""

    __tablename__ = "settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSON, nullable=True)
    changed_at: Mapped[datetime]


class AuditRow(Base):
    """Who did what, where; written before the action, its outcome after it."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    place: Mapped[str]  # chat:ID, cli, schedule
    action: Mapped[str]
    target: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    outcome: Mapped[str] = mapped_column(default="begun")
    finished_at: Mapped[datetime | None]

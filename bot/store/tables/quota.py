"""What was used, what providers said, and what people were told of it. Times are epoch seconds (UTC), for fast sums."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Double, Index
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.tables.base import Base


class QuotaEventRow(Base):
    """One model response.

    `key` is the identity of its source line, the same in every home, so a file read twice, or copied into another home
    when a conversation moves, counts once.
    """

    __tablename__ = "quota_events"
    __table_args__ = (Index("ix_quota_events_window", "profile", "at", "tokens"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    profile: Mapped[str]
    at: Mapped[float] = mapped_column(Double)
    model: Mapped[str] = mapped_column(default="")
    tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    input_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    cached_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    output_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    reasoning_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    source: Mapped[str]


class QuotaBucketRow(Base):
    """Events older than 35 days, summed into five minutes each; no window reaches back that far, charts do."""

    __tablename__ = "quota_buckets"

    profile: Mapped[str] = mapped_column(primary_key=True)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    requests: Mapped[int] = mapped_column(BigInteger)
    tokens: Mapped[int] = mapped_column(BigInteger)


class QuotaReadingRow(Base):
    """What a provider said of one window; a row is added when it changed."""

    __tablename__ = "quota_readings"
    __table_args__ = (Index("ix_quota_readings_window", "profile", "window", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    profile: Mapped[str]
    window: Mapped[str]
    limit_id: Mapped[str]
    minutes: Mapped[float] = mapped_column(Double)
    percent: Mapped[float] = mapped_column(Double)
    resets_at: Mapped[float | None] = mapped_column(Double)
    reached: Mapped[bool] = mapped_column(default=False)
    source: Mapped[str]
    at: Mapped[float] = mapped_column(Double)


class QuotaToldRow(Base):
    """The memory of alerts: one row per profile and window."""

    __tablename__ = "quota_told"

    profile: Mapped[str] = mapped_column(primary_key=True)
    window: Mapped[str] = mapped_column(primary_key=True)
    instance: Mapped[float | None] = mapped_column(Double)
    highest: Mapped[int] = mapped_column(default=0)
    open: Mapped[bool] = mapped_column(default=False)
    muted_until: Mapped[float | None] = mapped_column(Double)


class QuotaFileRow(Base):
    """How far a rollout or transcript was read, so that a restart goes on where it stopped."""

    __tablename__ = "quota_files"

    path: Mapped[str] = mapped_column(primary_key=True)
    profile: Mapped[str] = mapped_column(index=True)
    offset: Mapped[int] = mapped_column(BigInteger, default=0)
    inode: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[dict[str, Any]] = mapped_column(default=dict)

"""Moves of agents between accounts, and stops at a usage limit. Each step is written before it is taken."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Double
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

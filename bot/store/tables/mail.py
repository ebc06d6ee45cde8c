"""What is to be said in Agent Mail and has not arrived there yet, and what agents reserved there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.tables.base import Base


class AnnouncementRow(Base):
    """One message for the agents; the row goes once it has arrived, or when it is too old to matter."""

    __tablename__ = "announcements"

    id: Mapped[str] = mapped_column(primary_key=True)  # also stands in the message, by which it is found again
    subject: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    thread: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime] = mapped_column(index=True)


class ReservationRow(Base):
    """Files that an agent of ours reserved; the row goes with the reservation. Without `agent` it is to be released."""

    __tablename__ = "reservations"

    project: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)  # its id on the server
    name: Mapped[str]  # of the agent there
    agent: Mapped[str | None] = mapped_column(index=True)
    expires_at: Mapped[datetime]

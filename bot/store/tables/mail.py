"""What is to be said in Agent Mail and has not arrived there yet."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
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

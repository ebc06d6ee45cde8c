"""The registry of agents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from bot.store.tables.base import Base


class AgentRow(Base):
    """One agent. `desired` is what the person wants of it (running or stopped), not what it is doing."""

    __tablename__ = "agents"

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    kind: Mapped[str]
    role: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    profile: Mapped[str | None]
    workdir: Mapped[str]
    session: Mapped[str]
    pane: Mapped[str | None]
    labels: Mapped[list[str]] = mapped_column(default=list)
    desired: Mapped[str] = mapped_column(default="stopped")
    conversation: Mapped[str | None]  # the CLI's own id of the conversation, for resume
    transcript: Mapped[str | None]  # the file it is written to
    adopted: Mapped[bool] = mapped_column(default=False)
    pane_pid: Mapped[int | None]  # of an adopted pane: the process that tmux started in it
    worktree: Mapped[bool] = mapped_column(default=False)  # its workdir is a git worktree that we made for it
    crashes: Mapped[list[str]] = mapped_column(default=list)  # when it crashed of late, ISO-8601
    host: Mapped[str] = mapped_column(default="local")
    restarts: Mapped[int] = mapped_column(default=0)
    errors: Mapped[int] = mapped_column(default=0)
    stats: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]

"""What an agent is, and what it is seen doing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from bot.clis.model import ScreenReading, State
from bot.clock import iso_seconds

Desired = Literal["running", "stopped"]
# To end an agent in one of these cuts a turn off, or text that stands in its composer; or nobody can tell.
UNFINISHED = frozenset({State.WORKING, State.WAITING, State.FROZEN, State.COMPOSING, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Agent:
    """One registered agent. `desired` is what the person wants of it; what it does is in AgentView."""

    id: str
    type: str
    kind: str
    role: str
    session: str
    workdir: Path
    created_at: datetime
    description: str = ""
    profile: str | None = None
    pane: str | None = None
    labels: tuple[str, ...] = ()
    desired: Desired = "stopped"
    conversation: str | None = None
    transcript: Path | None = None
    adopted: bool = False
    pane_pid: int | None = None
    worktree: bool = False
    crashes: tuple[datetime, ...] = ()
    host: str = "local"
    restarts: int = 0
    errors: int = 0
    stats: dict[str, Any] = field(default_factory=dict)
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """A prompt that a hook of the CLI spoke of before the CLI accepted it: a reason to look, and no proof. `turn` and
    `transcript` (the conversation's file, which may not be there yet) where the hook names them."""

    at: datetime
    text: str
    turn: str = ""
    transcript: Path | None = None


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent as it was last seen. `since` is when it came into this state, `at` when it was looked at.

    `draft` is text that stands in its composer; a fact of its own beside the state, it blocks every paste.
    """

    agent: Agent
    state: State
    since: datetime
    at: datetime
    rule: str = ""
    reading: ScreenReading | None = None
    draft: str | None = None

    @property
    def id(self) -> str:
        return self.agent.id

    @property
    def unfinished(self) -> bool:
        """Whether something may be lost if it is ended now."""
        return self.state in UNFINISHED or self.draft is not None

    @property
    def says(self) -> str:
        """What it said last to its newest prompt, as far as its screen shows it."""
        return self.reading.says if self.reading is not None and not self.reading.said_before else ""

    def as_dict(self, bead: str | None = None) -> dict[str, Any]:
        """The `agent` shape of contract.md section 1; `bead`: what it holds."""
        agent = self.agent
        return {
            "id": agent.id,
            "type": agent.type,
            "kind": agent.kind,
            "role": agent.role,
            "description": agent.description,
            "profile": agent.profile,
            "session": agent.session,
            "pane": agent.pane,
            "workdir": str(agent.workdir),
            "labels": list(agent.labels),
            "state": str(self.state),
            "state_since": iso_seconds(self.since),
            "bead": bead,
            "created_at": iso_seconds(agent.created_at),
            "stats": dict(agent.stats),
            "restarts": agent.restarts,
            "errors": agent.errors,
            "host": agent.host,
        }

"""What a plan is made from and what comes out of it; plain data, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from bot.beads.model import Bead
from bot.clis.model import State
from bot.packs.render import PromptContext
from bot.work.claims import OpenClaim

__all__ = ["SENDS", "Action", "Headroom", "ItemPlan", "OpenClaim", "PlanAgent"]


class Action(StrEnum):
    RESUME = "resume"
    ASSIGN = "assign"
    REVIEW = "review"
    COMMIT = "commit"
    ASSIST = "assist"
    STANDBY = "standby"
    SKIP = "skip"


SENDS = frozenset({Action.RESUME, Action.ASSIGN, Action.REVIEW, Action.COMMIT, Action.ASSIST})


@dataclass(frozen=True, slots=True)
class PlanAgent:
    """An agent as planning sees it. `repo` is the folder of its Beads (Gathered.repo_of), "" when it has none."""

    id: str
    role: str
    kind: str
    state: State
    labels: tuple[str, ...] = ()
    bead: str | None = None
    profile: str | None = None
    repo: str = ""
    workdir: Path = Path()
    limited_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Headroom:
    """What is left on one profile. `usable` False keeps its agents out of the plan; `instead` would serve for it."""

    profile: str
    usable: bool
    used_percent: float | None = None
    resets_at: datetime | None = None
    instead: str | None = None
    why: str = ""  # what keeps it from serving, where that is no matter of quota


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """One agent's line. `bead` is set only where a prompt about it goes out. `reason` is read on a phone.

    `status` is `drafted` where something would be sent and `skipped` otherwise (actions standby and skip). `blocked`
    marks a skip that is a fault or a limit of the agent (shown with a cross), as against nothing to do.
    """

    agent: str
    action: Action
    reason: str
    bead: Bead | None = None
    context: PromptContext = field(default_factory=PromptContext)
    blocked: bool = False

    @property
    def title(self) -> str:
        return self.bead.title if self.bead else ""

    @property
    def status(self) -> str:
        return "drafted" if self.action in SENDS else "skipped"

"""What a plan is made from, what comes out of it, and the draft that it becomes; plain data, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from bot.agents.delivery.model import FINAL, TTL, Delivery
from bot.beads.model import Bead
from bot.clis.model import State
from bot.clock import iso
from bot.errors import NotFound
from bot.packs.render import PromptContext


class Action(StrEnum):
    RESUME = "resume"
    ASSIGN = "assign"
    REVIEW = "review"
    COMMIT = "commit"
    ASSIST = "assist"
    STANDBY = "standby"
    SKIP = "skip"


SENDS = frozenset({Action.RESUME, Action.ASSIGN, Action.REVIEW, Action.COMMIT, Action.ASSIST})
# An item in one of these does not move by itself any more.
SETTLED = FINAL | {"skipped", "drafted"}
CLAIMED_FOR = "draft "  # and its id


@dataclass(frozen=True, slots=True)
class PlanAgent:
    """An agent as planning sees it. `repo` is the folder of its Beads (Gathered.repo_of), "" when it has none;
    `limit_resets` is the time of its usage limit's reset, in the words of its own screen."""

    id: str
    role: str
    kind: str
    state: State
    labels: tuple[str, ...] = ()
    bead: str | None = None
    profile: str | None = None
    repo: str = ""
    workdir: Path = Path()
    limit_resets: str = ""


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


@dataclass(frozen=True, slots=True)
class Item:
    """One agent's line in a draft. `status` is the delivery's as soon as there is one."""

    id: int
    agent: str
    action: str
    bead: str | None
    title: str
    prompt: str
    reason: str
    status: str
    delivery: Delivery | None

    @property
    def sends(self) -> bool:
        return self.status == "drafted"

    def as_dict(self) -> dict[str, Any]:
        """The `item` shape of contract.md section 1, and the title of its bead."""
        return {
            "agent": self.agent,
            "action": self.action,
            "bead": self.bead,
            "title": self.title,
            "prompt": self.prompt,
            "reason": self.reason,
            "status": self.status,
            "delivery": self.delivery.as_dict() if self.delivery else None,
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """A planned broadcast with its items in order; the contract's `draft` shape by as_dict()."""

    id: str
    version: int
    pack: str
    status: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    applied_by: str | None
    applied_at: datetime | None
    chat_id: int | None
    options: dict[str, Any]
    items: tuple[Item, ...]

    @property
    def key(self) -> str:
        """The key of its live message."""
        return f"draft:{self.id}"

    def key_of_edit(self, agent: str) -> str:
        """The key of the messages that tell what became of a text that a person wrote for this agent."""
        return f"{self.key}/{agent}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all messages that show something of it."""
        return (self.key, *(self.key_of_edit(item.agent) for item in self.items))

    @property
    def claims_for(self) -> str:
        """What the claims of its items are made for: those it may give back, and no others."""
        return f"{CLAIMED_FOR}{self.id}"

    @property
    def approval_ends(self) -> datetime:
        """Nothing is begun from here on by itself: an approval is good for as long as a draft is, and never for less
        than a prompt may wait."""
        return (self.applied_at or self.created_at) + max(self.expires_at - self.created_at, TTL)

    @property
    def sendable(self) -> tuple[Item, ...]:
        return tuple(i for i in self.items if i.sends)

    @property
    def sent(self) -> tuple[Item, ...]:
        """Items that somebody sent, whatever became of them."""
        return tuple(i for i in self.items if i.status not in {"drafted", "skipped"})

    def item(self, agent: str) -> Item:
        for item in self.items:
            if item.agent == agent:
                return item
        raise NotFound.of("agent in this draft", agent, [i.agent for i in self.items])

    def as_dict(self) -> dict[str, Any]:
        """The `draft` shape of contract.md section 1, and who applied it and what the plan notes."""
        return {
            "draft": self.id,
            "version": self.version,
            "pack": self.pack,
            "status": self.status,
            "created_by": self.created_by,
            "created_at": iso(self.created_at),
            "expires_at": iso(self.expires_at),
            "applied_by": self.applied_by,
            "notes": list(self.options.get("notes", [])),
            "items": [i.as_dict() for i in self.items],
        }


@dataclass(frozen=True, slots=True)
class NewItem:
    """What is written for one line of a new draft."""

    agent: str
    action: str
    bead: str | None = None
    title: str = ""
    prompt: str = ""
    reason: str = ""
    status: str = "drafted"

"""Does this bead fit this agent, and if not, why not? Pure.

What an agent may be given depends on its role: an implementor takes open beads, a reviewer those that wait for a review
(label `needs-review` or `review`), a committer those that were let through (label `approved` or `ready-to-commit`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from bot.beads.model import COMMIT_LABELS, HELP_LABELS, NOT_WORK, REVIEW_LABELS, Bead
from bot.packs.model import Pack
from bot.work.paths import overlap

# Labels that say how far a bead is, not what it is about; they neither help nor hinder a fit.
_STAGE = REVIEW_LABELS | COMMIT_LABELS | HELP_LABELS


class Worker(Protocol):
    """What routing asks of an agent. `repo` is the folder of its Beads."""

    @property
    def id(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def repo(self) -> str: ...


def fits(agent: Worker, bead: Bead, pack: Pack) -> str | None:
    """None when it fits, else why not, in words that follow the bead's id ("shop-9 is assigned to w2")."""
    return unfit(bead, pack) or _wrong_hands(agent, bead) or _wrong_field(agent, bead, pack)


def unfit(bead: Bead, pack: Pack) -> str | None:
    """Why nobody can be given this bead now, or None."""
    if not pack.covers(bead.id):
        return f"is outside the pack {pack.id} ({', '.join(pack.bead_prefixes)})"
    if bead.blocked_by:
        return f"waits for {', '.join(bead.blocked_by[:3])}"
    if bead.issue_type in NOT_WORK:
        return f"is of type {bead.issue_type}, which is no work of its own"
    if bead.hidden:
        return "is pinned"
    return None


def _wrong_hands(agent: Worker, bead: Bead) -> str | None:
    if bead.repo != agent.repo:
        return "belongs to another project"
    match agent.role:
        case "implementor":
            return _not_open_to(agent, bead)
        case "reviewer" if bead.in_review:
            return f"is {agent.id}'s own work" if bead.assignee == agent.id else None
        case "reviewer":
            return "does not wait for a review"
        case "committer":
            return None if bead.to_commit else "does not wait to be committed"
    return f"is no work for a {agent.role}"


def _not_open_to(agent: Worker, bead: Bead) -> str | None:
    if bead.in_review:
        return "waits for review"
    if bead.to_commit:
        return "waits to be committed"
    if bead.assignee and bead.assignee != agent.id:
        return f"is assigned to {bead.assignee}"
    return None if bead.status == "open" else f"is {bead.status}"


def _wrong_field(agent: Worker, bead: Bead, pack: Pack) -> str | None:
    subject = topics(bead)
    wanted = own_labels(agent, pack) | role_labels(agent, pack)
    if subject and wanted and not subject & wanted:
        return f"is about {', '.join(sorted(subject))}, not {', '.join(sorted(wanted))}"
    allowed = pack.agent_brief(agent.id).paths or pack.role_brief(agent.role).paths
    if allowed and bead.paths and not overlap(allowed, bead.paths):
        return f"touches {', '.join(bead.paths[:3])}, outside {', '.join(allowed[:3])}"
    return None


def topics(bead: Bead) -> frozenset[str]:
    """The labels that say what a bead is about."""
    return frozenset(bead.labels) - _STAGE


def own_labels(agent: Worker, pack: Pack) -> frozenset[str]:
    """The agent's labels: from the registry and from its own entry in the pack."""
    return frozenset(agent.labels) | frozenset(pack.agent_brief(agent.id).labels)


def role_labels(agent: Worker, pack: Pack) -> frozenset[str]:
    return frozenset(pack.role_brief(agent.role).labels)


def preference(agent: Worker, bead: Bead, pack: Pack) -> int:
    """Among agents that fit: 0 it shares a label of the agent's own, 1 neither speaks for it, 2 only its role's labels
    do although it has its own (that agent is better kept for what it is there for)."""
    own = own_labels(agent, pack)
    if own & topics(bead):
        return 0
    return 2 if own and role_labels(agent, pack) & topics(bead) else 1


def clashes(bead: Bead, busy_paths: Collection[str]) -> bool:
    """Would this bead touch files that someone else is at?"""
    return bool(bead.paths) and bool(busy_paths) and overlap(bead.paths, busy_paths)

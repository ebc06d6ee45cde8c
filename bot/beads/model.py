"""A bead: one task in Beads, as `bd --json` and `.beads/issues.jsonl` write it (bd 1.3.0, br 0.1, and older exports).

Everything in it is text that others wrote. The id is the only part that reaches a command line, so an id that is not
plain letters, digits, `.`, `_` and `-` is no bead to us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.clock import iso_seconds
from bot.foreign import read_json

BEAD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # all but tab and newline
# Dependency types that block; parent-child hands a parent's block on to its children. Some exports write underscores.
BLOCKING = frozenset({"blocks", "conditional-blocks"})
WAITS = "waits-for"  # blocked by the open children of that bead, not by the bead itself
PARENT = "parent-child"
# `tombstone` is the deleted one of exports up to bd 0.49, `deleted` that of other writers; bd 1.3.0 takes neither in.
DONE = frozenset({"closed", "tombstone", "deleted"})
# A pinned one stays for ever and holds nobody up. Every other status does, custom ones too: blocked, deferred, hooked.
FREE = DONE | {"pinned"}
REVIEW_LABELS = frozenset({"needs-review", "review"})
COMMIT_LABELS = frozenset({"approved", "ready-to-commit"})
HELP_LABELS = frozenset({"help-wanted"})
# Types that group or announce work and are not work for an agent themselves.
NEVER_READY = frozenset({"message", "molecule", "gate", "merge-request", "rig", "agent", "role"})  # for bd either
NOT_WORK = NEVER_READY | {"epic", "milestone"}


@dataclass(frozen=True, slots=True)
class Edge:
    """A bead depends on `on`. Of a waits-for edge (bd 1.3 metadata): `also_blocks` stands for a blocks edge too, and
    with `any_child` it ends with the first child that is done. `status` is that of `on`, where `bd show` says it."""

    on: str
    type: str
    also_blocks: bool = False
    any_child: bool = False
    status: str = ""


@dataclass(frozen=True, slots=True)
class Bead:
    """One bead. Priority 0 (critical) to 4; `blocked_by` holds open blockers only; `dependents_count` the open beads
    that wait for it; `paths` are globs named by the bead itself (see `paths_of`); `repo` is the folder that holds
    its `.beads`."""

    id: str
    title: str
    status: str = "open"
    priority: int = 2
    issue_type: str = "task"
    description: str = ""
    acceptance: str = ""
    notes: str = ""
    labels: tuple[str, ...] = ()
    assignee: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    started_at: datetime | None = None
    blocked_by: tuple[str, ...] = ()
    dependents_count: int = 0
    parent: str = ""
    paths: tuple[str, ...] = ()
    defer_until: datetime | None = None
    edges: tuple[Edge, ...] = ()
    hidden: bool = False  # pinned, ephemeral (once called wisp) or a template: never offered as work
    repo: str = ""

    def holds(self, edge: Edge) -> bool:
        """Can this edge block it? As in bd, not where the target is outside of this database: an `external:` one, or
        an id with another prefix."""
        return not edge.on.startswith("external:") and _prefix(edge.on) == _prefix(self.id)

    @property
    def in_review(self) -> bool:
        """It waits for a reviewer: a label `needs-review` or `review`, or a status of that name."""
        return not self.to_commit and (
            bool(REVIEW_LABELS & set(self.labels)) or self.status in {"review", "in_review", "needs_review"}
        )

    @property
    def to_commit(self) -> bool:
        """A reviewer let it pass and it waits for a committer: a label `approved` or `ready-to-commit`."""
        return bool(COMMIT_LABELS & set(self.labels))

    @property
    def wants_help(self) -> bool:
        return bool(HELP_LABELS & set(self.labels))

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "id": self.id,
            "title": self.title,
            "status": self.status,
            "priority": self.priority,
            "type": self.issue_type,
            "labels": list(self.labels),
            "assignee": self.assignee or None,
            "description": self.description,
            "acceptance": self.acceptance,
            "notes": self.notes,
            "blocked_by": list(self.blocked_by),
            "dependents": self.dependents_count,
            "parent": self.parent or None,
            "paths": list(self.paths),
            "created_at": iso_seconds(self.created_at),
            "updated_at": iso_seconds(self.updated_at),
            "repo": self.repo,
        }


def order(bead: Bead) -> tuple[int, int, float, str]:
    """Sort key of work: highest priority, then what unblocks most, then oldest, then id."""
    age = bead.created_at.timestamp() if bead.created_at else float("inf")
    return bead.priority, -bead.dependents_count, age, bead.id


def parse_bead(raw: Mapping[str, Any], *, repo: str = "") -> Bead | None:
    """A bead from one JSON object; None when it is no issue or its id is unusable. Wrong types count as absent."""
    identity = raw.get("id")
    if raw.get("_type", "issue") != "issue" or not isinstance(identity, str) or not BEAD_ID.fullmatch(identity):
        return None
    edges = _edges(raw.get("dependencies"))
    description = _text(raw, "description")
    return Bead(
        id=identity,
        title=" ".join(_text(raw, "title").split()) or identity,
        status=_text(raw, "status") or "open",
        priority=_number(raw.get("priority"), 2, most=4),
        issue_type=_text(raw, "issue_type") or "task",
        description=description,
        acceptance=_text(raw, "acceptance_criteria"),
        notes=_text(raw, "notes"),
        labels=_texts(raw.get("labels")),
        assignee=_text(raw, "assignee"),
        created_at=_time(raw.get("created_at")),
        updated_at=_time(raw.get("updated_at")),
        started_at=_time(raw.get("started_at")),
        dependents_count=_number(raw.get("dependent_count"), 0, most=1_000_000),
        parent=_text(raw, "parent") or next((edge.on for edge in edges if edge.type == PARENT), ""),
        paths=paths_of(raw.get("metadata"), description),
        defer_until=_time(raw.get("defer_until")),
        edges=edges,
        hidden=any(raw.get(flag) is True for flag in ("pinned", "ephemeral", "wisp", "is_template")),
        repo=repo,
    )


def paths_of(metadata: object, description: str) -> tuple[str, ...]:
    """Which files a bead says it touches: `paths` in its metadata (a list, or a text with commas), else a line
    `Paths: a/**, b.py` in its description."""
    named = metadata.get("paths") if isinstance(metadata, dict) else None
    if isinstance(named, str):
        named = named.split(",")
    if not isinstance(named, list):
        line = re.search(r"^paths?:[ \t]*(.+)$", description, re.IGNORECASE | re.MULTILINE)
        named = line[1].split(",") if line else []
    parts = (_clean(part) for part in named[:50] if isinstance(part, str))
    return tuple(part.strip().strip("`") for part in parts if part.strip(" `"))


def _edges(raw: object) -> tuple[Edge, ...]:
    """Both forms: raw edges of list, ready and JSONL, and the resolved issues of `bd show`."""
    edges = []
    for item in raw if isinstance(raw, list) else ():
        if not isinstance(item, dict):
            continue
        on = item.get("depends_on_id", item.get("id"))
        kind = item.get("dependency_type", item.get("type", "blocks"))
        if isinstance(on, str) and isinstance(kind, str):
            gate = _metadata(item.get("metadata"))
            edges.append(
                Edge(
                    on=_clean(on),
                    type=kind.replace("_", "-"),
                    also_blocks=gate.get("also_blocks") is True or gate.get("also_blocks") == "true",
                    any_child=gate.get("gate") == "any-children",
                    status=_text(item, "status"),
                )
            )
    return tuple(edges)


def _metadata(value: object) -> Mapping[str, Any]:
    """An object, or the JSON text of one."""
    if isinstance(value, str) and "{" in value:
        try:
            value = read_json(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def _prefix(bead_id: str) -> str:
    """What stands before the first hyphen, with it; "" where there is none (bd: types.ExtractPrefix)."""
    head, hyphen, _ = bead_id.partition("-")
    return head + hyphen if hyphen else ""


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return _clean(value) if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_clean(v) for v in value if isinstance(v, str) and v) if isinstance(value, list) else ()


def _clean(text: str) -> str:
    """Without what no terminal, database or prompt should get from others: control characters, lone surrogates."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _number(value: object, default: int, *, most: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else default


def _time(value: object) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or one before the year 1 or after 9999 in UTC
        return None

"""Which beads are blocked, by what, and which are ready: pure, over all beads of one repo.

The same rules as `bd ready` of bd 1.3.0 (compared with it in tests/real/test_bd.py): open or in progress, no open
blocker of its own or of a parent, not deferred, not pinned, ephemeral or a template.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from bot.beads.model import BLOCKING, DONE, PARENT, WAITS, Bead, Edge, order


def resolve(beads: Iterable[Bead]) -> list[Bead]:
    """The beads that are not done, each with its open blockers and how many open beads wait for it, in work order."""
    alive = {bead.id: bead for bead in beads if bead.status not in DONE}
    blockers: dict[str, tuple[str, ...]] = {}
    waiting: Counter[str] = Counter()
    children: dict[str, set[str]] = defaultdict(set)
    for bead in alive.values():
        for edge in bead.edges:
            if edge.type == PARENT:
                children[edge.on].add(bead.id)
    for bead in alive.values():
        own = {blocker for edge in bead.edges for blocker in _blockers(edge, children)} & alive.keys() - {bead.id}
        waiting.update(own)
        blockers[bead.id] = tuple(sorted(own))
    found = [
        replace(bead, blocked_by=_inherited(bead.id, alive, blockers), dependents_count=waiting[bead.id])
        for bead in alive.values()
    ]
    return sorted(found, key=order)


def ready(resolved: Iterable[Bead], now: datetime) -> list[Bead]:
    """Those of the resolved beads that can be worked on now. In progress ones are among them, as with `bd ready`."""
    return [
        bead
        for bead in resolved
        if bead.status in {"open", "in_progress"}
        and not bead.blocked_by
        and not bead.hidden
        and not (bead.defer_until and bead.defer_until > now)
    ]


def _blockers(edge: Edge, children: Mapping[str, set[str]]) -> set[str]:
    """Whom an edge makes a bead wait for. A waits-for gate is taken as `all-children`, the default of bd."""
    if edge.type in BLOCKING:
        return {edge.on}
    if edge.type == WAITS:
        return children.get(edge.on, set()) | ({edge.on} if edge.also_blocks else set())
    return set()


def _inherited(start: str, alive: dict[str, Bead], blockers: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Its own blockers and those of its parents; a loop of parents ends the walk."""
    found: list[str] = []
    seen: set[str] = set()
    steps = [start]
    while steps:
        step = steps.pop()
        if step in seen or step not in alive:
            continue
        seen.add(step)
        found.extend(b for b in blockers[step] if b not in found and b != start)
        steps.extend(edge.on for edge in alive[step].edges if edge.type == PARENT)
    return tuple(sorted(found))

"""Which beads are blocked, by what, and which are ready: pure, over all beads of one repo.

The rules of `bd ready` of bd 1.3.0 (internal/storage/issueops/blocked_state.go and sqlbuild/ready.go there), compared
with it kind by kind and status by status in tests/real/test_beads_table.py. Where bd would refuse an edge (a parent
that waits for its own child, a loop), the child goes first, and a loop is never ready.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.beads.model import BLOCKING, DONE, FREE, NEVER_READY, PARENT, WAITS, Bead, Edge, order

Children = Mapping[str, Sequence[Bead]]


def resolve(beads: Iterable[Bead]) -> list[Bead]:
    """The beads that are not done, each with its open blockers and how many open beads wait for it, in work order.

    One whose parent is deferred is deferred as long.
    """
    every = {bead.id: bead for bead in beads}
    alive = {bead.id: bead for bead in every.values() if bead.status not in DONE}
    children: dict[str, list[Bead]] = defaultdict(list)
    for bead in every.values():
        for parent in _parents(bead):
            children[parent].append(bead)
    own: dict[str, tuple[str, ...]] = {}
    waiting: Counter[str] = Counter()
    for bead in alive.values():
        if bead.status not in FREE:
            found = {on for edge in bead.edges for on in _blockers(bead, edge, children, alive)} - {bead.id}
            waiting.update(found)
            own[bead.id] = tuple(sorted(found))
    blocked = _handed_on(own, children)
    resolved = [
        replace(
            bead,
            blocked_by=blocked.get(bead.id, ()),
            dependents_count=waiting[bead.id],
            defer_until=_deferred(bead, every),
        )
        for bead in alive.values()
    ]
    return sorted(resolved, key=order)


def ready(resolved: Iterable[Bead], now: datetime) -> list[Bead]:
    """Those of the resolved beads that can be worked on now. In progress ones are among them, as with `bd ready`."""
    return [
        bead
        for bead in resolved
        if bead.status in {"open", "in_progress"}
        and bead.issue_type not in NEVER_READY
        and not bead.blocked_by
        and not bead.hidden
        and not (bead.defer_until and bead.defer_until > now)
    ]


def _parents(bead: Bead) -> list[str]:
    return [edge.on for edge in bead.edges if edge.type == PARENT and bead.holds(edge)]


def _blockers(bead: Bead, edge: Edge, children: Children, alive: Mapping[str, Bead]) -> set[str]:
    """Whom an edge makes a bead wait for: beads that are not done, nor pinned."""
    if not bead.holds(edge):
        return set()
    found = {edge.on} if edge.type in BLOCKING or (edge.type == WAITS and edge.also_blocks) else set()
    if edge.type == WAITS:
        kids = children.get(edge.on, ())
        if not (edge.any_child and any(kid.status in DONE for kid in kids)):
            found |= {kid.id for kid in kids}
    return {on for on in found if on in alive and alive[on].status not in FREE}


def _handed_on(own: Mapping[str, tuple[str, ...]], children: Children) -> dict[str, tuple[str, ...]]:
    """The blockers of each blocked bead: its own, else those that its parents hand on. A parent that waits for its own
    child does not hold that child up."""
    blocked = {name: blockers for name, blockers in own.items() if blockers}
    waiting = deque(sorted(blocked))
    while waiting:
        parent = waiting.popleft()
        for child in children.get(parent, ()):
            handed = tuple(on for on in blocked[parent] if on != child.id)
            if handed and child.id in own and child.id not in blocked:
                blocked[child.id] = handed
                waiting.append(child.id)
    return blocked


def _deferred(bead: Bead, every: Mapping[str, Bead]) -> datetime | None:
    dates = [one.defer_until for name in _parents(bead) if (one := every.get(name)) and one.defer_until]
    return max([*dates, bead.defer_until] if bead.defer_until else dates, default=None)

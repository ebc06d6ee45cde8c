"""Which bead an agent takes next, and why not the ones before it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bot.beads.model import Bead
from bot.packs.model import Pack
from bot.work.routing import Worker, clashes, fits, preference

Rejected = tuple[str, str]  # (bead, why)


def candidates(
    agent: Worker,
    ready: Sequence[Bead],
    pack: Pack,
    *,
    held: Mapping[tuple[str, str], str],
    busy_paths: Collection[str],
) -> tuple[list[Bead], list[Rejected]]:
    """The beads that fit, the best first (priority, then how well they fit), and the others with the reason.

    `held` says who of ours holds (repo, bead); `busy_paths` are the files that others are at.
    """
    fitting: list[Bead] = []
    rejected: list[Rejected] = []
    for bead in ready:
        holder = held.get((bead.repo, bead.id))
        why = fits(agent, bead, pack)
        if holder not in (None, agent.id):
            why = f"is held by {holder}"
        elif why is None and clashes(bead, busy_paths):
            why = "touches files that another agent is at"
        if why is None:
            fitting.append(bead)
        else:
            rejected.append((bead.id, why))
    return sorted(fitting, key=lambda bead: (bead.priority, preference(agent, bead, pack))), rejected

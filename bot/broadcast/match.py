"""Sharing out beads among agents: pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import TypeVar

Bead = TypeVar("Bead", bound=Hashable)
Agent = TypeVar("Agent", bound=Hashable)


def match(
    beads: Sequence[Bead],
    options: Mapping[Bead, Sequence[Agent]],
    clash: Callable[[Bead, Collection[Bead]], bool],
) -> dict[Agent, Bead]:
    """Give each bead, best first, to the first agent of its `options` that is free, moving earlier ones to another of
    their own options where only that makes room. So no bead is passed over for a lesser one, and no agent is left
    empty because another took the only bead for it. A bead that clashes with those already given is left out.

    >>> match(["any", "site"], {"any": ["w1", "w2"], "site": ["w1"]}, lambda bead, given: False)
    {'w1': 'site', 'w2': 'any'}
    """
    holds: dict[Agent, Bead] = {}

    def place(bead: Bead, asked: set[Agent]) -> bool:
        for agent in options[bead]:
            if agent not in holds:
                holds[agent] = bead
                return True
        for agent in options[bead]:
            if agent in asked:
                continue
            asked.add(agent)
            if place(holds[agent], asked):
                holds[agent] = bead
                return True
        return False

    for bead in beads:
        if options[bead] and not clash(bead, holds.values()):
            place(bead, set())
    return holds

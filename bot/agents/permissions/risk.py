"""What a command would do, in the words of the card. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from bot.agents.permissions.places import leaves


@dataclass(frozen=True, slots=True)
class Risk:
    """What a command would do. `hidden`: its words do not show all of it. `outside`: paths beyond the workspace;
    `named`: words that may be paths within it, as far as they say. `unknown`: a program of which nothing is known.
    `unplaced`: it works on what the words do not name."""

    writes: bool = False
    network: bool = False
    deletes: bool = False
    installs: bool = False
    root: bool = False
    hidden: bool = False
    unknown: bool = False
    unplaced: bool = False
    outside: tuple[str, ...] = ()
    named: tuple[str, ...] = field(default=(), compare=False)

    def __or__(self, other: Risk) -> Risk:
        flags = {f.name: getattr(self, f.name) or getattr(other, f.name) for f in fields(self) if f.type == "bool"}
        outside, named = {*self.outside, *other.outside}, {*self.named, *other.named}
        return Risk(**flags, outside=tuple(sorted(outside)), named=tuple(sorted(named)))

    @property
    def dangerous(self) -> bool:
        """Never grouped with others, never granted by one tap for many."""
        return self.deletes or self.root or self.hidden or self.unplaced or bool(self.outside)

    @property
    def words(self) -> str:
        """For the card: `deletes · network · runs as root`; `only reads` when that is all."""
        said = [
            word
            for word, applies in (
                ("deletes", self.deletes),
                ("changes files or data", self.writes and not self.deletes),
                ("installs", self.installs),
                ("network", self.network),
                ("runs as root", self.root),
                ("not all of it can be seen", self.hidden),
            )
            if applies
        ]
        return " · ".join(said) or "only reads"

    @property
    def place(self) -> str:
        """Does it reach beyond the workspace? `no` is said only where all of its words are understood."""
        if self.outside:
            return "yes, " + ", ".join(self.outside)
        if self.hidden or self.unplaced:
            return "cannot be told"
        return "none named" if self.unknown else "no"

    @property
    def line(self) -> str:
        """Both, as the card says it."""
        return f"{self.words} · outside the workspace: {self.place}"


HIDDEN = Risk(writes=True, hidden=True)


def edit_risk(paths: Sequence[str], *, workspace: str, deletes: bool = False) -> Risk:
    """Judge an edit of files (Edit, Write, apply_patch)."""
    outside = {path for path in paths if leaves(path, workspace)}
    within = set(paths) - outside
    return Risk(writes=True, deletes=deletes, outside=tuple(sorted(outside)), named=tuple(sorted(within)))

"""The risk of a request, and all words that a card says of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from bot.excerpt import visible

MOST_PLACES = 5  # paths that a tag names


class Effect(StrEnum):
    """Effects that can be recognised, in the words and the order of the card."""

    DELETES = "deletes data"
    CREDENTIALS = "touches credentials"
    MAF = "changes maf itself"
    GIT = "changes git's hooks or settings"
    SHELL = "changes what a shell starts with"
    AGENT = "changes an agent's settings"
    PUBLISHES = "publishes to a remote"
    ROOT = "runs as root"
    MACHINE = "changes the machine"
    NOT_JUDGED = "not judged: too long"
    HIDDEN = "not all of it can be seen"
    INSTALLS = "installs software"
    NETWORK = "reaches the network"
    CHANGES = "changes files"


_COMMON = frozenset({Effect.INSTALLS, Effect.NETWORK, Effect.CHANGES})  # nothing that needs a warning


Use = Literal["", "all", "follow", "git"]


@dataclass(frozen=True, slots=True)
class Named:
    """A path that a request names, to be looked up on the disk. `use`: "all" reads the whole tree, "follow" also what
    links in it lead to, "git" runs git there."""

    path: str
    use: Use = ""


@dataclass(frozen=True, slots=True)
class Risk:
    """The risk of a request. `proven`: it has these effects and no others, and only reads if there are none. `outside`:
    paths beyond the workspace; `named`: all paths, some of which may be links."""

    proven: bool = False
    effects: frozenset[Effect] = frozenset()
    outside: tuple[str, ...] = ()
    named: tuple[Named, ...] = field(default=(), compare=False)

    @property
    def groupable(self) -> bool:
        """May one tap answer it for several agents? Only what is proven to read, in the workspace."""
        return self.proven and not self.effects and not self.outside

    @property
    def dangerous(self) -> bool:
        """Put a warning sign before it? No sign does not mean that it is harmless."""
        return bool(self.effects - _COMMON or self.outside)

    @property
    def words(self) -> str:
        """For the card: `only reads`, `changes files`, `may do anything · deletes data`."""
        said = [effect.value for effect in Effect if effect in self.effects]
        if not self.proven:
            return " · ".join(["may do anything", *said])
        return " · ".join(said) or "only reads"

    @property
    def place(self) -> str:
        """Name the paths outside; say that there are none only where that is proven."""
        paths = ", ".join(visible(path) for path in self.outside[:MOST_PLACES])
        more = len(self.outside) - MOST_PLACES
        paths += f" and {more} more" if more > 0 else ""
        if self.outside:
            return f"outside the workspace: yes, {paths}" if self.proven else f"names what is outside: {paths}"
        return "outside the workspace: no" if self.proven and not self.dangerous else ""

    @property
    def line(self) -> str:
        """The tag on the card."""
        return " · ".join(part for part in (self.words, self.place) if part)

    def more(self, effects: Iterable[Effect] = (), outside: Iterable[str] = (), *, proven: bool = True) -> Risk:
        """Add what was found afterwards."""
        return replace(
            self,
            proven=self.proven and proven,
            effects=self.effects.union(effects),
            outside=tuple(sorted({*self.outside, *outside})),
        )

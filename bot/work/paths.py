"""Do two globs touch the same files? Pure; errs towards yes, because two agents in one file cost more than a wait."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache

MAX_SEGMENTS = 40


def overlap(ours: Iterable[str], theirs: Iterable[str]) -> bool:
    """True when some path could match a glob of both. A folder stands for everything in it.

    >>> overlap(["apps/site/**"], ["apps/site/cart.js"]), overlap(["apps/site/**"], ["apps/api/**"])
    (True, False)
    """
    others = [_segments(glob) for glob in theirs]
    return any(_meet(_segments(glob), other) for glob in ours for other in others)


def _segments(glob: str) -> tuple[str, ...]:
    parts: list[str] = []
    for part in glob.strip().split("/"):
        if part != "..":
            parts += [part] if part not in {"", "."} else []
        elif parts and parts[-1] != "**":  # which takes in the folder above as well
            parts.pop()
    return tuple(parts[:MAX_SEGMENTS])


def _meet(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    @cache  # without it a bead with many ** in its paths would take exponential time
    def meet(i: int, j: int) -> bool:
        if i == len(left) or j == len(right):
            return True  # one is a folder above the other, or they are equal
        if left[i] == "**":
            return meet(i + 1, j) or meet(i, j + 1)
        if right[j] == "**":
            return meet(i, j + 1) or meet(i + 1, j)
        return _same(left[i], right[j]) and meet(i + 1, j + 1)

    return meet(0, 0)


def _same(left: str, right: str) -> bool:
    wild_left, wild_right = any(c in left for c in "*?["), any(c in right for c in "*?[")
    if wild_left and wild_right:
        return True
    return fnmatchcase(right, left) if wild_left else fnmatchcase(left, right) if wild_right else left == right

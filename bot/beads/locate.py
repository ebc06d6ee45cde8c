"""Where the Beads of a workdir are: the nearest `.beads` above it, worktrees and redirects included."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from bot.beads.jsonl import find_jsonl, metadata_of
from bot.checkout import worktree_of
from bot.foreign import read_file

MAX_REDIRECT = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """A `.beads` folder and what is in it. `repo` is the folder that holds it."""

    repo: Path
    beads_dir: Path
    database: bool
    jsonl: Path | None


def locate(workdir: Path) -> Place | None:
    """The Beads that belong to a workdir, or None.

    In a git worktree the `.beads` of the main checkout counts, as with bd itself: the worktree has its own copy of the
    files but not the database, and two agents in two worktrees must not be given the same bead as two. A
    `.beads/redirect` file with a path in it is followed once.
    """
    start = workdir.expanduser().resolve()
    for folder in (start, *start.parents):
        has_beads = (folder / ".beads").is_dir()
        if not has_beads and not (folder / ".git").is_file():
            continue
        tree = worktree_of(folder)
        if tree is not None and (tree.main / ".beads").is_dir():
            place = _follow(tree.main)
            if place.database or place.jsonl:
                return place
        if has_beads:
            return _follow(folder)
    return None


def has_database(beads_dir: Path) -> bool:
    """Is there something that `bd` can write to: embedded Dolt, a Dolt server, or the SQLite of older versions?"""
    if (beads_dir / "embeddeddolt").is_dir() or (beads_dir / "dolt").is_dir() or any(beads_dir.glob("*.db")):
        return True
    return metadata_of(beads_dir).get("dolt_mode") == "server"


def _follow(repo: Path) -> Place:
    beads_dir = repo / ".beads"
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # no such file, no path in it, links in a circle
        named = read_file(beads_dir / "redirect", MAX_REDIRECT).decode("utf-8", "replace").strip()
        target = (repo / named).resolve()
        if target.is_dir() and target.name == ".beads":
            repo, beads_dir = target.parent, target
    return Place(repo, beads_dir, has_database(beads_dir), find_jsonl(beads_dir))

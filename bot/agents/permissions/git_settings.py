"""Settings of a repository that make git run a program when it only reads (git 2.39). Blocking.

An agent can write them. Settings in the person's home are the person's own, and trusted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_RUNS = re.compile(
    r"\[\s*(?:include|pager|filter)|\bfsmonitor\s*=\s*(?!true\s*$|false\s*$)|\b(?:pager|external|textconv|command|clean"
    r"|smudge|process|program|sshcommand|hookspath|showsignature|partialclone|promisor|uploadpack|worktree|submodule|submodulesummary)\s*(?:=|$)",
    re.IGNORECASE | re.MULTILINE,
)
_HOOK = "hooks/post-index-change"  # the only one that reading calls
_LONGEST = 1_000_000
_LONGEST_INDEX = 200_000_000
_GITLINK = b"\0\0\xe0\0"  # the mode of an entry that is a repository of its own
_ENTRY, _MODE = 8, 4  # entries begin at a multiple of 8 and 4 more; so do, below version 4, their modes


def runs_nothing(folder: str) -> bool:
    """Tell whether git, run in this folder, starts no other program."""
    try:
        return all(_is_plain(place) for home in _git_homes(Path(os.path.realpath(folder))) for place in _places(home))
    except (OSError, ValueError):
        return False


def _git_homes(folder: Path) -> Iterator[Path]:
    """List the repositories that a folder may be of, up to the one that it is of for sure: its .git, the place that a
    file named .git says, or the folder itself. Git passes over one that is not whole (setup.c, is_git_directory)."""
    for one in (folder, *folder.parents):
        there = one / ".git"
        if there.is_file():
            yield one / there.read_text(encoding="utf8").removeprefix("gitdir:").strip()
            return
        for home in (there, one):
            if os.path.lexists(home / "HEAD"):
                yield home
                if (home / "HEAD").is_file() and (home / "objects").is_dir() and (home / "refs").is_dir():
                    return


def _places(home: Path) -> Iterator[Path]:
    """List the places of settings: this one, and the one shared by work trees."""
    common = home / "commondir"
    yield home
    if common.is_file():
        yield home / common.read_text(encoding="utf8").strip()


def _is_plain(home: Path) -> bool:
    if (home / _HOOK).exists() or any(_has_repositories(index) for index in home.glob("*index*")):
        return False
    for name in ("config", "config.worktree"):
        file = home / name
        if file.is_file():
            text = file.read_text(encoding="utf8", errors="replace")
            if len(text) > _LONGEST or _RUNS.search(text):
                return False
    return True


def _has_repositories(index: Path) -> bool:
    """Tell whether an index (gitformat-index) may name a repository within this one: git runs itself there, by the
    settings that lie there."""
    if not index.is_file():
        return False
    if index.stat().st_size > _LONGEST_INDEX:
        raise ValueError("too large an index to look at")
    data, at = index.read_bytes(), -1
    packed = data[4:8] > b"\0\0\0\3"
    while (at := data.find(_GITLINK, at + 1)) >= 0:
        if packed or at % _ENTRY == _MODE:
            return True
    return False

"""Settings of a repository that have git run something where it only reads (git 2.39). An agent can write them; those
of the person's own home are the person's. Blocking.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_RUNS = re.compile(
    r"\[\s*(?:include|pager|filter)|\bfsmonitor\s*=\s*(?!true\s*$|false\s*$)|\b(?:pager|external|textconv|command|clean"
    r"|smudge|process|program|sshcommand|hookspath|showsignature|partialclone|promisor|uploadpack|worktree)\s*(?:=|$)",
    re.IGNORECASE | re.MULTILINE,
)
_HOOK = "hooks/post-index-change"  # the only one that reading calls
_LONGEST = 1_000_000
_MOST_MODULES = 50


def runs_nothing(folder: str) -> bool:
    """Does git, started in this folder, run nothing but itself?"""
    try:
        home = _git_home(Path(os.path.realpath(folder)))
        return home is None or all(_is_plain(one) for one in _homes(home))
    except (OSError, ValueError):
        return False


def _git_home(folder: Path) -> Path | None:
    """Where git keeps what belongs to this folder: in .git, or there where a file of that name says, or in the folder
    itself."""
    for one in (folder, *folder.parents):
        there = one / ".git"
        if there.is_file():
            return one / there.read_text(encoding="utf8").removeprefix("gitdir:").strip()
        if there.is_dir():
            return there
        if (one / "HEAD").is_file() and (one / "objects").is_dir() and (one / "refs").is_dir():
            return one
    return None


def _homes(home: Path) -> Iterator[Path]:
    """That one, the one that it shares with other work trees, and those of submodules, which git asks too."""
    common = home / "commondir"
    shared = home / common.read_text(encoding="utf8").strip() if common.is_file() else home
    yield from {home, shared}
    for number, settings in enumerate((shared / "modules").rglob("config")):
        if number >= _MOST_MODULES:
            raise ValueError("too many submodules to look at")
        yield settings.parent


def _is_plain(home: Path) -> bool:
    if (home / _HOOK).exists():
        return False
    for name in ("config", "config.worktree"):
        file = home / name
        if file.is_file():
            text = file.read_text(encoding="utf8", errors="replace")
            if len(text) > _LONGEST or _RUNS.search(text):
                return False
    return True

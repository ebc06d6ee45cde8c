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
    r"|smudge|process|program|sshcommand|hookspath|showsignature|partialclone|promisor|uploadpack|worktree)\s*(?:=|$)",
    re.IGNORECASE | re.MULTILINE,
)
_HOOK = "hooks/post-index-change"  # the only one that reading calls
_LONGEST = 1_000_000
_MOST_MODULES = 50


def runs_nothing(folder: str) -> bool:
    """Tell whether git, run in this folder, starts no other program."""
    try:
        home = _git_home(Path(os.path.realpath(folder)))
        return home is None or all(_is_plain(one) for one in _homes(home))
    except (OSError, ValueError):
        return False


def _git_home(folder: Path) -> Path | None:
    """Find the repository of a folder: its .git, the place that a file named .git says, or a bare one."""
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
    """List the places of settings: this one, the one shared by work trees, those of submodules."""
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

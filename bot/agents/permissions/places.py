"""Where the words of a command lead: inside the workspace, or out of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

NOWHERE = re.compile(r"/dev/(null|stdin|stdout|stderr|tty|fd/\d+)")


def pieces(text: str) -> Iterator[str]:
    """The parts of a word that may be a path: `--out=/x`, `-C/x`, `host:/x`. The path of an address on the network is
    none of this machine's."""
    if re.match(r"(?!file:)[a-z][a-z0-9+.-]*://", text, re.IGNORECASE):
        return
    yield text
    yield from re.split(r"[=:,@]", text)[1:]
    if re.match(r"-\w.", text):
        yield text[2:]


def leaves(path: str, workspace: str) -> bool:
    """Does it lead out of the workspace? `~` and `$HOME` do; a pattern does if it may stand for `..`."""
    if path.startswith(("~", "$HOME")):
        return True
    path = path.removeprefix("$PWD/")
    parts = path.split("/")
    if any(re.search(r"[*?\[]", part) and part.startswith(".") and fnmatchcase("..", part) for part in parts):
        return True
    if not path.startswith("/") and ".." not in parts:
        return False
    if NOWHERE.fullmatch(path):
        return False
    root = PurePosixPath(workspace)
    there = _normal(root / path)
    return there != root and root not in there.parents


def _normal(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            if len(parts) > 1:
                parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)

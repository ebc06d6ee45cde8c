"""Links in the workspace that lead out of it: the words of a path do not tell, the disk does. Looks at it for a short
time only, for a mounted folder may hang.
"""

from __future__ import annotations

import asyncio
import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from bot.agents.permissions.question import Question
from bot.agents.permissions.risk import Risk

MOST = 200  # paths of a question that are looked at, and files that one pattern stands for
WAIT_S = 1.0


async def followed(question: Question, workdir: Path) -> Question:
    """The question with the links among its paths in its risk. Where there was no time to look it cannot be told where
    they lead."""
    named = question.risk.named
    if not named:
        return question
    try:
        async with asyncio.timeout(WAIT_S):
            outside = await asyncio.to_thread(leading_out, named[:MOST], workdir)
    except TimeoutError:
        return replace(question, risk=replace(question.risk, unplaced=True))
    more = Risk(outside=tuple(outside), unplaced=len(named) > MOST)
    return replace(question, risk=question.risk | more)


def leading_out(named: Iterable[str], workdir: Path) -> list[str]:
    """Those of these words that are paths to a place outside, and which. Blocking."""
    root = os.path.realpath(workdir)
    found = {}
    for name in named:
        for path in _files(name.removeprefix("$PWD/"), root):
            there = os.path.realpath(path)
            if there != root and not there.startswith(root.rstrip("/") + "/"):
                found[name] = f"{name} (leads to {there})"
    return sorted(found.values())


def _files(name: str, root: str) -> Iterator[str]:
    """What a word stands for where it is a path; nothing for one that no file could have as its name."""
    if "\0" in name or len(name) > os.pathconf("/", "PC_PATH_MAX"):
        return
    path = str(Path(root, name))
    yield path
    if glob.has_magic(name):
        yield from islice(glob.iglob(path), MOST)  # noqa: PTH207 - Path.glob goes through a whole tree for **

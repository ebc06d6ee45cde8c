"""Looking up the paths of a request on the disk: links that lead out of the workspace, credentials below a folder,
programs that git is set to run. It takes a second at most, for a mounted folder may hang.
"""

from __future__ import annotations

import asyncio
import glob
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from bot.agents.permissions.git_settings import runs_nothing
from bot.agents.permissions.question import Question
from bot.agents.permissions.risk import Effect, Named, Risk, secret

MOST = 200  # files that one pattern stands for
MOST_BELOW = 20_000  # entries below a folder that are looked at
WAIT_S = 1.0


async def followed(question: Question, workdir: Path) -> Question:
    """Add to a question's risk what the disk tells. If the disk does not answer in time, nothing is proven."""
    if not (question.risk.named or question.risk.outside):
        return question
    try:
        async with asyncio.timeout(WAIT_S):
            risk = await asyncio.to_thread(looked_at, question.risk, workdir)
    except TimeoutError:
        risk = question.risk.more(proven=False)
    return replace(question, risk=risk)


def looked_at(risk: Risk, workdir: Path) -> Risk:
    """Add to a risk what the disk tells. Blocking."""
    look = _Look(os.path.realpath(workdir))
    outside = [path for path in risk.outside if not look.comes_back(path)]
    for named in risk.named:
        if named.path not in outside:
            look.at(named)
    return replace(risk, outside=()).more(look.effects, [*outside, *look.outside], proven=look.sure)


class _Look:
    """Findings in the workspace `root`. `sure`: everything was seen, and git runs nothing but itself."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.effects: set[Effect] = set()
        self.outside: set[str] = set()
        self.sure = True

    def comes_back(self, path: str) -> bool:
        """Tell whether a path is in the workspace after all, which may itself be reached by a link."""
        usable = _usable(path) and not path.startswith(("~", "$")) and not glob.has_magic(path)
        return usable and self._holds(os.path.realpath(Path(self.root, path)))

    def at(self, named: Named) -> None:
        """Look at a path, by what the request does there."""
        files = list(islice(_files(named.path.removeprefix("$PWD/"), self.root), MOST + 2))
        self.sure &= len(files) <= MOST + 1
        for path in files:
            self._file(named.path, path)
        if named.use == "git":
            self.sure &= all(runs_nothing(path) for path in files)
        elif named.use:
            for path in files:
                self._below(named, path)

    def _file(self, name: str, path: str) -> None:
        there = os.path.realpath(path)
        if not self._holds(there):
            self.outside.add(f"{name} (leads to {there})")
        elif secret(there.removeprefix(self.root)):
            self.effects.add(Effect.CREDENTIALS)

    def _below(self, named: Named, path: str) -> None:
        """Look at what is read with a folder."""
        entries = 0
        for folder, folders, files in os.walk(path):
            entries += len(folders) + len(files)
            if entries > MOST_BELOW:
                self.sure &= named.use != "follow"
                return
            for name in (*folders, *files):
                if secret(name):
                    self.effects.add(Effect.CREDENTIALS)
                if named.use == "follow" and os.path.islink(whole := f"{folder}/{name}"):  # noqa: PTH114 - many of them
                    self._file(named.path, whole)

    def _holds(self, path: str) -> bool:
        return path == self.root or path.startswith(self.root.rstrip("/") + "/")


def _usable(name: str) -> bool:
    """Tell whether a file can have that name."""
    return "\0" not in name and len(name) <= os.pathconf("/", "PC_PATH_MAX")


def _files(name: str, root: str) -> Iterator[str]:
    """List the path that a word is, and those that it stands for as a pattern."""
    if not _usable(name):
        return
    path = str(Path(root, name))
    yield path
    if glob.has_magic(name):
        yield from glob.iglob(path)  # noqa: PTH207 - Path.glob goes through a whole tree for **

"""Finding the program of a CLI, and which files a process holds open."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from bot.errors import DependencyMissing


def find_program(name: str, *, install: str, path: str | None = None) -> str:
    """Absolute path of a program on `path` (ours if None). Raises DependencyMissing saying how to install it."""
    found = shutil.which(name, path=path)
    if found is None:
        raise DependencyMissing(f"{name} is not installed, or not on the agents' PATH.", hint=install)
    return str(Path(found).absolute())


def family(pid: int) -> Iterator[int]:
    """The process and its descendants (Linux; elsewhere only the process itself)."""
    waiting, seen = [pid], {pid}
    while waiting:
        current = waiting.pop()
        yield current
        try:
            children = Path(f"/proc/{current}/task/{current}/children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            if child not in seen:
                seen.add(child)
                waiting.append(child)


def open_files(pid: int) -> list[Path]:
    """Files that a process holds open for writing; empty where /proc does not tell or the process is gone.

    Codex 0.169.0 reads the conversations of others when it starts: what it only reads is not its own.
    """
    files = []
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = link.readlink()
                if not target.is_absolute() or str(target).startswith("/dev/"):
                    continue
                if link.lstat().st_mode & stat.S_IWUSR:  # the bits of the link are the mode it was opened in
                    files.append(target)
            except OSError:
                continue
    except OSError:
        return files
    return files


def tells_open_files(pid: int) -> bool:
    """True if the open files of this process can be seen: then a file that is not among them is not its own."""
    return os.access(f"/proc/{pid}/fd", os.R_OK | os.X_OK)


def start_ticks(pid: int) -> str | None:
    """Start time of a process as field 22 of /proc/PID/stat (clock ticks since boot), or None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return fields.rpartition(")")[2].split()[19]

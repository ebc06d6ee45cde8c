"""One actor per home: the bot holds the lock while it runs, a command without a bot holds it while it acts.

An flock, so the kernel drops it with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import Refused


class HomeBusy(Refused):
    """Another maf process is at work on this home."""

    code = "home_busy"
    hint = "Wait until it is done, or stop it."


class BotRuns(HomeBusy):
    """A bot already runs on this home."""

    hint = "Stop that one first."


@contextmanager
def hold(path: Path, purpose: str) -> Iterator[None]:
    """Hold the lock file `path` for the length of the block. Raises HomeBusy at once when another process holds it,
    BotRuns when that one is a bot.

    `purpose` is written beside the pid, for the one that is turned away: "bot" or the name of a command.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _busy(path) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {purpose}\n".encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def holder(path: Path) -> str:
    """What stands in the lock file: "PID PURPOSE", or "" when nobody holds it (a file left by a crash counts as
    nobody).
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.pread(handle, 200, 0).decode("utf8", "replace").strip() or "unknown"
    else:
        return ""
    finally:
        os.close(handle)


def _busy(path: Path) -> HomeBusy:
    pid, _, purpose = path.read_text(encoding="utf8", errors="replace").strip().partition(" ")
    if purpose == "bot":
        return BotRuns(f"A bot already runs on {path.parent.parent} (process {pid}).")
    return HomeBusy(f"Another maf command is at work on {path.parent.parent} (process {pid or '?'}: {purpose or '?'}).")

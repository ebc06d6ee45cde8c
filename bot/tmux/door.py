"""One client at a time comes to or leaves a tmux server.

A tmux server dies of a segmentation fault, and all its sessions with it, when it has something to tell its control
clients while one of them has only half introduced itself (3.3a: of two that come and go at once within some ten tries;
tmux pull requests 4980 and 5004 of 2026 describe it). A client of ours that comes or goes is such news, so another of
ours must not be coming at that moment, not even one of another process.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

PATIENCE_S = 5.0  # then somebody holds it who hangs: go on, for the danger is small
_ASK_AGAIN_S = 0.004


def lock_file(socket: str) -> Path:
    """The file that our processes lock for this server: beside a socket that is given as a path, so that both go
    together; else found by the socket's name."""
    if socket.startswith("/"):
        return Path(socket).with_name(f".{Path(socket).name}.lock")
    name = hashlib.sha256(socket.encode("utf8", "surrogateescape")).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"maf-{os.getuid()}-{name}.lock"


@contextlib.asynccontextmanager
async def door(socket: str) -> AsyncIterator[None]:
    """Alone at the door of this server, as far as processes of ours and of this user go."""
    try:
        held = os.open(lock_file(socket), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:  # a folder that cannot be written, somebody else's file: the danger is small
        yield
        return
    try:
        for _ in range(round(PATIENCE_S / _ASK_AGAIN_S)):
            if _locked(held):
                break
            await asyncio.sleep(_ASK_AGAIN_S)
        yield
    finally:
        os.close(held)


def _locked(held: int) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN)
    return True

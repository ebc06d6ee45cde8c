"""Who is at the other end of a Unix socket, as the kernel says: nothing of it comes from what they send."""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import dataclass

# sys/un.h of macOS: LOCAL_PEERCRED gives a struct xucred (version, uid, …), LOCAL_PEERPID a pid_t.
_SOL_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 0x001, 0x002
_XUCRED = struct.Struct("=II")
_UCRED = struct.Struct("=iII")  # unix(7), SO_PEERCRED: pid, uid, gid


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected. `pid` is 0 where it runs in a PID namespace that we cannot see into."""

    pid: int
    uid: int


def peer_of(link: socket.socket) -> Peer:
    """Raises OSError for a socket that is not connected, or no Unix socket."""
    if sys.platform == "darwin":
        pid = link.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)
        _, uid = _XUCRED.unpack(link.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 76)[: _XUCRED.size])
        return Peer(pid, uid)
    pid, uid, _ = _UCRED.unpack(link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return Peer(pid, uid)

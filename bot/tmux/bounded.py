"""libtmux whose every call ends.

libtmux 0.62 waits for the `tmux` it runs without a bound. A server that hangs (stopped by a signal, on a disk that does
not answer) would keep the thread of the call for good, and a handful of those are all the threads that we have.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import libtmux
from libtmux.common import tmux_cmd
from libtmux.exc import TmuxCommandNotFound

from bot.tmux.server import HUNG, TmuxGone, tmux_argv


class BoundedServer(libtmux.Server):
    """The server of this name or path; `timeout` is in seconds, for each command."""

    def __init__(self, socket: str, config: Path | None, timeout: float) -> None:
        super().__init__(**{"socket_path" if socket.startswith("/") else "socket_name": socket})  # type: ignore[arg-type]
        self._argv = tmux_argv(socket, config)
        self._timeout = timeout

    def cmd(self, cmd: str, *args: Any, target: str | int | None = None) -> tmux_cmd:
        """Raises TmuxGone when tmux does not answer in time, TmuxCommandNotFound."""
        at = () if target is None else ("-t", str(target))
        return _Answer([*self._argv, cmd, *at, *map(str, args)], self._timeout)


class _Answer(tmux_cmd):
    """What tmux said, in libtmux's own shape."""

    def __init__(self, argv: list[str], timeout: float) -> None:
        try:
            done = subprocess.run(
                argv, capture_output=True, encoding="utf8", errors="backslashreplace", timeout=timeout, check=False
            )
        except FileNotFoundError:
            raise TmuxCommandNotFound from None
        except subprocess.TimeoutExpired:
            raise no_answer(timeout) from None
        self.cmd = argv
        self.returncode = done.returncode
        said = done.stdout.rstrip("\n")
        self.stdout = said.split("\n") if said else []
        self.stderr = [line for line in done.stderr.split("\n") if line]


def no_answer(seconds: float) -> TmuxGone:
    """What a person is told of a server that hangs."""
    return TmuxGone(f"tmux did not answer for {seconds:g} s.", hint=HUNG)

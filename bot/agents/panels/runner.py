"""Runs one command for `maf agent run`, in a side window: what it says goes on the window and into files.

    python -I -S bot/agents/panels/runner.py FOLDER

FOLDER/command is what `sh -c` gets. FOLDER/pid is ours; FOLDER/stdout and FOLDER/stderr grow; FOLDER/exit appears last
and holds the exit code. TERM or HUP (its window was closed) ends the command with its whole group.
Standard library only.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

# More than this of either stream is dropped, and said so: a command in a loop must not fill the disk.
MAX_BYTES = 50 * 1024 * 1024
LINGER = 0.5  # seconds
CUT = b"\n[maf: more than 50 MB; the rest was dropped]\n"


def put(folder: str, name: str, text: str) -> None:
    """A small file, whole or not at all."""
    part = os.path.join(folder, f".{name}")  # noqa: PTH118
    with open(part, "w", encoding="utf8") as file:  # noqa: PTH123
        file.write(text)
    os.replace(part, os.path.join(folder, name))  # noqa: PTH105, PTH118


def copy(child: subprocess.Popen[bytes], folder: str) -> None:
    """Both streams to their files and to the window, until both have ended, or the command has and nothing more comes
    (something that it left running may hold them open).
    """
    open_ends = {}
    for name, pipe in (("stdout", child.stdout), ("stderr", child.stderr)):
        path = os.path.join(folder, name)  # noqa: PTH118
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if pipe is not None:
            open_ends[pipe.fileno()] = [file, MAX_BYTES]
    while open_ends:
        ready = select.select(list(open_ends), [], [], LINGER)[0]
        if not ready and child.poll() is not None:
            return
        for end in ready:
            data = os.read(end, 65536)
            file, left = open_ends[end]
            if not data:
                os.close(file)
                del open_ends[end]
                continue
            if left > 0:
                os.write(file, data if len(data) <= left else data[:left] + CUT)
            open_ends[end][1] = left - len(data)
            try:  # noqa: SIM105 - contextlib costs start time
                os.write(1, data)
            except OSError:
                pass


def main(words: Sequence[str]) -> int:
    """Run the command that stands in the folder, copy what it prints to the terminal and to files there, and leave
    `pid` at once and `exit` at the end (128 + N for a signal N). A hang-up ends the whole group. 2: wrong usage.
    """
    if len(words) != 1:
        os.write(2, b"usage: runner.py FOLDER\n")
        return 2
    folder = words[0]
    with open(os.path.join(folder, "command"), encoding="utf8") as file:  # noqa: PTH118, PTH123
        command = file.read()
    put(folder, "pid", str(os.getpid()))
    child = subprocess.Popen(
        ["sh", "-c", "--", command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
    )  # fmt: skip

    def on_end(_number: int, _frame: FrameType | None) -> None:
        try:
            os.killpg(child.pid, signal.SIGTERM)
        except ProcessLookupError:
            return

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, on_end)
    copy(child, folder)
    code = child.wait()
    put(folder, "exit", str(code if code >= 0 else 128 - code))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

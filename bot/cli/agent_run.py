"""`maf agent run`: a command in a side window of an agent; what it says comes out here too."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import BinaryIO

import click

from bot.cli import call
from bot.cli.command import Seconds
from bot.cli.command import command as make_command
from bot.cli.terminal import Terminal
from bot.errors import Refused

LOOK_S = 0.05
BEGINS_S = 20.0
ENDS_S = 5.0  # for a command that was told to end
TIMED_OUT = 124  # as timeout(1) says it
PIPE_CLOSED = 141  # as a shell says it of a program that SIGPIPE ended


@make_command("run")
@click.argument("agent_id", metavar="ID")
@click.argument("words", metavar="CMD")
@click.option("--timeout", type=Seconds(min=0, min_open=True), metavar="S", help="End it after S: 90, 90s, 10m.")
def command(terminal: Terminal, agent_id: str, words: str, timeout: float | None) -> int:
    """Run CMD in a side window of an agent, in its folder and environment.

    Prints what it says and exits with its code. What the agent is typing or doing is not touched.
    """
    begun = call.act(terminal, "agent.run", {"id": agent_id, "command": words}, timeout=60)
    folder = Path(begun["folder"])
    try:
        code = _follow(folder, timeout, quiet=terminal.json)
        if terminal.json:
            said = {name: _text(folder / name) for name in ("stdout", "stderr")}
            terminal.show({"agent": agent_id, "command": words, "exit": code, **said}, "")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _follow(folder: Path, timeout: float | None, *, quiet: bool) -> int:
    """Pass both streams on until the command has ended; its exit code. Ctrl-C ends it too."""
    out, err = sys.stdout.buffer, sys.stderr.buffer
    streams: list[tuple[Path, BinaryIO]] = [(folder / "stdout", out), (folder / "stderr", err)]
    offsets = [0, 0]
    begins = time.monotonic() + BEGINS_S
    deadline = time.monotonic() + timeout if timeout else None
    why: int | None = None
    while True:
        code = _exit_code(folder)  # before the streams: what is written by then is all there is
        for number, (path, stream) in enumerate(streams):
            if not quiet:
                try:
                    offsets[number] += _pass_on(path, offsets[number], stream)
                except BrokenPipeError:  # nobody reads on (`| head -1`): end as a command in a pipe does
                    _end(folder)
                    quiet, deadline, why = True, time.monotonic() + ENDS_S, PIPE_CLOSED
                    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if code is not None:
            return why if why is not None else code
        if not (folder / "stdout").exists() and time.monotonic() > begins:
            raise Refused(f"It did not begin within {BEGINS_S:g} s.", hint="Look at its window: maf agent attach ID")
        try:
            if deadline is not None and time.monotonic() > deadline:
                _end(folder)
                deadline, why = time.monotonic() + ENDS_S, TIMED_OUT
            time.sleep(LOOK_S)
        except KeyboardInterrupt:
            _end(folder)
            deadline, why = time.monotonic() + ENDS_S, 130


def _exit_code(folder: Path) -> int | None:
    """None while it runs. Raises Refused when its window was closed without a word."""
    with contextlib.suppress(FileNotFoundError):
        return int((folder / "exit").read_text())
    pid = _pid(folder)
    if pid is not None and not _alive(pid):
        with contextlib.suppress(FileNotFoundError):  # it may have ended between the two looks
            return int((folder / "exit").read_text())
        raise Refused("Its window was closed before it had ended.")
    return None


def _pid(folder: Path) -> int | None:
    """The runner's; None before it has begun."""
    try:
        pid = int((folder / "pid").read_text())
    except (OSError, ValueError):
        return None
    return pid if (folder / "stdout").exists() else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(folder: Path) -> None:
    pid = _pid(folder)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)


def _pass_on(path: Path, offset: int, out: BinaryIO) -> int:
    """Write what is new in the file; the number of bytes."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return 0
    if data:
        out.write(data)
        out.flush()
    return len(data)


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf8", "replace") if path.exists() else ""

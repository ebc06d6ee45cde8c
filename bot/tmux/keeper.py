"""The parent of an agent's pane: runs the CLI in front, and when it has ended keeps the pane without being a shell.

    python -I -S bot/tmux/keeper.py -- codex --no-daemon

A shell as parent would run a late paste as commands, and a pane without a parent would vanish with the CLI's last
words. While the CLI runs the keeper only waits. Afterwards it mends the terminal, says what happened and throws all
input away, but for one key: `r`, alone and with a third of a second of silence on both sides, starts the CLI again.
Bracketed paste is on meanwhile, so that no pasted text can be taken for that key.

Where the kernel lets it (Linux) the keeper takes in what its CLI's own processes leave behind: who leaves his parent
(setsid, a double fork) stays below the keeper, and so can be told from a person's program (bot/agents/caller.py).

TERM or HUP ends the CLI, then the keeper. A CLI that suspends itself (Ctrl-Z) is continued, for nobody could type `fg`;
one that was stopped with SIGSTOP (`maf agent freeze`) stays stopped. Standard library only, and little of it.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
from collections.abc import Sequence
from types import FrameType

ALONE = 0.3  # seconds of silence before and after the restart key
GRACE = 3.0  # seconds between TERM and KILL
KEY = b"r"
TTY = 0
IGNORED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
SUSPENDED = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)

# What a full-screen program that was killed leaves behind: alternate screen, scroll region, mouse, focus events,
# keypad, cursor keys, hidden cursor, no wrapping, synchronised output, extended keys, colours, line drawing.
# The cursor is kept around the scroll region's reset, which would send it to the top.
MEND = (
    b"\x1b[?1049l\x1b7\x1b[r\x1b8\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1004l\x1b>\x1b[?1l"
    b"\x1b[?25h\x1b[?7h\x1b[?2026l\x1b[>4;0m\x1b[<u\x1b[0m\x1b(B\x0f"
)
NO_TITLE = b"\x1b]2;\x07"
# How the title begins that tells the end of a CLI; what follows is `describe`.
ENDED = "stopped: "
PASTE_ON, PASTE_OFF = b"\x1b[?2004h", b"\x1b[?2004l"


# linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36


class Ended(Exception):
    """TERM or HUP came."""


def keeper_command(argv: Sequence[str], *, name: str = "") -> tuple[str, ...]:
    """The argv that runs a CLI under a keeper, for `Sessions.create` and `Sessions.respawn`.

    `name` says what runs in a side window; without it, it is the agent itself.
    """
    named = ("--name", name) if name else ()
    return (sys.executable, "-I", "-S", os.path.abspath(__file__), *named, "--", *argv)  # noqa: PTH100 - pathlib costs start time


def describe(status: int) -> str:
    """What a wait status means to a person: "exit 0", "killed, signal 9"."""
    if os.WIFSIGNALED(status):
        return f"killed, signal {os.WTERMSIG(status)}"
    return f"exit {os.waitstatus_to_exitcode(status)}"


def farewell(agent: str, status: int, side: str = "") -> str:
    """The lines under the CLI's last screen; `side` names a side window's program."""
    if side:
        return f"{side} ended ({describe(status)}). Press r here to run it again."
    name = agent or "This agent"
    how = f"maf agent start {agent}, or press r here" if agent else "press r here"
    return f"{name} stopped ({describe(status)}). Restart: {how}."


def takes_restart(data: bytes, silent_before: float, silent_after: float) -> bool:
    """Whether what was read is the restart key, pressed alone."""
    return data == KEY and silent_before >= ALONE and silent_after >= ALONE


def spawn(argv: Sequence[str]) -> int:
    """Start the CLI as its own process group, in front on the terminal from its first instruction; its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setpgid(0, 0)
        os.tcsetpgrp(TTY, os.getpid())  # SIGTTOU is still ignored here
        for number in (*IGNORED, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], list(argv))  # noqa: S606 - never a shell
    except OSError as error:
        os.write(2, f"\r\nCannot start {argv[0]}: {error.strerror}\r\n".encode())
    os._exit(127)


def take_in() -> None:
    """Become the parent of whatever below us loses its own; where that cannot be, nothing happens."""
    try:
        import ctypes  # 15 ms

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return


def wait(pid: int) -> int:
    """Wait for the CLI's end; its status. Buries on the way what was taken in."""
    while True:
        ended, status = os.waitpid(-1, os.WUNTRACED)
        if ended != pid:
            continue
        if not os.WIFSTOPPED(status):
            return status
        if os.WSTOPSIG(status) in SUSPENDED:
            os.tcsetpgrp(TTY, pid)
            os.killpg(pid, signal.SIGCONT)


def bury() -> None:
    """Collect our children that have ended: until then a group is never empty."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def end_group(group: int, first: signal.Signals) -> None:
    """End what is left of the CLI's process group: a helper that outlived it would still read the terminal."""
    for number, patience in ((first, GRACE), (signal.SIGKILL, 1.0)):
        deadline = time.monotonic() + patience
        try:
            os.killpg(group, number)
            os.killpg(group, signal.SIGCONT)  # a stopped process sees no signal but this and KILL
            while time.monotonic() < deadline:
                bury()
                os.killpg(group, 0)
                time.sleep(0.02)
        except (ProcessLookupError, PermissionError):
            return


def mend(saved: list[object], message: str, how: str) -> None:
    """Take the terminal back, drop what was typed at the CLI, and say what happened."""
    os.tcsetpgrp(TTY, os.getpgrp())
    quiet = list(saved)
    quiet[3] = int(str(saved[3])) & ~(termios.ICANON | termios.ECHO | termios.ISIG)
    termios.tcsetattr(TTY, termios.TCSAFLUSH, quiet)  # type: ignore[arg-type]
    # A spinner left in the title would pass for work; this one tells the bot how the CLI ended.
    title = f"\x1b]2;{ENDED}{how}\x07".encode()
    # What a killed CLI drew below its cursor is its frame, not its last words.
    os.write(1, MEND + title + b"\r\n\x1b[J" + message.encode("utf8", "replace") + b"\r\n" + PASTE_ON)


def wait_for_key() -> bool:
    """Throw input away until the restart key comes alone; False when the terminal is gone."""
    heard = time.monotonic()
    signal.signal(signal.SIGCHLD, on_child)
    bury()
    while True:
        select.select([TTY], [], [])
        data = os.read(TTY, 65536)
        if not data:
            return False
        now = time.monotonic()
        before, heard = now - heard, now
        more = data == KEY and bool(select.select([TTY], [], [], ALONE)[0])
        if takes_restart(data, before, 0.0 if more else ALONE):
            return True


def keep(argv: Sequence[str], agent: str, side: str) -> None:
    """Run the program, hang up what it left behind, mend the terminal and say how it ended; at the restart key again.
    Ends when the terminal goes, or with SIGTERM or SIGHUP, and takes the program with it.
    """
    saved = termios.tcgetattr(TTY)
    pid = 0
    try:
        os.write(1, NO_TITLE)  # a pane that was respawned still has the old one
        while True:
            pid = spawn(argv)
            status = wait(pid)
            end_group(pid, signal.SIGHUP)
            pid = 0
            mend(saved, farewell(agent, status, side), describe(status))
            if not wait_for_key():
                return
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.write(1, PASTE_OFF + NO_TITLE + b"\x1b[2J\x1b[H")
            termios.tcsetattr(TTY, termios.TCSAFLUSH, saved)
    except (Ended, OSError):  # OSError: the terminal is gone
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if pid:
            end_group(pid, signal.SIGTERM)


def on_end(_number: int, _frame: FrameType | None) -> None:
    raise Ended


def on_child(_number: int, _frame: FrameType | None) -> None:
    bury()


def main(arguments: Sequence[str]) -> int:
    """`[--name SIDE] [--] COMMAND …`. 2: wrong usage, or no terminal."""
    argv, side = list(arguments), ""
    if argv[:1] == ["--name"]:
        side, argv = argv[1], argv[2:]
    if argv[:1] == ["--"]:
        argv = argv[1:]
    if not argv or not os.isatty(TTY):
        os.write(2, b"usage: keeper.py -- COMMAND ...   (in a terminal)\n")
        return 2
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_end)
    take_in()
    keep(argv, os.environ.get("MAF_AGENT", ""), side)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

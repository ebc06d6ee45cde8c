"""The terminal that a panel is drawn on, and the keys that are pressed there.

A paste that ends up here presses no key: a key counts only alone.
"""

from __future__ import annotations

import os
import re
import select
import signal
import termios
import time
from collections.abc import Sequence
from typing import Any

from bot.tmux.cells import width_of

TTY = 0
QUIET = 0.15  # seconds of silence around a key
IGNORED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU)
SGR = re.compile(r"\x1b\[[0-9;]*m")
_TOKEN = re.compile(rf"{SGR.pattern}|.", re.DOTALL)
_PLAIN = "\x1b[0m"
FOCUS_IN, FOCUS_OUT = b"\x1b[I", b"\x1b[O"
_ON, _OFF = b"\x1b[?1004h\x1b[?2004h\x1b[?25l", b"\x1b[?1004l\x1b[?2004l\x1b[?25h"


def fold(line: str, width: int) -> list[str]:
    """The line in rows of at most `width` cells, broken at a space where one is near; a colour goes on in the next row
    and ends with the last.

    >>> fold("a long word", 8)
    ['a long ', 'word']
    """
    rows, row, used, style = [], "", 0, ""
    gap = ("", 0, "")  # the row up to its last space, the cells of that, the style there
    for part in _TOKEN.findall(line):
        if part[0] == "\x1b":
            style = "" if part in (_PLAIN, "\x1b[m") else style + part
            row += part
            continue
        size = width_of(part)
        while used + size > width and used:
            near = gap[0] and used - gap[1] <= width // 2
            full, taken, then = gap if near else (row, used, style)
            rows.append(full + _PLAIN * bool(then))
            row, used, gap = then + row[len(full) :], used - taken, ("", 0, "")
        row += part
        used += size
        if part == " ":
            gap = (row, used, style)
    return [*rows, row + _PLAIN * bool(style)]


def page(title: str, lines: Sequence[str], keys: str, size: tuple[int, int], clock: str) -> list[str]:
    """The rows that fill a pane of this size (columns, rows): a phone's forty columns or a wide screen's three hundred.
    What does not fit below is counted.
    """
    width, height = size
    rows = fold(f"\x1b[1m{title}{_PLAIN}  {clock}  \x1b[2m{keys}{_PLAIN}", width)
    for shown, line in enumerate(lines):
        folded = fold(line, width)
        room = height - 1 - len(rows) - (shown < len(lines) - 1)  # one row to count the rest in
        if len(folded) > room:
            return [*rows, fold(f"… {len(lines) - shown} more lines", width)[0]][:height]
        rows += folded
    return rows[:height]


class PanelTerminal:
    """The tty in raw mode, with reports of the focus."""

    def __init__(self) -> None:
        """Raises OSError where there is no terminal."""
        self._cooked: list[Any] = termios.tcgetattr(TTY)
        for number in IGNORED:
            signal.signal(number, signal.SIG_IGN)
        self._resized, told = os.pipe()
        for end in (self._resized, told):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        signal.signal(signal.SIGWINCH, lambda _number, _frame: None)
        self._raw()

    def draw(self, title: str, lines: Sequence[str], keys: str) -> None:
        """Fill the pane."""
        columns, height = os.get_terminal_size(1)
        rows = page(title, lines, keys, (columns, height), time.strftime("%H:%M:%S"))
        self.write("\x1b[H\x1b[2J" + "\r\n".join(rows))

    def write(self, text: str) -> None:
        os.write(1, text.encode("utf8", "replace"))

    def key(self, seconds: float) -> bytes:
        """What was typed within so many seconds: a single key that came alone, a change of focus, or b""; a new size of
        the pane ends the wait too. Raises EOFError when the terminal is gone.
        """
        ready = select.select([TTY, self._resized], [], [], seconds)[0]
        if self._resized in ready:
            os.read(self._resized, 4096)
        if TTY not in ready:
            return b""
        data = os.read(TTY, 65536)
        if not data:
            raise EOFError
        while select.select([TTY], [], [], QUIET)[0]:
            data += os.read(TTY, 65536)
        return data if len(data) == 1 or data in (FOCUS_IN, FOCUS_OUT) else b""

    def run(self, argv: Sequence[str]) -> int:
        """Run a program on this terminal as a job of its own, and take the terminal back; its exit code."""
        os.write(1, _OFF + b"\x1b[H\x1b[2J")
        termios.tcsetattr(TTY, termios.TCSAFLUSH, self._cooked)
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(TTY, os.getpid())
            for number in IGNORED:
                signal.signal(number, signal.SIG_DFL)
            try:
                os.execvp(argv[0], list(argv))  # noqa: S606 - the person asked for this command
            finally:
                os._exit(127)
        _, status = os.waitpid(child, 0)
        os.tcsetpgrp(TTY, os.getpgrp())
        self._raw()
        return os.waitstatus_to_exitcode(status)

    def _raw(self) -> None:
        quiet = list(self._cooked)
        quiet[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
        termios.tcsetattr(TTY, termios.TCSAFLUSH, quiet)
        os.write(1, _ON)

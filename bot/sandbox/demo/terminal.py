"""Drawing on the main screen: history scrolls up as normal output, a live block stands below it."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import tty
import unicodedata
from collections.abc import Sequence
from types import TracebackType

BOLD, DIM, GREEN, RED, CYAN, RESET = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[31m", "\x1b[36m", "\x1b[0m"
_SIZE = (80, 24)


def cells(text: str) -> int:
    """Columns that a plain text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(char) or unicodedata.category(char) in {"Cf", "Mn", "Me"}
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def cut(text: str, columns: int) -> str:
    """The beginning of a plain text that fits, with … if something is missing."""
    if cells(text) <= columns:
        return text
    while text and cells(text) > columns - 1:
        text = text[:-1]
    return text + "…" if columns > 0 else ""


def wrap(text: str, columns: int, first: str = "", rest: str = "", *, words: bool = False) -> list[str]:
    """Plain text in lines of at most `columns`; the first begins with `first`, all others with `rest`.

    With `words` a line is broken at a space where there is one; without, every character keeps its place.
    """
    lines: list[str] = []
    room = max(4, columns - max(cells(first), cells(rest)))
    for paragraph in text.expandtabs(4).split("\n"):
        part, used = "", 0
        for char in paragraph:
            size = cells(char)
            if used + size > room:
                head, _, tail = part.rpartition(" ") if words else (part, "", "")
                lines.append(head or part)
                part = tail if head else ""
                used = cells(part)
            part, used = part + char, used + size
        lines.append(part)
    return [(rest if index else first) + line for index, line in enumerate(lines)]


def readable(text: str) -> str:
    """The text without control characters, so that nothing pasted can steer the terminal."""
    return "".join(char for char in text if char in "\n\t" or not unicodedata.category(char).startswith("Cc"))


class Line:
    """One line of the block: what is written, and the columns it takes."""

    __slots__ = ("columns", "styled")

    def __init__(self, text: str, before: str = "", *, after: str = "", style: str = "") -> None:
        """`before` + text (in `style`) + `after`, all plain."""
        self.columns = cells(before) + cells(text) + cells(after)
        self.styled = f"{before}{style}{text}{RESET if style else ''}{after}"


class Terminal:
    """The tty in raw mode with bracketed paste; `with` puts everything back."""

    def __init__(self, source: int = 0, sink: int = 1) -> None:
        self._source, self._sink = source, sink
        self._saved = termios.tcgetattr(source)
        self._drawn: list[Line] = []
        self._row = 0
        self._column = 0
        self._last = ""
        self._title = ""
        self._fitted = self.size  # what the block on the screen was drawn for

    def __enter__(self) -> Terminal:
        tty.setraw(self._source, termios.TCSANOW)
        self._write("\x1b[?2004h")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        below = len(self._drawn) - 1 - self._row
        self._write((f"\x1b[{below}B" if below > 0 else "") + "\r\n\x1b[?2004l\x1b[?25h\x1b]2;\x07")
        termios.tcsetattr(self._source, termios.TCSANOW, self._saved)

    @property
    def size(self) -> tuple[int, int]:
        """(columns, rows), never less than 10 x 4."""
        try:
            rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(self._sink, termios.TIOCGWINSZ, bytes(8)))
        except OSError:
            columns, rows = _SIZE
        return max(10, columns or _SIZE[0]), max(4, rows or _SIZE[1])

    def fit(self) -> int:
        """The columns that the next frame is to be made for. To be asked right before each one, and not where a signal
        is heard, which may be after it: where the size is another one, the terminal has wrapped our lines anew, and the
        block begins elsewhere above the cursor.
        """
        if (size := self.size) != self._fitted:
            columns, rows = self._fitted = size
            above = sum(max(1, -(-line.columns // columns)) for line in self._drawn[: self._row])
            self._row = min(rows - 1, above + self._column // columns)
            self._last = "\x00"
        return self._fitted[0]

    def title(self, text: str) -> None:
        if text != self._title:
            self._title = text
            self._write(f"\x1b]2;{text}\x07")

    def frame(self, history: Sequence[str], block: Sequence[Line], row: int, column: int) -> None:
        """Print `history` for good, then draw the block below it, made for what `fit` told; the cursor at (row, column)
        of the block."""
        _, rows = self._fitted
        surplus = max(0, len(block) - (rows - 1))
        block, row = block[surplus:], max(0, row - surplus)
        body = "\r\n".join(line.styled for line in block)
        if not history and body == self._last and (row, column) == (self._row, self._column):
            return
        up = f"\x1b[{self._row}A" if self._row else ""
        printed = "".join(f"{line}\r\n" for line in history)
        back = len(block) - 1 - row
        place = (f"\x1b[{back}A" if back else "") + "\r" + (f"\x1b[{column}C" if column else "")
        # The space: tmux takes the clearing of a whole screen for a wish to keep it, and moves it into the history.
        self._write(f"\x1b[?25l{up}\r \x1b[J\r{printed}{body}{place}\x1b[?25h")
        self._drawn, self._row, self._column, self._last = list(block), row, column, body

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(self._sink, data) :]

"""How each CLI breaks a command into the rows of its dialog, so that a dialog's words can be compared with a command
without guessing. Pure. Measured on Claude Code 2.1.328 and Codex 0.169.0 at 41 to 200 columns.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_WORDS = re.compile(r"( *)([^ ]+|$)")
_UNSEEN = frozenset({"Mn", "Me", "Mc", "Cf", "Cc", "Cs", "Co", "Cn", "Zl", "Zp"})  # drawn with another, or not at all


def _is_known(line: str, columns: int) -> bool:
    """Is each character seen as what it is, and is it known where the line breaks? Of characters that take two columns
    that is known only where the whole line fits."""
    if line.isascii():
        return line.isprintable()
    if any(unicodedata.category(char) in _UNSEEN or (char.isspace() and char != " ") for char in line):
        return False
    return 2 * len(line) <= columns or not any(unicodedata.east_asian_width(char) in "WF" for char in line)


def claude_rows(command: str, width: int) -> list[str] | None:
    """The rows in which Claude Code shows a command; None where that is not known. One of several lines, or of more
    than 80 columns, stands behind a bar and has two columns less."""
    lines = command.split("\n")
    columns = width - (4 if len(lines) > 1 or len(command) > 80 else 2)
    if columns < 2 or not all(_is_known(line, columns) for line in lines):
        return None
    return [row for line in lines for row in _all_spaces_kept(line, columns)]


def _all_spaces_kept(line: str, columns: int) -> Iterator[str]:
    """As `wrap-ansi` does without trimming; each row after the first then loses one space that it begins with."""
    rows = [""]
    for index, word in enumerate(line.split(" ")):
        if index:
            if len(rows[-1]) >= columns:
                rows.append("")
            rows[-1] += " "
        used, size = len(rows[-1]), len(word)
        if size > columns:
            if (size - 1) // columns < 1 + (size - (columns - used) - 1) // columns:
                rows.append("")
            first, *more = _pieces(rows.pop() + word, columns)
            rows += [first, *more]
            continue
        if used + size > columns and used and size:
            rows.append("")
        rows[-1] += word
    yield rows[0].rstrip(" ")
    yield from (row.removeprefix(" ").rstrip(" ") for row in rows[1:])


def codex_rows(command: str, width: int) -> list[str] | None:
    """The rows in which Codex shows a command, without the "$ " before it; None where that is not known."""
    lines, columns = f"$ {command}".split("\n"), width - 4
    if columns < 4 or not all(_is_known(line, columns) for line in lines):
        return None
    rows = [row for line in lines for row in _one_space_dropped(line, columns)]
    return [rows[0].removeprefix("$").removeprefix(" "), *rows[1:]]


def _one_space_dropped(line: str, columns: int) -> Iterator[str]:
    """A row is filled with the spaces before a word that does not fit any more; of those left over one is dropped."""
    row = ""
    for spaces, word in _WORDS.findall(line):
        if len(row) + len(spaces) + len(word) <= columns:
            row += spaces + word
            continue
        if row:
            yield row.rstrip(" ")
            row = " " * (len(spaces) - (columns - len(row)) - 1)
        else:
            row = spaces
        *full, row = _pieces(row + word, columns)
        yield from full
    yield row.rstrip(" ")


def demo_rows(command: str, width: int) -> list[str] | None:
    """The rows in which the demo agent shows a command: cut wherever one is full."""
    lines, columns = command.split("\n"), width - 3
    if columns < 2 or not all(_is_known(line, columns) for line in lines):
        return None
    return [row for line in lines for row in _pieces(line, columns)]


def _pieces(text: str, columns: int) -> list[str]:
    return [text[at : at + columns] for at in range(0, len(text), columns)] or [""]

"""What `capture-pane -e -p` returned, and the same without colours. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

# CSI sequences, OSC strings (tmux 3.4 and newer give hyperlinks), two-character escapes.
_ESCAPE = re.compile(r"\x1b(?:\[[0-9:;<=>?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")
_LINE_DRAWING = re.compile(r"\x0e([^\x0f]*)\x0f?")
# The DEC special graphics set, which tmux passes on between SO and SI (VT100 User Guide, table 3-9).
GRAPHICS = str.maketrans(
    "`afgijklmnopqrstuvwxyz{|}~+,-.0",
    "◆▒°±␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·→←↑↓▮",
)


def plain(ansi: str) -> str:
    """The text as a person sees it: no colours, no links, line drawing as box characters."""
    text = _ESCAPE.sub("", ansi) if "\x1b" in ansi else ansi
    if "\x0e" in text:
        text = _LINE_DRAWING.sub(lambda found: found[1].translate(GRAPHICS), text)
    return text


@dataclass(frozen=True, slots=True)
class Screen:
    """One look at a pane: its lines joined by newlines, with SGR sequences; `at` is a monotonic time in seconds.

    `cursor` is the column and the line (of these lines) of the terminal's cursor; None where it is hidden or was not
    asked for.
    """

    ansi: str
    title: str
    width: int
    height: int
    at: float
    cursor: tuple[int, int] | None = None

    @property
    def plain(self) -> str:
        return plain(self.ansi)

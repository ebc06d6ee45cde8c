"""Text with SGR sequences, as `tmux capture-pane -e` prints it (tmux 3.3a): stripping them, and how a line looks.

Only what tells screens apart is kept: faint (placeholders), grey (remarks), reverse (cursor, chosen row), background
(old prompts)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
# SGR, other CSI, OSC (hyperlinks, titles) and two-byte escapes.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_()].?)")


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell looks, as far as it matters here."""

    faint: bool = False
    reverse: bool = False
    background: bool = False
    grey: bool = False


PLAIN = Style()


def plain(ansi: str) -> str:
    """The text without any escape sequence; line breaks stay where they are."""
    return _ESCAPE.sub("", ansi) if "\x1b" in ansi else ansi


def _extended(codes: list[str], at: int) -> int:
    """How many codes a 38/48/58 colour takes, itself included."""
    kind = codes[at + 1] if at + 1 < len(codes) else ""
    return {"5": 3, "2": 5}.get(kind, 1)


def _is_grey(codes: list[str]) -> bool:
    """38;5;N of the 256 colours: N from 232 to 255 goes from black to white; the ends are text."""
    return len(codes) == 3 and codes[1] == "5" and codes[2].isdecimal() and 236 <= int(codes[2]) <= 250


@lru_cache(1024)  # a CLI uses a few dozen
def apply(style: Style, parameters: str) -> Style:
    """The style after one SGR sequence with these parameters ("0;2", "48;5;237", "")."""
    codes = parameters.replace(":", ";").split(";")
    at = 0
    while at < len(codes):
        code = codes[at]
        step = 1
        if code in ("", "0", "00"):
            style = PLAIN
        elif code == "2":
            style = replace(style, faint=True)
        elif code == "22":
            style = replace(style, faint=False)
        elif code == "7":
            style = replace(style, reverse=True)
        elif code == "27":
            style = replace(style, reverse=False)
        elif code == "49":
            style = replace(style, background=False)
        elif code in ("38", "48", "58"):
            step = _extended(codes, at)
            if code == "48":
                style = replace(style, background=True)
            elif code == "38":
                style = replace(style, grey=_is_grey(codes[at : at + step]))
        elif code == "39" or (len(code) == 2 and code[0] in "39" and code[1] in "01234567"):
            style = replace(style, grey=code == "90")
        elif len(code) in (2, 3) and code[:-1] in ("4", "10") and code[-1] in "01234567":
            style = replace(style, background=True)
        at += step
    return style


def style_before(ansi: str, offset: int) -> Style:
    """The style in force at `offset`: tmux carries it over line ends, and writes a reset (`ESC[0…m`) often."""
    start = max(ansi.rfind("\x1b[0", 0, offset), 0)
    style = PLAIN
    for match in _SGR.finditer(ansi, start, offset):
        style = apply(style, match.group(1))
    return style


def runs(line: str, style: Style) -> Iterator[tuple[str, Style]]:
    """The visible pieces of one line, each with its style; `style` is the one in force at its start."""
    at = 0
    for match in _SGR.finditer(line):
        if match.start() > at and (text := plain(line[at : match.start()])):
            yield text, style
        style = apply(style, match.group(1))
        at = match.end()
    if at < len(line) and (text := plain(line[at:])):
        yield text, style

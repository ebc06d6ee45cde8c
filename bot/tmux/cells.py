"""A captured screen as the grid of cells that the terminal shows: characters, colours, attributes. Pure.

Input is what `capture-pane -e -p` prints (tmux 3.3a): text, SGR sequences that stay in force over line ends, and line
drawing between SO and SI. SGR is ECMA-48 section 8.3.117 with xterm's 38/48/58 colours and kitty's underline styles.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from bot.tmux.screen import GRAPHICS

Rgb = tuple[int, int, int]
# None: the terminal's own colour; a number: 0-255 of the palette; else red, green, blue.
Colour = int | Rgb | None

_TOKEN = re.compile(
    r"\x1b\[(?P<sgr>[0-9;:]*)m"
    r"|\x1b(?:\[[0-9:;<=>?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])"
    r"|(?P<shift>[\x0e\x0f])"
    r"|(?P<text>[^\x1b\x0e\x0f]+)"
)


@dataclass(frozen=True, slots=True)
class Look:
    """How a cell looks. `under` is the colour of its underline, where that is not the text's."""

    fore: Colour = None
    back: Colour = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False
    reverse: bool = False
    hidden: bool = False
    under: Colour = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One character with the marks that stand on it; `width` is 1 or 2 cells. The cell after a wide one is left out."""

    text: str
    look: Look
    width: int = 1


PLAIN = Look()
_ON: dict[str, dict[str, Any]] = {
    "1": {"bold": True},
    "2": {"dim": True},
    "3": {"italic": True},
    "4": {"underline": True},
    "7": {"reverse": True},
    "8": {"hidden": True},
    "9": {"strike": True},
    "21": {"underline": True},
    "22": {"bold": False, "dim": False},
    "23": {"italic": False},
    "24": {"underline": False},
    "27": {"reverse": False},
    "28": {"hidden": False},
    "29": {"strike": False},
    "39": {"fore": None},
    "49": {"back": None},
    "59": {"under": None},
}
_JOINER = "\u200d"
_COLOURED = {"38": "fore", "48": "back", "58": "under"}


def grid(ansi: str, width: int) -> list[list[Cell]]:
    """The lines of a capture as rows of cells that are `width` cells wide together, filled up with blanks.

    tmux cuts spaces off the end of a line. What is cut off a line that ends on a coloured background is shown in that
    colour: such lines are bands over the whole width far more often than words marked at the end of a line.
    """
    rows: list[list[Cell]] = []
    look, drawing = PLAIN, False
    for line in ansi.split("\n"):
        row: list[Cell] = []
        for match in _TOKEN.finditer(line):
            if (sgr := match["sgr"]) is not None:
                look = after(look, sgr)
            elif (shift := match["shift"]) is not None:
                drawing = shift == "\x0e"
            elif (text := match["text"]) is not None:
                row += _cells(text.translate(GRAPHICS) if drawing else text, look)
        rows.append(_filled(row, width, Look(back=look.back) if line else PLAIN))
    return rows


def width_of(character: str) -> int:
    """Cells that a character takes: 0 for what stands on the one before it, 2 for wide ones, as wcwidth(3) has it."""
    return _width(character)


@lru_cache(512)  # a CLI uses a few dozen
def after(look: Look, parameters: str) -> Look:
    """The look after one SGR sequence with these parameters ("0;2", "48;5;237", "4:3", "")."""
    codes = parameters.split(";")
    at = 0
    while at < len(codes):
        code = codes[at]
        if code in ("", "0", "00"):
            look = PLAIN
        elif ":" in code:
            look = _with_parts(look, code.split(":"))
        elif code in _COLOURED:
            colour, used = _extended(codes[at + 1 :])
            look = _with_colour(look, code, colour)
            at += used
        elif code in _ON:
            look = replace(look, **_ON[code])
        elif code.isdecimal() and (named := _named(int(code))) is not None:
            look = replace(look, **named)
        at += 1
    return look


def _named(code: int) -> dict[str, Any] | None:
    """The sixteen colours that have a number of their own."""
    for first, name, colour in ((30, "fore", 0), (40, "back", 0), (90, "fore", 8), (100, "back", 8)):
        if first <= code < first + 8:
            return {name: colour + code - first}
    return None


def _with_parts(look: Look, parts: list[str]) -> Look:
    """A code with colons in it: an underline's style, or a colour with or without its colour space."""
    if parts[0] == "4":
        return replace(look, underline=parts[1] != "0")
    if parts[0] not in _COLOURED:
        return look
    values = parts[1:]
    if values[:1] == ["2"] and len(values) >= 5:  # 38:2:SPACE:R:G:B
        values = ["2", *values[2:5]]
    colour, _ = _extended(values)
    return _with_colour(look, parts[0], colour)


def _with_colour(look: Look, code: str, colour: Colour) -> Look:
    """38 the text, 48 the background, 58 the underline; None is what could not be read and changes nothing."""
    changed: dict[str, Any] = {_COLOURED[code]: colour}
    return look if colour is None else replace(look, **changed)


def _extended(codes: list[str]) -> tuple[Colour, int]:
    """A colour of the palette or of its own, and how many codes it took."""
    count = {"5": 2, "2": 4}.get(codes[0] if codes else "", 0)
    given = codes[1:count]
    if len(given) != count - 1 or not all(v.isdecimal() and int(v) < 256 for v in given):
        return None, count or 1
    values = [int(v) for v in given]
    return (values[0] if count == 2 else (values[0], values[1], values[2])), count


def _cells(text: str, look: Look) -> Iterator[Cell]:
    held, wide = "", 0
    for character in text:
        took = 1 if " " <= character <= "~" else _width(character)
        if took == 0 or (held[-1:] == _JOINER and character > "~"):  # a family is one cell, as tmux has it
            held += character if held else ""
        else:
            if held:
                yield Cell(held, look, wide)
            held, wide = character, took
    if held:
        yield Cell(held, look, wide)


@lru_cache(4096)
def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc") and character != "\u00ad":
        return 0
    if "\u1160" <= character <= "\u11ff":  # the second and third part of a Hangul syllable
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _filled(row: list[Cell], width: int, look: Look) -> list[Cell]:
    taken, kept = 0, []
    for cell in row:
        if taken + cell.width > width:
            break
        kept.append(cell)
        taken += cell.width
    return kept + [Cell(" ", look)] * (width - taken)

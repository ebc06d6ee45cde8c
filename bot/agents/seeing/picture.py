"""A captured screen as a PNG that shows what the terminal shows. Blocking (0.1 s or so): for a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from io import BytesIO

from PIL import Image, ImageDraw

from bot.agents.seeing.fonts import Fonts
from bot.agents.seeing.shapes import shape
from bot.tmux.cells import PLAIN, Cell, Colour, Look, Rgb, grid

SIZE = 18  # pixels; a phone's screen shows 80 columns of it sharply
MARGIN = 8
FORE: Rgb = (214, 217, 222)
BACK: Rgb = (18, 20, 24)
# The sixteen: readable on BACK, near to what terminals ship today. The rest of the palette is xterm's.
_SIXTEEN: tuple[Rgb, ...] = (
    (42, 46, 54),
    (224, 82, 82),
    (78, 186, 101),
    (216, 168, 61),
    (88, 141, 240),
    (188, 108, 218),
    (64, 181, 196),
    (200, 204, 210),
    (110, 117, 128),
    (255, 122, 122),
    (124, 219, 142),
    (245, 204, 104),
    (132, 176, 255),
    (221, 151, 246),
    (110, 216, 228),
    (255, 255, 255),
)
_STEPS = (0, 95, 135, 175, 215, 255)
# Telegram takes pictures up to 10,000 pixels of width plus height; more than this no phone shows well.
MAX_ROWS = 220


def png(ansi: str, width: int, *, cursor: Sequence[int] | None = None) -> bytes:
    """The screen as a PNG: one cell of the terminal is one cell of the picture.

    `ansi` is a capture with SGR sequences, `width` the pane's width in cells, `cursor` its column and line, drawn
    reversed. Of a capture of more than MAX_ROWS lines the last are shown.
    """
    rows = grid(ansi.rstrip("\n"), max(1, width))
    if cursor is not None:
        _put(rows, *cursor)
    image = draw(rows[-MAX_ROWS:], _fonts())
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _put(rows: list[list[Cell]], column: int, line: int) -> None:
    """Reverse the cell under the cursor, which may stand below the last text."""
    width = sum(cell.width for cell in rows[0])
    rows += [[Cell(" ", PLAIN)] * width for _ in range(line + 1 - len(rows))]
    at = 0
    for number, cell in enumerate(rows[line]):
        at += cell.width
        if column < at:
            rows[line][number] = replace(cell, look=replace(cell.look, reverse=not cell.look.reverse))
            return


def draw(rows: list[list[Cell]], fonts: Fonts) -> Image.Image:
    """The rows, which are all equally wide, with a margin around them."""
    wide, high = fonts.cell
    columns = sum(cell.width for cell in rows[0]) if rows else 1
    image = Image.new("RGB", (columns * wide + 2 * MARGIN, len(rows) * high + 2 * MARGIN), BACK)
    pen = ImageDraw.Draw(image)
    for number, row in enumerate(rows):
        x, y = MARGIN, MARGIN + number * high
        for cell in row:
            _cell(image, pen, cell, (x, y), fonts)
            x += cell.width * wide
    return image


def _cell(image: Image.Image, pen: ImageDraw.ImageDraw, cell: Cell, at: tuple[int, int], fonts: Fonts) -> None:
    x, y = at
    fore, back = colours(cell.look)
    wide, high = fonts.cell[0] * cell.width, fonts.cell[1]
    if back != BACK:
        pen.rectangle((x, y, x + wide - 1, y + high - 1), fill=back)
    if cell.text != " " and not cell.look.hidden:
        mask = shape(cell.text, (wide, high))
        if mask is not None:
            image.paste(fore, (x, y), mask)
        else:
            glyph = fonts.glyph(cell.text, cell.width, bold=cell.look.bold, italic=cell.look.italic)
            image.paste(glyph.image if glyph.coloured else fore, (x, y), glyph.image)
    if cell.look.underline:
        line = y + fonts.ascent + 2
        under = fore if cell.look.under is None else rgb(cell.look.under, fore)
        pen.line((x, line, x + wide - 1, line), fill=under)
    if cell.look.strike:
        middle = y + round(high * 0.55)
        pen.line((x, middle, x + wide - 1, middle), fill=fore)


def colours(look: Look) -> tuple[Rgb, Rgb]:
    """The colours of text and background as they are drawn."""
    fore, back = rgb(look.fore, FORE), rgb(look.back, BACK)
    if look.reverse:
        fore, back = back, fore
    if look.dim:
        fore = _between(fore, back)
    return fore, back


def rgb(colour: Colour, default: Rgb) -> Rgb:
    """A colour as red, green, blue; `default` for the terminal's own.

    >>> rgb(16, FORE), rgb(231, FORE), rgb(232, FORE)
    ((0, 0, 0), (255, 255, 255), (8, 8, 8))
    """
    if colour is None:
        return default
    if isinstance(colour, tuple):
        return colour
    if colour < 16:
        return _SIXTEEN[colour]
    if colour < 232:
        at = colour - 16
        return _STEPS[at // 36], _STEPS[at // 6 % 6], _STEPS[at % 6]
    grey = 8 + 10 * (colour - 232)
    return grey, grey, grey


def _between(one: Rgb, other: Rgb) -> Rgb:
    red, green, blue = ((3 * a + 2 * b) // 5 for a, b in zip(one, other, strict=True))
    return red, green, blue


@cache
def _fonts() -> Fonts:
    return Fonts(SIZE)

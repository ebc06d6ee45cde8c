"""Characters that a terminal draws by itself so that they join without a seam: blocks, Braille, straight lines.

Block Elements U+2580-259F, Braille Patterns U+2800-28FF, Box Drawing U+2500-257F (Unicode 15); and a few signs of the
CLIs that most fonts lack (U+23BF, U+23F4-23FA).
"""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, ImageDraw

Size = tuple[int, int]
Box = tuple[float, float, float, float]

# Parts of the cell as left, top, right, bottom in eighths, for the blocks that are made of rectangles.
_BLOCKS: dict[str, tuple[tuple[int, int, int, int], ...]] = {
    "▀": ((0, 0, 8, 4),),
    **{chr(0x2580 + n): ((0, 8 - n, 8, 8),) for n in range(1, 9)},
    **{chr(0x2590 - n): ((0, 0, n, 8),) for n in range(1, 8)},
    "▐": ((4, 0, 8, 8),),
    "▔": ((0, 0, 8, 1),),
    "▕": ((7, 0, 8, 8),),
    "▖": ((0, 4, 4, 8),),
    "▗": ((4, 4, 8, 8),),
    "▘": ((0, 0, 4, 4),),
    "▙": ((0, 0, 4, 8), (4, 4, 8, 8)),
    "▚": ((0, 0, 4, 4), (4, 4, 8, 8)),
    "▛": ((0, 0, 4, 8), (4, 0, 8, 4)),
    "▜": ((0, 0, 8, 4), (4, 4, 8, 8)),
    "▝": ((4, 0, 8, 4),),
    "▞": ((4, 0, 8, 4), (0, 4, 4, 8)),
    "▟": ((4, 0, 8, 8), (0, 4, 4, 8)),
}
_SHADES = {"░": 64, "▒": 128, "▓": 191}
# Which of the four arms (left, up, right, down) a line has; 1 thin, 2 thick.
_ARMS: dict[str, tuple[int, int, int, int]] = {
    "─": (1, 0, 1, 0), "━": (2, 0, 2, 0), "│": (0, 1, 0, 1), "┃": (0, 2, 0, 2),
    "┌": (0, 0, 1, 1), "┐": (1, 0, 0, 1), "└": (0, 1, 1, 0), "┘": (1, 1, 0, 0),
    "┏": (0, 0, 2, 2), "┓": (2, 0, 0, 2), "┗": (0, 2, 2, 0), "┛": (2, 2, 0, 0),
    "├": (0, 1, 1, 1), "┤": (1, 1, 0, 1), "┬": (1, 0, 1, 1), "┴": (1, 1, 1, 0), "┼": (1, 1, 1, 1),
    "┣": (0, 2, 2, 2), "┫": (2, 2, 0, 2), "┳": (2, 0, 2, 2), "┻": (2, 2, 2, 0), "╋": (2, 2, 2, 2),
    "╴": (1, 0, 0, 0), "╵": (0, 1, 0, 0), "╶": (0, 0, 1, 0), "╷": (0, 0, 0, 1),
}  # fmt: skip
# Bits of a Braille pattern, by column and row of its dots.
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
# Signs as corners of a polygon, in hundredths of the cell.
_SIGNS: dict[str, tuple[tuple[tuple[int, int], ...], ...]] = {
    "⏸": (((15, 28), (38, 28), (38, 74), (15, 74)), ((62, 28), (85, 28), (85, 74), (62, 74))),
    "⏹": (((12, 30), (88, 30), (88, 72), (12, 72)),),
    "⏵": (((15, 25), (90, 51), (15, 77)),),
    "⏴": (((85, 25), (10, 51), (85, 77)),),
    "⏶": (((8, 70), (50, 30), (92, 70)),),
    "⏷": (((8, 32), (50, 72), (92, 32)),),
}
_CORNERS = {"╭": (1, 1), "╮": (-1, 1), "╰": (1, -1), "╯": (-1, -1)}


@lru_cache(1024)
def shape(text: str, size: Size) -> Image.Image | None:  # noqa: PLR0911 - one line per kind reads best
    """A mask of the cell with the character in it; None for a character that a font draws."""
    if text in _BLOCKS:
        return _block(_BLOCKS[text], size)
    if text in _SHADES:
        return Image.new("L", size, _SHADES[text])
    if text in _ARMS:
        return _lines(_ARMS[text], size)
    if text in _CORNERS:
        return _corner(_CORNERS[text], size)
    if text in _SIGNS:
        return _sign(_SIGNS[text], size)
    if text == "⏺":
        return _dot(size)
    if text == "⎿":
        return _hook(size)
    if len(text) == 1 and "\u2801" <= text <= "\u28ff":
        return _braille(ord(text) - 0x2800, size)
    return None


def _block(parts: tuple[tuple[int, int, int, int], ...], size: Size) -> Image.Image:
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    for left, top, right, bottom in parts:
        x0, y0 = round(left * size[0] / 8), round(top * size[1] / 8)
        x1, y1 = round(right * size[0] / 8), round(bottom * size[1] / 8)
        pen.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), fill=255)
    return mask


def _lines(arms: tuple[int, int, int, int], size: Size) -> Image.Image:
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    thin = max(1, size[1] // 16)
    x, y = size[0] // 2, size[1] // 2
    left, up, right, down = arms

    def line(weight: int, box: tuple[int, int, int, int], *, upright: bool) -> None:
        if weight:
            more = thin * weight - 1
            pen.rectangle((*box[:2], box[2] + more * upright, box[3] + more * (not upright)), fill=255)

    line(left, (0, y, x, y), upright=False)
    line(right, (x, y, size[0], y), upright=False)
    line(up, (x, 0, x, y), upright=True)
    line(down, (x, y, x, size[1]), upright=True)
    return mask


def _corner(towards: tuple[int, int], size: Size) -> Image.Image:
    """A rounded corner whose arms go right or left, and down or up; drawn large, then reduced, to be smooth."""
    scale = 4
    thin = max(1, size[1] // 16)
    wide, high = size[0] * scale, size[1] * scale
    big = Image.new("L", (wide, high), 0)
    pen = ImageDraw.Draw(big)
    x, y, thick = size[0] // 2 * scale, size[1] // 2 * scale, thin * scale
    across, along = towards
    radius = size[0] // 2 * scale
    cx, cy = x + across * radius, y + along * radius
    start = {(1, 1): 180, (-1, 1): 270, (1, -1): 90, (-1, -1): 0}[towards]
    box = (cx - radius, cy - radius, cx + radius + thick, cy + radius + thick)
    pen.arc(box, start, start + 90, fill=255, width=thick)
    middle = cy if along > 0 else cy + thick
    pen.rectangle((x, min(middle, high * (along > 0)), x + thick - 1, max(middle, high * (along > 0))), fill=255)
    if across > 0:
        pen.rectangle((cx, y, wide, y + thick - 1), fill=255)
    else:
        pen.rectangle((0, y, cx, y + thick - 1), fill=255)
    return big.resize(size, Image.Resampling.BOX)


def _sign(polygons: tuple[tuple[tuple[int, int], ...], ...], size: Size) -> Image.Image:
    wide, high = size[0] * 4, size[1] * 4
    big = Image.new("L", (wide, high), 0)
    pen = ImageDraw.Draw(big)
    for corners in polygons:
        pen.polygon([(x * wide / 100, y * high / 100) for x, y in corners], fill=255)
    return big.resize(size, Image.Resampling.BOX)


def _dot(size: Size) -> Image.Image:
    big = Image.new("L", (size[0] * 4, size[1] * 4), 0)
    x, y, radius = size[0] * 2, size[1] * 2, size[0] * 1.8
    ImageDraw.Draw(big).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return big.resize(size, Image.Resampling.BOX)


def _hook(size: Size) -> Image.Image:
    """A line down the left edge that turns right at the bottom."""
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    thin = max(1, size[1] // 16)
    left, bottom = size[0] // 5, size[1] * 7 // 10
    pen.rectangle((left, 0, left + thin - 1, bottom), fill=255)
    pen.rectangle((left, bottom, size[0], bottom + thin - 1), fill=255)
    return mask


def _braille(bits: int, size: Size) -> Image.Image:
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    radius = max(1.0, min(size[0] / 9, size[1] / 16))
    for bit, (column, row) in enumerate(_DOTS):
        if bits >> bit & 1:
            x, y = size[0] * (0.3 + 0.4 * column), size[1] * (0.2 + 0.2 * row)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return mask

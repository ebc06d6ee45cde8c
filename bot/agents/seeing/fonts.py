"""The glyphs of a terminal picture: DejaVu Sans Mono as matplotlib ships it, and other fonts where it has no glyph.

Only this machine's own files are read. Imported where a picture is drawn: matplotlib takes a while.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from matplotlib import get_data_path
from matplotlib.font_manager import findSystemFonts
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from bot.agents.seeing.emoji import STAND_INS

# The only size in which this colour font holds its pictures.
_EMOJI_FONT, _EMOJI_SIZE = "NotoColorEmoji", 109
_EMOJI_STYLE = "\ufe0f"
# Fonts that are nearest in look, tried before all others.
_NEAR = ("DejaVuSansMono", "DejaVuSans.", "Mono", "CJK", "WenQuanYi", "Symbola", "Symbols", "STIXGeneral.")
_LAST = "LastResort"


@dataclass(frozen=True, slots=True)
class Glyph:
    """A drawn character: a mask to fill with the text's colour, or a picture with colours of its own."""

    image: Image.Image
    coloured: bool = False


class Fonts:
    """The fonts in one size. `cell` is the width and height of a cell in pixels."""

    def __init__(self, size: int) -> None:
        self.size = size
        here = Path(get_data_path()) / "fonts" / "ttf"
        names = {
            (False, False): "DejaVuSansMono.ttf",
            (True, False): "DejaVuSansMono-Bold.ttf",
            (False, True): "DejaVuSansMono-Oblique.ttf",
            (True, True): "DejaVuSansMono-BoldOblique.ttf",
        }
        self._shipped = here
        self._mono = {style: str(here / name) for style, name in names.items()}
        regular = self._font(self._mono[False, False])
        self.ascent, descent = regular.getmetrics()
        self.cell = (round(regular.getlength("M")), self.ascent + descent)
        self._glyphs: dict[tuple[str, int, bool, bool], Glyph] = {}

    def glyph(self, text: str, width: int, *, bold: bool, italic: bool) -> Glyph:
        """The picture of one cell's text, `width` cells wide and one high."""
        key = (text, width, bold, italic)
        if key not in self._glyphs:
            self._glyphs[key] = self._draw(text, width, bold=bold, italic=italic)
        return self._glyphs[key]

    def _draw(self, text: str, width: int, *, bold: bool, italic: bool) -> Glyph:
        box = (self.cell[0] * width, self.cell[1])
        path = self._path(text[0], bold=bold, italic=italic)
        emoji = self._emoji if self._emoji and text[0] > "\u00ff" and has_glyph(self._emoji, text[0]) else None
        if emoji and (path is None or width == 2 or text.endswith(_EMOJI_STYLE)):
            return Glyph(self._emoji_picture(emoji, text, box), coloured=True)
        if path is None:
            return self._stand_in(text, width)
        shown = text.replace(_EMOJI_STYLE, "").replace("\u200d", "")
        mask = Image.new("L", box, 0)
        font = self._fitting(path, shown, box)
        left = 0.0 if path in self._mono.values() else max(0.0, (box[0] - font.getlength(shown)) / 2)
        ImageDraw.Draw(mask).text((left, self.ascent), shown, fill=255, font=font, anchor="ls")
        return Glyph(mask)

    def _stand_in(self, text: str, width: int) -> Glyph:
        """What is drawn of a character that no font of this machine has."""
        box = (self.cell[0] * width, self.cell[1])
        if text[0] not in STAND_INS:
            return Glyph(_nothing(box))
        sign, colour = STAND_INS[text[0]]
        mask = self._draw(sign, 1, bold=True, italic=False).image
        picture = Image.new("RGBA", box, (0, 0, 0, 0))
        picture.paste(colour, ((box[0] - mask.width) // 2, 0), mask)
        return Glyph(picture, coloured=True)

    def _path(self, character: str, *, bold: bool, italic: bool) -> str | None:
        """The file of the first font that has the character."""
        own = self._mono[bold, italic]
        if has_glyph(own, character):
            return own
        return next((path for path in self._others if has_glyph(path, character)), None)

    @cached_property
    def _others(self) -> list[str]:
        """Every other font of this machine, the nearest in look first; the one that only draws boxes is left out."""
        shipped = [str(path) for path in self._shipped.glob("*.ttf")]
        found = [path for path in {*shipped, *_installed()} if _LAST not in path and _EMOJI_FONT not in path]

        def rank(path: str) -> tuple[int, bool, str]:
            name = os.path.basename(path)  # noqa: PTH119 - hundreds of names
            near = next((at for at, word in enumerate(_NEAR) if word in name), len(_NEAR))
            return near, any(word in name for word in ("Bold", "Italic", "Oblique", "Light")), name

        return sorted(found, key=rank)

    @cached_property
    def _emoji(self) -> str | None:
        return next((path for path in _installed() if _EMOJI_FONT in path), None)

    def _emoji_picture(self, path: str, text: str, box: tuple[int, int]) -> Image.Image:
        font = self._font(path, _EMOJI_SIZE)
        left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
        drawn = Image.new("RGBA", (max(1, right - left), max(1, bottom - top)), (0, 0, 0, 0))
        ImageDraw.Draw(drawn).text((-left, -top), text, font=font, embedded_color=True)
        drawn.thumbnail((box[0], box[1] - 2), Image.Resampling.LANCZOS)
        picture = Image.new("RGBA", box, (0, 0, 0, 0))
        picture.paste(drawn, ((box[0] - drawn.width) // 2, (box[1] - drawn.height) // 2))
        return picture

    def _fitting(self, path: str, text: str, box: tuple[int, int]) -> ImageFont.FreeTypeFont:
        """The font in the size in which the text fits its cells: a proportional font's glyph may be too wide."""
        size = self.size
        while size > self.size // 2 and self._font(path, size).getlength(text) > box[0] + 0.5:
            size -= 1
        return self._font(path, size)

    def _font(self, path: str, size: int | None = None) -> ImageFont.FreeTypeFont:
        return _load(path, size or self.size)


def _nothing(box: tuple[int, int]) -> Image.Image:
    """The box that stands for a character no font of this machine has."""
    mask = Image.new("L", box, 0)
    ImageDraw.Draw(mask).rectangle((2, box[1] // 5, box[0] - 3, box[1] * 4 // 5), outline=255)
    return mask


@lru_cache(64)
def _load(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache(1)
def _installed() -> tuple[str, ...]:
    return tuple(findSystemFonts())


@lru_cache(256)
def _face(path: str) -> FT2Font | None:
    try:
        return FT2Font(path)
    except (OSError, RuntimeError):  # what FreeType cannot read is no font to us
        return None


@lru_cache(4096)
def has_glyph(path: str, character: str) -> bool:
    """Does this font file draw the character?"""
    face = _face(path)
    return face is not None and face.get_char_index(ord(character)) != 0

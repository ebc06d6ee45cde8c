"""The PNG of a screen shows what the terminal shows: looked at cell by cell."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from bot.agents.seeing import picture
from bot.agents.seeing.emoji import STAND_INS
from bot.agents.seeing.fonts import Fonts, has_glyph
from bot.agents.seeing.picture import BACK, FORE, MARGIN, png, rgb

CAPTURES = Path(__file__).parent / "captures"
FONTS = Fonts(picture.SIZE)
WIDE, HIGH = FONTS.cell


def image(ansi: str, width: int) -> Image.Image:
    return Image.open(BytesIO(png(ansi, width))).convert("RGB")


def cell(shown: Image.Image, column: int, row: int, cells: int = 1) -> Image.Image:
    left, top = MARGIN + column * WIDE, MARGIN + row * HIGH
    return shown.crop((left, top, left + WIDE * cells, top + HIGH))


def colours(part: Image.Image) -> set[tuple[int, ...]]:
    return {colour for _, colour in part.getcolors(1 << 16) or ()}  # type: ignore[misc]


def corner(part: Image.Image) -> object:
    """The colour behind the character: no glyph of ours reaches the very corner of its cell."""
    return part.getpixel((0, 0))


def test_size_is_the_terminals() -> None:
    assert image("a\nb\nc", 7).size == (7 * WIDE + 2 * MARGIN, 3 * HIGH + 2 * MARGIN)


def test_colours_of_known_cells() -> None:
    shown = image("\x1b[38;2;250;10;20mX\x1b[48;5;237mY\x1b[0mZ \x1b[41m \x1b[0m", 6)
    assert (250, 10, 20) in colours(cell(shown, 0, 0))
    assert corner(cell(shown, 0, 0)) == BACK
    assert corner(cell(shown, 1, 0)) == (58, 58, 58)  # 232 + 5: 8 + 10 * 5
    assert FORE in colours(cell(shown, 2, 0))
    assert colours(cell(shown, 3, 0)) == {BACK}
    assert colours(cell(shown, 4, 0)) == {rgb(1, BACK)}


def test_reverse_dim_and_hidden() -> None:
    shown = image("\x1b[7mR\x1b[0m\x1b[2mD\x1b[0m\x1b[8mH\x1b[0m", 3)
    assert corner(cell(shown, 0, 0)) == FORE
    assert BACK in colours(cell(shown, 0, 0))
    assert FORE not in colours(cell(shown, 1, 0))
    assert len(colours(cell(shown, 1, 0))) > 1
    assert colours(cell(shown, 2, 0)) == {BACK}


def test_underline_and_strike_run_through_the_cell() -> None:
    shown = image("\x1b[4m \x1b[0m\x1b[9m \x1b[0m\x1b[4;58;2;9;8;7m \x1b[0m ", 4)
    assert colours(cell(shown, 0, 0)) == {BACK, FORE}
    assert colours(cell(shown, 1, 0)) == {BACK, FORE}
    assert colours(cell(shown, 2, 0)) == {BACK, (9, 8, 7)}
    assert colours(cell(shown, 3, 0)) == {BACK}


def test_bold_and_italic_are_other_glyphs() -> None:
    shown = image("a\x1b[1ma\x1b[0m\x1b[3ma\x1b[0ma", 4)
    plain, bold, italic, again = (cell(shown, n, 0).tobytes() for n in range(4))
    assert plain == again
    assert len({plain, bold, italic}) == 3


def test_lines_and_blocks_join_without_a_seam() -> None:
    shown = image("──\n│\n│\n██\n▐▌", 2)
    row = [shown.getpixel((x, MARGIN + HIGH // 2)) for x in range(MARGIN, MARGIN + 2 * WIDE)]
    assert set(row) == {FORE}
    column = [shown.getpixel((MARGIN + WIDE // 2, y)) for y in range(MARGIN + HIGH, MARGIN + 3 * HIGH)]
    assert set(column) == {FORE}
    assert colours(cell(shown, 0, 3, 2)) == {FORE}
    assert colours(cell(shown, 0, 4).crop((0, 0, WIDE // 2 - 1, HIGH))) == {BACK}
    assert shown.getpixel((MARGIN + WIDE, MARGIN + 4 * HIGH + 3)) == FORE


@pytest.mark.parametrize("character", "⠋⠼⎿⏸⏵⏺❯●✻╭╮╰╯├┼░▒▓╌◐☐✔↳→⧉")
def test_what_the_clis_draw_is_drawn_and_is_not_the_box_of_a_missing_glyph(character: str) -> None:
    shown = image(character + "\U000e0fff", 2)
    drawn = cell(shown, 0, 0)
    assert colours(drawn) != {BACK}
    assert drawn.tobytes() != cell(shown, 1, 0).tobytes()


def test_each_dot_of_a_spinner_shows() -> None:
    one, other = (cell(image(text, 1), 0, 0).tobytes() for text in "⠋⠙")
    assert one != other


def test_wide_characters_take_two_cells() -> None:
    shown = image("日x", 4)
    assert len(colours(cell(shown, 0, 0, 2))) > 1
    assert len(colours(cell(shown, 1, 0))) > 1
    assert cell(shown, 2, 0).tobytes() == cell(image("x", 1), 0, 0).tobytes()


def test_emoji_have_their_own_colours_where_the_system_has_them() -> None:
    shown = cell(image("\x1b[38;2;1;2;3m✋", 2), 0, 0, 2)
    emoji = FONTS._emoji
    if emoji is None:
        assert len(colours(shown)) > 1  # a plain glyph, or the box that says there is none
    else:
        assert has_glyph(emoji, "✋")
        assert (1, 2, 3) not in colours(shown)
        assert any(red > 200 and blue < 120 for red, _green, blue in colours(shown))


def test_what_stands_for_emoji_where_no_font_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    fonts = Fonts(picture.SIZE)
    monkeypatch.setattr(Fonts, "_emoji", None)
    monkeypatch.setattr(Fonts, "_others", [])
    drawn = [fonts.glyph(sign, 2, bold=False, italic=False) for sign in (*STAND_INS, "\U0001fae0")]
    assert [glyph.coloured for glyph in drawn] == [True] * len(STAND_INS) + [False], "another is the box for nothing"
    for sign, glyph in zip(STAND_INS, drawn, strict=False):
        assert glyph.image.size == (2 * WIDE, HIGH)
        assert glyph.image.getchannel("A").getbbox() is not None, sign


def test_a_capture_of_claude() -> None:
    """claude-14: the mark, a band behind an old prompt, and the chosen answer in blue."""
    ansi = (CAPTURES / "claude-14-approval.ansi.txt").read_text("utf8")
    lines = ansi.split("\n")
    shown = image(ansi, 120)
    band = next(n for n, line in enumerate(lines) if "run SHELL now" in line)
    assert corner(cell(shown, 119, band)) == rgb(237, BACK)
    assert corner(cell(shown, 119, band + 1)) == BACK
    chosen = next(n for n, line in enumerate(lines) if line.endswith("mYes"))
    assert rgb(153, BACK) in colours(cell(shown, 6, chosen))
    assert rgb(174, BACK) in colours(cell(shown, 2, 1))


def test_a_capture_of_codex() -> None:
    """codex-80x24-approval: the chosen answer is reversed, to its end and no further; the command is coloured."""
    shown = image((CAPTURES / "codex-80x24-approval.ansi.txt").read_text("utf8"), 80)
    row = 18
    assert corner(cell(shown, 0, row)) == FORE
    assert corner(cell(shown, len("› 1. Yes, proceed (y)") - 1, row)) == FORE
    assert corner(cell(shown, len("› 1. Yes, proceed (y)"), row)) == BACK


def test_a_very_long_capture_shows_its_end() -> None:
    shown = image("\n".join(["old"] * 500 + ["\x1b[41mnew"]), 10)
    assert shown.height == picture.MAX_ROWS * HIGH + 2 * MARGIN
    assert corner(cell(shown, 0, picture.MAX_ROWS - 1)) == rgb(1, BACK)


@pytest.mark.parametrize(("cursor", "cells"), [((0, 0), 2), ((1, 0), 2), ((2, 0), 1), ((4, 0), 1), ((1, 2), 1)])
def test_the_cursor_is_a_reversed_cell_also_below_the_text(cursor: tuple[int, int], cells: int) -> None:
    column, line = cursor
    shown = Image.open(BytesIO(png("日x", 5, cursor=cursor))).convert("RGB")
    at = 0 if cells == 2 else column
    assert corner(cell(shown, at, line)) == corner(cell(shown, at + cells - 1, line)) == FORE
    for other in {0, 2, 3, 4} - {at}:
        assert corner(cell(shown, other, 0)) == BACK


def test_a_cursor_that_came_from_elsewhere_breaks_nothing() -> None:
    assert png("a", 1, cursor=(7, 0)) == png("a", 1)


def test_an_empty_screen_is_a_picture_too() -> None:
    assert image("", 0).width > 0

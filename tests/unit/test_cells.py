"""A capture as the grid of cells that the terminal shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tmux.cells import PLAIN, Look, after, grid, width_of
from bot.tmux.screen import plain

CAPTURES = sorted((Path(__file__).parent / "captures").glob("*.ansi.txt"))


@pytest.mark.parametrize(
    ("parameters", "look"),
    [
        ("", PLAIN),
        ("0", PLAIN),
        ("1", Look(bold=True)),
        (
            "1;2;3;4;7;8;9",
            Look(bold=True, dim=True, italic=True, underline=True, reverse=True, hidden=True, strike=True),
        ),
        ("31", Look(fore=1)),
        ("97", Look(fore=15)),
        ("44", Look(back=4)),
        ("103", Look(back=11)),
        ("38;5;223", Look(fore=223)),
        ("48;5;237", Look(back=237)),
        ("38;2;1;2;3", Look(fore=(1, 2, 3))),
        ("38:2::1:2:3", Look(fore=(1, 2, 3))),
        ("38:2:1:2:3", Look(fore=(1, 2, 3))),
        ("48:5:9", Look(back=9)),
        ("4:3", Look(underline=True)),
        ("4:0", PLAIN),
        ("4;58;5;9", Look(underline=True, under=9)),
        ("38;5", PLAIN),
        ("38;5;999", PLAIN),
        ("38;5;223;1", Look(fore=223, bold=True)),
        ("38;9;1", Look(bold=True)),
        ("1;0;3", Look(italic=True)),
    ],
)
def test_one_sequence(parameters: str, look: Look) -> None:
    assert after(PLAIN, parameters) == look


@pytest.mark.parametrize(
    ("end", "left"),
    [
        ("22", Look(fore=1, back=2, italic=True, underline=True, strike=True, reverse=True, hidden=True)),
        ("39;49", Look(bold=True, dim=True, italic=True, underline=True, strike=True, reverse=True, hidden=True)),
        ("23;24;27;28;29", Look(fore=1, back=2, bold=True, dim=True)),
    ],
)
def test_what_ends_an_attribute_ends_only_that(end: str, left: Look) -> None:
    everything = after(PLAIN, "1;2;3;4;7;8;9;31;42")
    assert after(everything, end) == left


def test_style_goes_on_over_line_ends() -> None:
    rows = grid("\x1b[31ma\nb\x1b[0mc", 2)
    assert [[(cell.text, cell.look.fore) for cell in row] for row in rows] == [
        [("a", 1), (" ", None)],
        [("b", 1), ("c", None)],
    ]


def test_a_band_is_filled_to_the_edge_and_an_empty_line_after_it_is_not() -> None:
    band, empty = grid("\x1b[48;5;237mhi\n", 4)
    assert [cell.look.back for cell in band] == [237] * 4
    assert [cell.look.back for cell in empty] == [None] * 4


def test_reverse_is_not_filled() -> None:
    (row,) = grid("\x1b[7mx", 3)
    assert [cell.look.reverse for cell in row] == [True, False, False]


def test_wide_characters_and_marks() -> None:
    (row,) = grid("日e\u0301❄\ufe0f|", 8)
    assert [(cell.text, cell.width) for cell in row] == [
        ("日", 2), ("e\u0301", 1), ("❄\ufe0f", 1), ("|", 1), (" ", 1), (" ", 1), (" ", 1),
    ]  # fmt: skip


def test_a_wide_character_that_does_not_fit_is_left_out() -> None:
    (row,) = grid("ab日", 3)
    assert [cell.text for cell in row] == ["a", "b", " "]


def test_line_drawing_and_foreign_sequences() -> None:
    (row,) = grid("\x0elqk\x0f\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x1b[2Kx", 8)
    assert "".join(cell.text for cell in row) == "┌─┐linkx"


@pytest.mark.parametrize(
    ("character", "cells"), [("a", 1), ("日", 2), ("✋", 2), ("⏸", 1), ("\u0301", 0), ("\ufe0f", 0), ("─", 1)]
)
def test_width(character: str, cells: int) -> None:
    assert width_of(character) == cells


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_captures_hold_the_text_that_they_hold_without_colours(capture: Path) -> None:
    ansi = capture.read_text("utf8")
    rows = grid(ansi, 200)
    assert ["".join(cell.text for cell in row).rstrip() for row in rows] == [
        line.rstrip() for line in plain(ansi).split("\n")
    ]
    assert {sum(cell.width for cell in row) for row in rows} == {200}


@given(st.text(alphabet=st.sampled_from("a日\u0301\x1b[0;1m38;5\n\x0e\x0f:x]\x07"), max_size=80), st.integers(1, 20))
def test_whatever_comes_every_row_is_as_wide_as_asked(ansi: str, width: int) -> None:
    assert all(sum(cell.width for cell in row) == width for row in grid(ansi, width))

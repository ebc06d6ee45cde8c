"""SGR sequences: nothing visible is lost, and looks are carried over line ends as tmux does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clis.sgr import PLAIN, Style, apply, plain, runs, style_before
from tests.unit.captured import Capture, captures

pieces = st.lists(st.sampled_from(["a", "›", " ", "\x1b[0m", "\x1b[2m", "\x1b[7m", "\x1b[48;5;238m", "\x1b[39m", "\n"]))


@pytest.mark.parametrize(
    ("codes", "style"),
    [
        ("2", Style(faint=True)),
        ("0;2", Style(faint=True)),
        ("1;7", Style(reverse=True)),
        ("48;5;2", Style(background=True)),  # the 2 of a colour is no faint
        ("38;5;7", PLAIN),  # nor is its 7 a reverse
        ("38;2;2;7;48", PLAIN),
        ("48;2;1;2;7;2", Style(faint=True, background=True)),
        ("42", Style(background=True)),
        ("104", Style(background=True)),
        ("38:5:2", PLAIN),
        ("", PLAIN),
    ],
)
def test_codes(codes: str, style: Style) -> None:
    assert apply(PLAIN, codes) == style


def test_what_is_switched_off() -> None:
    everything = Style(faint=True, reverse=True, background=True)
    assert apply(everything, "22") == Style(reverse=True, background=True)
    assert apply(everything, "27") == Style(faint=True, background=True)
    assert apply(everything, "49") == Style(faint=True, reverse=True)
    assert apply(everything, "0") == PLAIN


@given(pieces)
def test_a_style_found_from_the_middle_is_the_style_from_the_start(parts: list[str]) -> None:
    ansi = "".join(parts)
    style, at = PLAIN, 0
    for part in parts:
        assert style_before(ansi, at) == style
        if part.startswith("\x1b"):
            style = apply(style, part[2:-1])
        at += len(part)


@given(pieces)
def test_runs_show_what_the_plain_text_shows(parts: list[str]) -> None:
    line = "".join(parts).replace("\n", "")
    assert "".join(text for text, _ in runs(line, PLAIN)) == plain(line)


@pytest.mark.parametrize("shown", captures()[::7], ids=str)
def test_plain_keeps_every_line(shown: Capture) -> None:
    assert plain(shown.ansi).count("\n") == shown.ansi.count("\n")
    assert "\x1b" not in plain(shown.ansi)


@pytest.mark.parametrize(
    ("parameters", "grey"),
    [
        ("38;5;246", True),
        ("90", True),
        ("38;5;255", False),
        ("38;5;153", False),
        ("38;2;246;246;246", False),
        ("", False),
    ],
)
def test_grey_is_a_colour_of_the_middle(parameters: str, grey: bool) -> None:
    assert apply(PLAIN, parameters).grey is grey
    assert not apply(apply(PLAIN, parameters), "39").grey

"""Screens as text in a message: nothing too long, no half lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.telegram.text import units
from handlers.cards.screen import MAX_TEXT, RULE_WIDTH, WATCHED_LINES, WATCHED_WIDTH, screen_tail, whole_lines


@given(st.lists(st.text(st.characters(exclude_characters="\n"), max_size=300), min_size=1, max_size=60))
def test_what_does_not_fit_goes_by_whole_lines_from_above(lines: list[str]) -> None:
    text = "\n".join(lines)
    end = whole_lines(text)
    assert units(end) <= MAX_TEXT
    assert text == end or text.endswith("\n" + end)


def test_one_line_that_is_too_long_shows_its_end() -> None:
    assert whole_lines("a" * MAX_TEXT) == "a" * MAX_TEXT
    assert whole_lines("bb" + "a" * MAX_TEXT) == "a" * MAX_TEXT
    assert units(whole_lines("✋🏽" * MAX_TEXT)) <= MAX_TEXT


def test_a_watched_screen_is_its_end_in_short_lines() -> None:
    shown = screen_tail("\n\nold\n" * 40 + "\n" + "─" * 200 + "\n" + "x" * 200 + "\n\n").split("\n")
    assert len(shown) <= WATCHED_LINES
    assert shown[-2:] == ["─" * RULE_WIDTH, "x" * (WATCHED_WIDTH - 1) + "…"]
    assert screen_tail("\n\n") == "(empty screen)"


def test_a_short_conversation_far_above_the_composer_is_seen() -> None:
    """Codex and Claude Code leave the height of the terminal empty between the two."""
    shown = screen_tail("› fix the cart\n\n• Looking at cart.py" + "\n" + "   \n" * 40 + "› \n\n  gpt-5.2-codex")
    assert shown == "› fix the cart\n\n• Looking at cart.py\n\n›\n\n  gpt-5.2-codex"

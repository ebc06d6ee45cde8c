"""Text from outside, as it is shown: every character that is not seen, or turns others round, is named."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from aiogram.utils.formatting import Bold, Text
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.panels.views import clean
from bot.cli import terminal
from bot.excerpt import clipped, readable, visible
from bot.telegram.keyboards import Button, markup
from bot.telegram.text import render

# Format characters that are drawn: signs of the Arabic, Syriac and Kaithi scripts that go around numbers.
DRAWN = {*range(0x600, 0x606), 0x6DD, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
# Default_Ignorable_Code_Point beyond the category Cf (DerivedCoreProperties 16), and the blank Braille cell.
BLANK = {
    0x34F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    *range(0x180B, 0x1810),
    0x2065,
    0x2800,
    0x3164,
    0xFFA0,
    0xE0000,
    0xE0FFF,
}


def test_every_character_that_is_not_seen_is_named() -> None:
    unseen = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if (unicodedata.category(char) in {"Cf", "Cc", "Cs", "Zl", "Zp"} and ord(char) not in DRAWN)
        or ord(char) in BLANK
    ]
    assert [f"{ord(c):X}" for c in unseen if readable(f"a{c}b") != f"a⟨U+{ord(c):04X}⟩b" and c not in "\t\n"] == []
    assert [f"{ord(c):X}" for c in unseen if visible(f"a{c}b") != f"a⟨U+{ord(c):04X}⟩b" and c not in "\t\n"] == []


def test_what_is_seen_stays_as_it_is() -> None:
    odd = {"\u00a0", "\u1680", *map(chr, range(0x2000, 0x200B)), "\u202f", "\u205f", "\u3000"}
    seen = {"L", "M", "N", "P", "S", "Z"}
    for char in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(char)[0] in seen and ord(char) not in BLANK and readable(char) == char:
            assert readable(f"é{char}") == f"é{char}"
            assert (visible(f"é{char}") == f"é{char}") is (char not in odd)
    named = [c for c in map(chr, range(sys.maxunicode + 1)) if readable(f"é{c}") != f"é{c}"]
    assert len(named) < 7000, "surrogates, tags and selectors (6,656 in all), and few others"


@pytest.mark.parametrize("text", ["👩‍💻 1️⃣ ❤️ ☎︎ 🇫🇷 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "می‌خواهم", "क्‍ष", "Prix : 5 €", "日本　語", "a\tb\nc\r\nd"])
def test_scripts_and_pictures_keep_what_they_are_made_with(text: str) -> None:
    assert readable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rm\u200d -rf", "rm⟨U+200D⟩ -rf"),
        ("é\u200d\u200d\u200dx", "é\u200d⟨U+200D ×2⟩x"),
        ("❤\ufe0f\ufe0e", "❤\ufe0f⟨U+FE0E⟩"),
        ("中\ufe01", "中⟨U+FE01⟩"),
        ("a\ufe0fb", "a⟨U+FE0F⟩b"),
        ("\u200b" * 3000, "⟨U+200B ×3000⟩"),
        ("left\rright", "left⟨U+000D⟩right"),
    ],
)
def test_what_carries_words_unseen_is_named(text: str, shown: str) -> None:
    assert readable(text) == shown


@given(st.text(max_size=200))
def test_nothing_unseen_is_left(text: str) -> None:
    for shown in (readable(text), visible(text), clipped(text, 50)):
        assert readable(shown) == shown
        assert not {c for c in shown if unicodedata.category(c) in {"Cc", "Cs"}} - set("\t\n\r")


TRICK = "pay \u202e21\u202c \u2800 \U0001d173 \U0001bca0 \ud800 \x1b[2J"
SHOWN = "pay ⟨U+202E⟩21⟨U+202C⟩ ⟨U+2800⟩ ⟨U+1D173⟩ ⟨U+1BCA0⟩ ⟨U+D800⟩ ⟨U+001B⟩[2J"


def test_one_table_for_the_chat_its_buttons_the_terminal_and_the_panes(capsys: pytest.CaptureFixture[str]) -> None:
    assert render(Text("a ", Bold(TRICK))).text == f"a {SHOWN}"
    keyboard = markup([[Button(TRICK, "x"), Button(TRICK, copy=TRICK)]])
    assert keyboard is not None
    assert [button.text for button in keyboard.inline_keyboard[0]] == [SHOWN, SHOWN]
    terminal.put(TRICK)
    assert capsys.readouterr().out == f"{SHOWN}\n"
    assert clean(TRICK) == SHOWN
    assert clipped(TRICK, 200) == SHOWN

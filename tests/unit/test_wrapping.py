"""In which rows the CLIs draw a command, as they did; and what is seen of one that does not fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clis.kinds import cli_for
from bot.clis.model import Dialog
from bot.clis.screens import read_text
from tests.unit.captured import capture

SPACES = "touch ../a1 && echo a  b   c    d     e      f       g        h         i          j           k            l"
LONG_WORD = "touch ../a1 && echo " + "".join(letter * 10 for letter in "abcdefghijkl") + " end"
WORDS = "touch ../a1 && echo one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
EDGE = "touch ../a1 && echo abc  d   ef abc  d   ef abc  d   ef abc  d   ef abc  d   efz"  # 80 characters


def dialog(name: str) -> Dialog:
    shown = capture(name)
    found = read_text(shown.kind, shown.ansi, shown.title).dialog
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "width", "command", "rows"),
    [
        (
            "claude",
            60,
            WORDS,
            [
                "touch ../a1 && echo one two three four five six seven",
                "eight nine ten eleven twelve thirteen fourteen fifteen",
            ],
        ),
        (
            "codex",
            60,
            WORDS,
            [
                "touch ../a1 && echo one two three four five six seven",
                "eight nine ten eleven twelve thirteen fourteen fifteen",
            ],
        ),
        (
            "claude",
            41,
            SPACES,
            [
                "touch ../a1 && echo a  b   c    d",
                "e      f       g        h         i",
                "        j           k            l",
            ],
        ),
        (
            "codex",
            41,
            SPACES,
            [
                "touch ../a1 && echo a  b   c    d",
                "  e      f       g        h         i",
                "         j           k            l",
            ],
        ),
        ("claude", 60, LONG_WORD, [LONG_WORD[:56], LONG_WORD[56:112], LONG_WORD[112:]]),
        ("codex", 60, LONG_WORD, [LONG_WORD[:19], LONG_WORD[20:76], LONG_WORD[76:132], LONG_WORD[132:]]),
        ("claude", 46, LONG_WORD, [LONG_WORD[:19], LONG_WORD[20:62], LONG_WORD[62:104], LONG_WORD[104:]]),
        ("claude", 82, EDGE, [EDGE]),
        ("claude", 81, EDGE, [EDGE[:74], "efz"]),
        ("claude", 81, EDGE + "a", [EDGE[:74], "efza"]),
        ("claude", 64, EDGE, [EDGE[:62], "  ef abc  d   efz"]),
        ("codex", 60, "touch a\n\n  two  three\n", ["touch a", "", "  two  three", ""]),
        ("demo", 10, "ls -la  /srv", ["ls -la ", " /srv"]),
        ("claude", 60, "echo 日本語", ["echo 日本語"]),
        ("claude", 20, "echo 日本語日本語日本語", None),  # where wide characters break is not known
        ("claude", 60, "echo\ttab", None),
        ("codex", 60, "echo \u202e", None),
        ("demo", 60, "echo e\u0301", None),
        ("shell", 60, "ls", None),
    ],
)
def test_the_rows_of_a_command(kind: str, width: int, command: str, rows: list[str] | None) -> None:
    assert cli_for(kind).drawn(command, width) == rows


@pytest.mark.parametrize("kind", ["claude", "codex", "demo"])
@given(st.text("ab -/\n", max_size=200), st.integers(12, 120))
def test_rows_hold_all_letters_and_fit(kind: str, command: str, width: int) -> None:
    rows = cli_for(kind).drawn(command, width)
    assert rows is not None
    assert "".join("".join(rows).split()) == "".join(command.split())
    assert all(len(row) <= width for row in rows)


@pytest.mark.parametrize("kind", ["claude", "codex"])
def test_a_wrapped_dialog_is_read_in_just_these_rows(kind: str) -> None:
    found = dialog(f"{kind}-wrapped")
    rows = cli_for(kind).drawn(SPACES, 46)
    assert rows is not None and found.command == "\n".join(rows)
    assert not found.cut


@pytest.mark.parametrize("name", ["claude-cut", "codex-cut", "claude-withheld", "claude-plan-long"])
def test_a_dialog_that_does_not_show_all_of_it_says_so(name: str) -> None:
    assert dialog(name).cut

"""The reader of command lines against two that others wrote: tree-sitter-bash, and bash itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.agents.permissions.risk.reader import Budget, Command, read
from tests.unit.bash_oracle import parsed, run_by_bash
from tests.unit.harmless import HARMLESS
from tests.unit.hostile import HOSTILE, OUTSIDE

ALL = [*HARMLESS, *OUTSIDE, *HOSTILE]


def commands_of(text: str) -> list[Command]:
    """None of a line that is not plain."""
    return read(text, Budget())


def words_of(commands: list[Command]) -> list[list[str]]:
    return [[word.text for word in command.words] for command in commands if command.words]


# tree-sitter-bash 0.25.1 takes a broken line between two letters for the end of a word; bash does not.
@pytest.mark.parametrize("text", [text for text in ALL if commands_of(text) and "r\\\nm" not in text])
def test_the_words_of_a_plain_line_are_those_of_tree_sitter(text: str) -> None:
    assert words_of(commands_of(text)) == parsed(text)


# Of the characters that tree-sitter-bash reads as bash does wherever they stand.
PIECES = [
    "a", "b c", "ls", "-x", "--ab", "'q r'", '"d e"', '"$"', '\\"', "\\\\", "'a\\'", '"\\n"', '"\\""', '"a|b"', "''",
    "+", ",", ":", ".", "/", "../", "*", "?", "é", "…", "1", " ", "  ", "\t", " ; ", "&&", "||", "|", "$", "${x}",
    "$(a)", "`", "(", ")", "&", "<(",
]  # fmt: skip
MORE = [
    "'",
    '"',
    "--a=b",
    "\n",
    "\\'",
    "\\ ",
    "\\\n",
    "~",
    "=",
    "#",
    "@{u}",
    "{}",
    "[",
    "]",
    "!",
    "2>&1",
    " >/dev/null",
    "{a,b}",
    "<<E\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
@settings(max_examples=400)
def test_the_words_of_any_plain_line_are_those_of_tree_sitter(text: str) -> None:
    if commands := commands_of(f"ls {text}"):
        assert words_of(commands) == parsed(f"ls {text}")


def runnable(text: str) -> bool:
    """Tell whether bash would hand all of a plain line to us: no program by its path, no file that is not there, no
    home, no variable, no job (%1), none of the builtins that are left."""
    commands = commands_of(text)
    files = [target.text for command in commands for _, target in command.redirections]
    names = [words[0] for words in words_of(commands)]
    there = all(file in {"1", "2", "/dev/null"} for file in files)
    return (
        bool(commands)
        and there
        and "~" not in text
        and not any(re.search(r"[/=]|^%|^$|^(eval|builtin|enable)$", name) for name in names)
    )


@pytest.mark.parametrize("start", range(0, len(ALL), 40))
def test_what_is_plain_is_what_bash_would_run(start: int) -> None:
    for text in filter(runnable, ALL[start : start + 40]):
        compare(text)


@given(st.lists(st.sampled_from([*PIECES, *MORE]), max_size=10).map("".join))
@settings(max_examples=150, deadline=None)
def test_any_plain_line_is_what_bash_would_run(text: str) -> None:
    if runnable(f"ls {text}"):
        compare(f"ls {text}")


def compare(text: str) -> None:
    """Each command that bash ran is one of ours; after || some are left."""
    left = words_of(commands_of(text))
    for words in run_by_bash(text):
        assert words in left, text
        left.remove(words)
    assert not left or "||" in text, text

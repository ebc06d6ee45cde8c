"""What is done to a text before a composer gets it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clis.kinds import KINDS, cli_for
from bot.clis.text import MARKS, bare_start, normal, same_text
from bot.errors import NotFound

AGENTS = ("codex", "claude", "demo")


@pytest.mark.parametrize("kind", AGENTS)
@pytest.mark.parametrize("lead", ["", " ", "\n\n", "\t", "\u200b", "\ufeff \u202e", "\u3000", "\x00\x1b", "\ufe0f"])
@pytest.mark.parametrize("mark", sorted(MARKS))
def test_no_mark_is_left_at_the_start(kind: str, lead: str, mark: str) -> None:
    neutral = cli_for(kind).neutralise(f"{lead}{mark}rm -rf x", raw=False)
    assert neutral.text == f"Message:{'' if mark == '@' else ' '}{mark}rm -rf x"
    assert any(mark in note for note in neutral.notes)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_nothing_that_shows_is_lost_and_no_mark_leads(text: str) -> None:
    for kind in AGENTS:
        neutral = cli_for(kind).neutralise(text, raw=False)
        assert bare_start(neutral.text)[:1] not in MARKS or not bare_start(neutral.text)
        assert normal(neutral.text).endswith(normal(bare_start(text)))
        assert not neutral.text.endswith("\\")


@given(st.text(max_size=40))
def test_raw_is_left_alone(text: str) -> None:
    for kind in KINDS:
        neutral = cli_for(kind).neutralise(text, raw=True)
        assert (neutral.text, neutral.notes, neutral.refused) == (text, (), "")


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("claude", "exit", "Message: exit"),
        ("claude", " EXIT \n", "Message: EXIT \n"),
        ("claude", "exit the loop early", "exit the loop early"),
        ("codex", "exit", "exit"),
        ("claude", "zero\u200bwidth", "zerowidth"),
        ("codex", "zero\u200bwidth", "zero\u200bwidth"),
        ("claude", "family 👩‍👧‍👦 stays", "family 👩‍👧‍👦 stays"),
        ("codex", "C:\\temp\\", "C:\\temp\\ "),
        ("codex", "plain text\nwith !bang inside", "plain text\nwith !bang inside"),
        ("claude", "", ""),
        ("claude", "\u200b", ""),
    ],
)
def test_each_cli_has_its_own_rules(kind: str, text: str, expected: str) -> None:
    assert cli_for(kind).neutralise(text, raw=False).text == expected


def test_a_shell_gets_nothing_that_was_not_meant_for_it() -> None:
    shell = cli_for("shell")
    assert "--raw" in shell.neutralise("rm -rf x", raw=False).refused
    assert not shell.takes_prompts


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("/compact", True),
        (" /model gpt-5 \n", True),
        ("/review this\nand that", False),
        ("/srv/app is broken", False),
        ("compact", False),
        ("/", False),
        ("!ls", False),
    ],
)
def test_a_slash_command_is_typed(text: str, typed: bool) -> None:
    for kind in AGENTS:
        assert cli_for(kind).typed_command(text) is typed


@pytest.mark.parametrize(
    ("sent", "seen", "same"),
    [
        ("a\nb", '\n\n<pasted_content id="b0d1">\na\nb\n</pasted_content id="b0d1">\n', True),
        ("a\tb", "a    b", True),
        ("a\r\nb\rc", "a\nb\nc", True),
        ("  a\n", "a", True),
        ("a\u200bb", "ab", True),
        ("a", "a b", False),
        ("a\n\nb", "a\nb", False),
        ("a b", "a  b", False),
    ],
)
def test_texts_are_compared_as_the_clis_record_them(sent: str, seen: str, same: bool) -> None:
    assert same_text(sent, seen) is same
    assert cli_for("claude").same_text(sent, seen) is same


def test_an_unknown_kind_names_those_that_exist() -> None:
    with pytest.raises(NotFound, match="codex"):
        cli_for("codxe")

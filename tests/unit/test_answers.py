"""The last answer of an agent, in full."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.agents.seeing.answers import Answer, answer_in
from bot.clis.entry import Entry

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def user(text: str) -> Entry:
    return Entry("user", None, text)


def model(text: str, at: datetime | None = None) -> Entry:
    return Entry("model", at, text)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], None),
        ([user("hi")], None),
        ([user("hi"), model("")], None),
        ([user("hi"), model("hello", AT)], Answer("hello", AT)),
        ([model("of an older part")], Answer("of an older part", None)),
        ([user("a"), model("one"), Entry("tool"), model("two")], Answer("one\n\ntwo", None)),
        ([user("a"), model("one"), model("one")], Answer("one", None)),
        ([user("a"), model("old"), user("b"), model("new")], Answer("new", None)),
        ([user("a"), model("old"), user("b")], Answer("old", None, before=True)),
        ([user("a"), model("old"), user("b"), Entry("tool")], Answer("old", None, before=True)),
    ],
)
def test_answer(entries: list[Entry], expected: Answer | None) -> None:
    assert answer_in(entries) == expected

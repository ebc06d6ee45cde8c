"""Which messages are pieces of one text, and how they are put together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiogram.types import Message, Update
from hypothesis import given
from hypothesis import strategies as st

from bot.telegram.pieces import FULL, MAY_GO_ON, glue, goes_on, is_full, joined, may_go_on

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
BOT = {"id": 7, "is_bot": True, "first_name": "maf"}
ANN = {"id": 1, "is_bot": False, "first_name": "Ann"}
CHAT = {"id": 1, "type": "private"}
OURS = {"message_id": 3, "date": AT, "chat": CHAT, "from": BOT, "text": "To whom?"}
OTHER = {**OURS, "message_id": 4}
LONG = "x" * FULL


def said(text: str | None, number: int = 10, *, after: float = 0.0, **more: Any) -> Message:
    at = AT + timedelta(seconds=after)
    return Message.model_validate({"message_id": number, "date": at, "chat": CHAT, "from": ANN, "text": text, **more})


def update(message: Message) -> Update:
    return Update(update_id=message.message_id, message=message)


@pytest.mark.parametrize(
    ("first", "new", "belongs"),
    [
        ({}, {"text": "rest"}, True),
        ({}, {"text": "rest", "after": 20}, True),  # it answers nothing, and has no other meaning
        ({}, {"text": "rest", "after": 40}, False),
        ({}, {"text": "rest", "after": -1}, False),
        ({}, {"text": "rest", "number": 9}, False),
        ({}, {"text": None}, False),
        ({}, {"text": "/usr/bin/env is a path"}, True),
        ({}, {"text": "/stop w1"}, False),
        ({}, {"text": "/broadcast-apply"}, False),
        ({}, {"text": "rest", "reply_to_message": OURS}, False),
        ({"reply_to_message": OURS}, {"text": "rest"}, True),
        ({"reply_to_message": OURS}, {"text": "rest", "reply_to_message": OURS}, True),
        ({"reply_to_message": OURS}, {"text": "another", "reply_to_message": OURS, "after": 20}, False),
        ({"reply_to_message": OURS}, {"text": "rest", "reply_to_message": OTHER}, False),
        ({}, {"text": "rest", "forward_origin": {"type": "hidden_user", "sender_user_name": "Eve", "date": AT}}, False),
        ({"text": "short"}, {"text": "rest"}, False),
    ],
)
def test_what_belongs_to_a_text(first: dict[str, Any], new: dict[str, Any], belongs: bool) -> None:
    one = said(first.pop("text", LONG), **first)
    assert goes_on([one], update(said(new.pop("text"), new.pop("number", 11), **new)), asked=False) is belongs


def test_a_word_to_our_question_is_no_rest_of_the_text() -> None:
    assert not goes_on([said(LONG)], update(said("yes", 12, after=8)), asked=True)
    assert goes_on([said(LONG)], update(said("rest", 12, after=1)), asked=True)


@pytest.mark.parametrize(
    ("size", "goes", "full"), [(MAY_GO_ON - 1, False, False), (FULL - 1, True, False), (FULL, True, True)]
)
def test_how_long_a_message_is_before_more_may_come(size: int, goes: bool, full: bool) -> None:
    assert may_go_on(update(said("x" * size))) is goes
    assert is_full(said("x" * size)) is full
    assert may_go_on(update(said("🧪" * (size // 2 + 1)))) is (size // 2 * 2 + 2 >= MAY_GO_ON)


@given(st.text(alphabet="ab. \n🧪", min_size=1, max_size=40), st.integers(1, 10_000))
def test_a_text_that_was_cut_at_the_limit_comes_back_whole_but_for_white_space(word: str, size: int) -> None:
    """Cut at 4,096 units flat; white space around each message is lost on the way."""
    text = f"begin {word * (size // len(word) + 1)} end"
    units = text.strip().encode("utf-16-le")
    cuts = range(0, len(units), 2 * 4096)
    pieces = [units[at : at + 2 * 4096].decode("utf-16-le", "ignore").strip() for at in cuts]
    messages = [said(piece, 10 + n) for n, piece in enumerate(pieces)]
    whole = joined([update(one) for one in messages]).message
    assert whole is not None and whole.text is not None
    assert "".join(whole.text.split()) == "".join("".join(pieces).split())


def test_the_whole_is_the_first_message_in_all_else() -> None:
    first = said("/send w1 " + LONG, reply_to_message=OURS)
    whole = joined([update(first), update(said("rest", 11))], "and more").message
    assert whole is not None
    assert (whole.message_id, whole.reply_to_message) == (10, first.reply_to_message)
    assert whole.text == f"{first.text} rest and more"


@pytest.mark.parametrize(
    ("piece", "rest", "between"),
    [
        ("x" * 4096, "y", ""),
        ("see life.", "py", ""),
        ("It is done.", "Then", " "),
        ("a word", "more", " "),
        ("- one\n- two", "- three", "\n"),
    ],
)
def test_what_stood_between(piece: str, rest: str, between: str) -> None:
    assert glue(piece, rest) == between

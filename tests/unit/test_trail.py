"""What the audit trail holds of an operation, a command and a reply."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import pytest
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Chat, Message, User

from bot.notices.shown import Shown
from bot.operations import OPERATIONS
from bot.operations.rights import reads
from bot.operations.trail import KEPT, NAMES_ONLY, NOT_KEPT, PROMPTS, TARGETS, detail_of, target_of
from bot.store.audit import fingerprint
from handlers.said import said

ANN = User(id=7, is_bot=False, first_name="Ann")


def test_every_parameter_of_what_changes_something_is_kept_hashed_or_left_out_on_purpose() -> None:
    known = {*TARGETS, *KEPT, *PROMPTS, *NAMES_ONLY, *NOT_KEPT}
    for op, work in OPERATIONS.items():
        if not reads(op):
            assert set(inspect.signature(work).parameters) <= known, op


@pytest.mark.parametrize(
    ("given", "target", "detail"),
    [
        ({"id": "w1", "command": "make test"}, "w1", {"command": "make test"}),
        ({"id": 1002, "role": "viewer"}, "1002", {"role": "viewer"}),
        ({"role": "operator", "ttl": 600.0}, "operator", {"ttl": 600.0}),
        ({"id": "w1", "text": "fix it", "now": True}, "w1", {**fingerprint("fix it"), "now": True}),
        ({"id": "plus", "changes": {"environment": {"TOKEN": "secret"}}}, "plus", {"changes": ["environment"]}),
        ({"type": "demo", "id": None, "labels": ["a", "b"]}, "demo", {"labels": ["a", "b"]}),
        ({"agent": "w1", "rotate": False}, "w1", {"rotate": False}),
        ({"draft": "k7q2", "version": 3, "items": ["w1"]}, "k7q2", {"version": 3, "items": ["w1"]}),
        ({}, "", {}),
    ],
)
def test_of_an_operation(given: dict[str, object], target: str, detail: dict[str, object]) -> None:
    assert (target_of(given), detail_of(given)) == (target, detail)


def test_a_command_that_is_longer_than_a_row_should_be_is_cut_and_hashed() -> None:
    long = "echo " + "x" * 5000
    assert detail_of({"id": "w1", "command": long}) == {"command": long[:2000], "command_whole": fingerprint(long)}


def message(text: str) -> Message:
    return Message(message_id=1, date=datetime.now(UTC), chat=Chat(id=7, type="private"), from_user=ANN, text=text)


def command(text: str) -> dict[str, object]:
    word, _, args = text[1:].partition(" ")
    return {"command": CommandObject(prefix="/", command=word, args=args or None)}


@pytest.mark.parametrize(
    ("text", "needs", "target", "detail"),
    [
        ("/send w1 the secret plan", "send", "/send w1", fingerprint("the secret plan")),
        ("/send w1", "send", "/send w1", {}),
        ("/broadcast stop all", "broadcast", "/broadcast", fingerprint("stop all")),
        ("/stop w1", "stop", "/stop w1", {}),
        ("/pair abc-def", "pair", "", {}),
    ],
)
def test_of_a_command(text: str, needs: str, target: str, detail: dict[str, object]) -> None:
    assert said(message(text), command(text), needs) == {"target": target, "detail": detail}


def test_of_a_reply_and_of_a_tap() -> None:
    notice = Shown("edit", {"draft": "k7q2", "agent": "w1", "topic": 3}, None, 7)
    assert said(message("my words"), {"notice": notice}, "draft.edit") == {
        "target": "w1",
        "detail": {"reply_to": "edit", "draft": "k7q2", "agent": "w1", **fingerprint("my words")},
    }
    tap = CallbackQuery(id="1", from_user=ANN, chat_instance="1", data="d:k7q2:1:send")
    assert said(tap, {}, "draft.send") == {"target": "d:k7q2:1:send", "detail": {}}

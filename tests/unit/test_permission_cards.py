"""The card of a question: its buttons in the order of the CLI, and what it says where no button can answer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.agents.permissions.question import Choice, choices_of, from_dialog
from bot.agents.permissions.rows import Ask
from bot.clis.model import Dialog, DialogKind
from bot.clis.screens import read_text
from handlers.cards.permission import asked, keyboard, outcome
from tests.unit.asked import SELECT, SEVERAL, claude

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
REMEMBER = "Yes, and don't ask again for: git push"


def ask(kind: DialogKind, *choices: Choice, answer: str = "") -> Ask:
    return Ask(
        id="q", agent="w1", cli="claude", profile=None, kind=kind, tool="Bash", title="Store", command="which?",
        workdir="/w", risk="reads", dangerous=False, question="q", fingerprint="f", choices=choices, suggestions=(),
        source="screen", card="q", status="answered" if answer else "open", created_at=NOW, answer=answer,
        answered_by="Olga", via="keys", answered_at=NOW,
    )  # fmt: skip


def labels(one: Ask) -> list[list[str]]:
    return [[button.label for button in row] for row in keyboard([one])][:-1]  # the last row looks, and answers nothing


def test_what_lasts_stands_apart_from_what_counts_once() -> None:
    permission = ask(
        "permission", Choice("Yes", "once", "1"), Choice(REMEMBER, "lasting", "2"), Choice("No", "no", "3")
    )
    assert labels(permission) == [["Yes", "No", "No, and tell it…"], [REMEMBER]]


def test_the_answers_of_any_other_question_stand_in_the_order_of_the_cli() -> None:
    long = "One file beside the app, as it is today"
    question = ask(
        "question", Choice("Redis", "choice"), Choice(long, "choice"), Choice("A", "choice"), Choice("B", "choice")
    )
    assert labels(question) == [["Redis"], [long], ["A", "B"]]


@pytest.mark.parametrize(("answer", "sign"), [("No cache", "✖"), ("No: use the old one", "✖"), ("Node.js", "✅")])
def test_only_a_no_is_shown_as_one(answer: str, sign: str) -> None:
    choices = (Choice("No cache", "no"), Choice("No", "no"), Choice("Node.js", "choice"))
    assert outcome(ask("question", *choices, answer=answer), UTC).startswith(f"{sign} w1: ")


def several(screen: str) -> Dialog:
    found = read_text("claude", claude(screen, footer=SELECT)).dialog
    assert found is not None
    return found


def test_a_question_with_several_answers_claims_none_of_them() -> None:
    """A key only ticks one: the person at the pane submits. While they tick, it is the same question."""
    found = several(SEVERAL)
    assert [choice.label for choice in choices_of(found)] == ["Chat about this"]
    question = from_dialog(found, workspace="/w")
    assert (question.title, question.command.splitlines()[-2:]) == (
        "Store Color",
        ["– Redis Shared by all workers.", "– SQLite One file beside the app."],
    )
    ticked = several(SEVERAL.replace("[ ] Redis", "[✔] Redis").replace("☐ Store", "☒ Store"))
    assert ticked.fingerprint == found.fingerprint
    assert from_dialog(ticked, workspace="/w").question == question.question


def test_what_no_button_can_answer_says_where_to_answer() -> None:
    text = asked([ask("question", Choice("Chat about this", "choice"))], [], {}, UTC, None).content.as_html()
    assert "maf agent attach w1" in text
    two = ask("question", Choice("Redis", "choice"), Choice("SQLite", "choice"))
    assert "maf agent attach" not in asked([two], [], {}, UTC, None).content.as_html()

"""The card of a question: its buttons in the order of the CLI, and what it says where no button can answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.agents.permissions.question import Choice, choices_of, from_dialog
from bot.agents.permissions.rows import Ask
from bot.clis.model import Dialog, DialogKind
from bot.clis.screens import read_text
from handlers.cards.permission import asked, keyboard, outcome, what
from tests.unit.captured import capture

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


def several(*changes: tuple[str, str]) -> Dialog:
    """The captured question with several answers to tick, after these changes."""
    screen = capture("claude-several").ansi
    for before, after in changes:
        assert before in screen
        screen = screen.replace(before, after)
    found = read_text("claude", screen).dialog
    assert found is not None
    return found


def test_several_answers_are_ticked_one_by_one_and_then_sent() -> None:
    """A key only ticks one. While they are ticked it is the same question, whose buttons are others."""
    found = several()
    question = from_dialog(found, workspace="/w")
    assert [(choice.name, choice.grant, choice.key) for choice in question.choices] == [
        ("☐ Cart", "tick", "1"),
        ("☐ Index", "tick", "2"),
        ("☐ Login", "tick", "3"),
        ("Chat about this", "no", "5"),
        ("Submit", "choice", "Tab"),
    ]
    assert (question.title, question.command) == (
        "Which parts?",
        "Cart: The totals.\nIndex: Slow query.\nLogin: Two factors.",
    )
    ticked = (
        several(("1. \x1b[38;5;153m[ ] ", "1. [✔] "))
        if False
        else several(("[ ] Index", "[✔] Index"), ("☐ Parts", "☒ Parts"))
    )
    assert ticked.fingerprint == found.fingerprint
    assert from_dialog(ticked, workspace="/w").question == question.question
    assert [choice.name for choice in choices_of(ticked)][1] == "☑ Index"


def test_a_question_is_called_by_its_words_and_a_command_by_itself() -> None:
    one = replace(ask("question", Choice("Redis", "choice")), title="Which store?", command="Redis: Shared.")
    assert (one.asked, replace(one, title="").asked) == ("Which store?", "Redis: Shared.")
    assert replace(one, kind="permission", title="Bash command", command="ls").asked == "ls"
    assert replace(one, kind="permission", title="Exit plan mode?", command="").asked == "Exit plan mode?"


def test_what_no_button_can_answer_says_where_to_answer() -> None:
    text = asked([ask("question", Choice("Chat about this", "choice"))], [], {}, UTC, None).content.as_html()
    assert "maf agent attach w1" in text
    two = ask("question", Choice("Redis", "choice"), Choice("SQLite", "choice"))
    assert "maf agent attach" not in asked([two], [], {}, UTC, None).content.as_html()


@pytest.mark.parametrize(
    ("tool", "one", "many"),
    [
        ("Bash", "wants to run", "want to run"),
        ("ExitPlanMode", "has a plan", "have a plan"),
        ("mcp__hash__wants", "wants to use mcp__hash__wants", "want to use mcp__hash__wants"),
    ],
)
def test_of_several_agents_only_the_verb_is_another(tool: str, one: str, many: str) -> None:
    permission = replace(ask("permission"), tool=tool)
    assert (what(permission), what(permission, many=True)) == (one, many)

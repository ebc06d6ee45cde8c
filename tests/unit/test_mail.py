"""What is read out of Agent Mail's answers, and what is written to it. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.excerpt import readable
from bot.mail import MailDown, MailRefused
from bot.mail.announcements import LONGEST_PAUSE_S, line_of, pause
from bot.mail.client import plain, unwrap
from bot.mail.letters import FOOT, of_alert, of_move

AT = 1_795_341_600.0  # 2026-11-22 10:00 UTC
ALERT = {
    "profile": "codex-plus-1",
    "window": "5h",
    "title": "5h window",
    "percent": 78.0,
    "kind": "alert",
    "level": "alert",
    "resets_at": AT,
    "empties_at": AT - 3600,
}
# As mcp-agent-mail 0.2.1 answers.
REFUSED = {"result": {"content": [{"type": "text", "text": "Agent 'RedStone'\nnot found"}], "isError": True}}


@pytest.mark.parametrize(
    ("answer", "gives"),
    [
        ({"result": {"structuredContent": {"slug": "a-b"}, "isError": False}}, {"slug": "a-b"}),
        ({"result": {"structuredContent": {"result": [1, 2]}, "isError": False}}, [1, 2]),
        ({"result": {"structuredContent": {"result": 1, "more": 2}}}, {"result": 1, "more": 2}),
        ({"result": {"content": []}}, None),
    ],
)
def test_what_a_tool_gives(answer: Any, gives: Any) -> None:
    assert unwrap("x", answer) == gives


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (REFUSED, MailRefused, "Agent Mail refused x: Agent 'RedStone' not found"),
        ({"error": {"code": -32602, "message": "bad"}}, MailRefused, "Agent Mail refused x: bad"),
        ({"result": {"isError": True}}, MailRefused, "Agent Mail refused x: "),
        ({}, MailDown, "no answer to x"),
        ([], MailDown, "no answer to x"),
        (None, MailDown, "no answer to x"),
    ],
)
def test_what_a_tool_refuses(answer: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        unwrap("x", answer)


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({}, "Quota: codex-plus-1 5h at 78 %"),
        ({"level": "exhausted", "percent": 100.0}, "Quota: codex-plus-1 5h is used up"),
        ({"kind": "recovery", "level": "healthy", "percent": 2.4}, "Quota: codex-plus-1 5h is back, 2 % used"),
    ],
)
def test_the_subject_of_an_alert(changes: dict[str, Any], subject: str) -> None:
    assert of_alert(ALERT | changes).subject == subject


def test_the_body_of_an_alert_says_when_and_that_nothing_is_to_be_done() -> None:
    assert of_alert(ALERT).body.splitlines() == [
        "Account codex-plus-1, 5h window: 78 % used.",
        "At this pace it is used up at 2026-11-22 09:00 UTC.",
        "It resets at 2026-11-22 10:00 UTC.",
        "",
        FOOT,
    ]
    quiet = of_alert(ALERT | {"resets_at": None, "empties_at": None}).body
    assert quiet.splitlines()[1:] == ["", FOOT]


@pytest.mark.parametrize(
    ("outcome", "subject"),
    [
        ("moved", "w1 moved to codex-plus-2"),
        ("returned", "w1 stays on codex-plus-1"),
        ("stuck", "w1 does not answer"),
        ("cut off", "The move of w1 was cut off"),
    ],
)
def test_the_subject_of_a_move(outcome: str, subject: str) -> None:
    letter = of_move("w1", "codex-plus-1", "codex-plus-2", outcome, "5h window is used up")
    assert letter.subject == subject
    assert letter.body.endswith(f"\nWhy: 5h window is used up\n\n{FOOT}")


@given(st.text(), st.sampled_from(["moved", "returned", "stuck", "cut off"]))
def test_no_reason_adds_lines_to_a_letter(why: str, outcome: str) -> None:
    assert len(of_move("w1", "a", "b", outcome, why).body.splitlines()) == 4


@given(st.text(), st.integers(1, 400))
def test_plain_text_is_one_short_line(text: str, limit: int) -> None:
    made = plain(text, limit)
    assert len(made) <= limit
    assert readable(made) == made
    assert len(made.splitlines()) <= 1


def test_the_pause_grows_to_ten_minutes() -> None:
    assert [pause(n).total_seconds() for n in (1, 2, 3, 6, 7, 8)] == [10, 20, 40, 320, 600, 600]
    assert pause(10_000) == timedelta(seconds=LONGEST_PAUSE_S)


def test_a_letter_to_one_agent_is_not_the_letter_to_all() -> None:
    """The line is compared whole."""
    assert line_of("n1") not in f"{line_of('n1')} BlueLake".splitlines()

"""Whom a command is for: which agents are offered, in which order, and what is asked before one is ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.agents.model import Agent, AgentView
from bot.clis.model import State
from bot.store import Store
from bot.telegram.access import BY_NAME, COMMANDS
from bot.telegram.card import Message, RenderContext
from bot.telegram.text import render
from handlers.cards.life import sure
from handlers.cards.whom import ON_A_PAGE, QUESTIONS, whom_card

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)


def view(name: str, state: State = State.IDLE, *, kind: str = "demo", draft: str | None = None) -> AgentView:
    agent = Agent(name, kind, kind, "implementor", f"maf-{name}", Path("/w"), AT)
    return AgentView(agent, state, AT, AT, draft=draft)


def labels(message: Message) -> list[list[str]]:
    return [[button.label for button in row] for row in message.keyboard]


FLEET = [
    view("w10", State.IDLE),
    view("w2", State.WORKING),
    view("w1", State.FROZEN),
    view("w3", State.STOPPED),
    view("w4", State.WAITING),
    view("w5", State.DEAD),
]


@pytest.mark.parametrize(
    ("ask", "rows"),
    [
        ("freeze", [["❄️ All 3"], ["⚙️ w2", "✋ w4", "🟢 w10"]]),
        ("thaw", [["☀️ All 1"], ["❄️ w1"]]),
        ("interrupt", [["⚙️ w2", "✋ w4"]]),
        ("stop", [["🟢 w10", "❄️ w1", "⚙️ w2"], ["✋ w4"]]),
        ("restart", [["💥 w5", "⏹ w3", "🟢 w10"], ["❄️ w1", "⚙️ w2", "✋ w4"]]),
        ("send", [["🟢 w10", "⚙️ w2", "✋ w4"], ["❄️ w1"]]),
        ("agent", [["✋ w4", "💥 w5", "⚙️ w2"], ["❄️ w1", "⏹ w3", "🟢 w10"]]),
    ],
)
def test_the_likeliest_stand_first_and_who_cannot_be_meant_is_left_out(ask: str, rows: list[list[str]]) -> None:
    assert labels(whom_card(FLEET, {"ask": ask})) == rows


def test_a_shell_takes_no_prompt() -> None:
    crew = [view("s1", kind="shell"), view("w1")]
    for ask in ("send", "give", "claim"):
        shown = labels(
            whom_card(crew, {"ask": ask, "text": "go on", "file": "a.md"} if ask == "give" else {"ask": ask})
        )
        offered = {label for row in shown for label in row}
        assert "🟢 w1" in offered
        assert "🟢 s1" not in offered


def test_nobody_to_choose_is_said_without_buttons() -> None:
    card = whom_card([view("w1")], {"ask": "thaw"})
    assert (render(card.content).text, labels(card)) == ("No agent is frozen.", [])


def test_a_large_fleet_has_pages_that_go_round() -> None:
    fleet = [view(f"w{number}") for number in range(1, 30)]
    pages = [labels(whom_card(fleet, {"ask": "stop", "page": page})) for page in range(3)]
    shown = [label for page in pages for row in page[:-1] for label in row]
    assert shown == [f"🟢 w{number}" for number in range(1, 30)]
    assert [page[-1] for page in pages] == [["◀", f"{n}/3", "▶"] for n in (1, 2, 3)]
    assert max(len(row) for page in pages for row in page) == 3
    assert len(pages[0]) == ON_A_PAGE // 3 + 1
    assert labels(whom_card(fleet[:3], {"ask": "stop", "page": 2})) == [["🟢 w1", "🟢 w2", "🟢 w3"]], (
        "they went meanwhile"
    )


def test_the_longest_names_fit() -> None:
    fleet = [view("a" * 31 + letter) for letter in "abc"]
    for ask in QUESTIONS:
        data = {"ask": ask, "text": "x" * 90_000, "file": "f" * 60} if ask == "give" else {"ask": ask}
        card = whom_card(fleet, data)
        assert len(render(card.content).text) < 1000
        assert all(len(row) <= 2 for row in labels(card))


def test_every_command_for_an_agent_has_its_question_and_none_that_acts_alone_is_one_of_them() -> None:
    for command in COMMANDS:
        if command.usage.startswith("AGENT"):
            assert command.name in QUESTIONS, command
    assert not [name for name in QUESTIONS if name in BY_NAME and BY_NAME[name].acts]


@pytest.mark.parametrize(
    ("state", "more", "says"),
    [
        (State.WORKING, {"beads": ["shop-55"]}, "w1 has worked 7 min on shop-55."),
        (State.WORKING, {}, "w1 has worked 7 min."),
        (State.WAITING, {}, "w1 asks something since 7 min, in the middle of its turn."),
        (State.FROZEN, {}, "w1 is frozen since 7 min, maybe in the middle of its turn."),
        (State.UNKNOWN, {}, "w1 cannot be seen at the moment."),
        (State.COMPOSING, {"text": "half a thought"}, "w1 has text in its composer: “half a thought”."),
        (State.WORKING, {"text": "next"}, "w1 has worked 7 min and has text in its composer: “next”."),
    ],
)
async def test_before_an_agent_is_ended_it_is_said_what_would_be_cut_off(
    store: Store, state: State, more: dict[str, Any], says: str
) -> None:
    data = {
        "agent": "w1",
        "verb": "stop",
        "state": str(state),
        "since": AT.isoformat(),
        "text": "",
        "beads": [],
        **more,
    }
    context = RenderContext(AT + timedelta(minutes=7), ZoneInfo("UTC"), store, 1)
    card = await sure(data, context)
    assert render(card.content).text.splitlines()[0] == says
    assert labels(card)[0] == ["⏹ Stop it", "Leave it"]
    assert view("w1", state, draft=more.get("text")).unfinished


@pytest.mark.parametrize("state", [State.IDLE, State.LIMITED, State.ERROR, State.DEAD, State.STOPPED, State.STARTING])
def test_who_is_at_nothing_is_ended_without_a_question(state: State) -> None:
    assert not view("w1", state).unfinished
    assert view("w1", state, draft="half a thought").unfinished

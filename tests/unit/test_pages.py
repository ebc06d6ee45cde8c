"""Plain pages on the phone."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.telegram.card import Message
from bot.telegram.text import render
from handlers.cards.pages import audit_of, health_of, tasks_of
from handlers.health import short_line
from handlers.last import no_such_command


def lines(message: Message) -> list[str]:
    return str(message.content.as_kwargs()["text"]).splitlines()


def bead(name: str, *, agent: str | None = None, assignee: str = "", status: str = "open") -> dict[str, Any]:
    return {"id": name, "title": f"about {name}", "priority": 1, "status": status, "agent": agent, "assignee": assignee}


def test_what_is_held_is_not_shown_as_free() -> None:
    begun = bead("shop-3", assignee="ann", status="in_progress")
    # bd's `ready` holds what is in progress too; where Beads are read-only a claim is known to us alone.
    text = tasks_of([bead("shop-1"), bead("shop-2", agent="d1"), begun], [begun]).content.as_kwargs()["text"]
    assert text.splitlines() == [
        "📋 1 ready · 2 in hand",
        "P1 shop-1  about shop-1",
        "● shop-3  ann  about shop-3",
        "● shop-2  d1  about shop-2",
    ]


def test_a_healthy_bot_is_told_in_two_lines() -> None:
    found = {
        "agents": {"idle": 2},
        "deliveries": 0,
        "messages_due": 1,
        "messages_failed": 0,
        "rss_mb": 0,
        "strained": [],
        "closed_chats": [],
    }
    assert lines(health_of(found)) == ["🩺 The bot is up", "agents: 2 idle"]
    busy = {**found, "deliveries": 1, "messages_due": 3, "messages_failed": 2}
    assert lines(health_of(busy))[2:] == [
        "prompts under way: 1",
        "messages waiting: 2",
        "⚠️ messages that could not be sent: 2",
    ]


@pytest.mark.parametrize(
    ("action", "target", "outcome", "said"),
    [
        ("stop", "/stop d1", "done", "/stop d1"),
        ("draft.send", "d:k7q2:1:send", "done", "draft.send k7q2"),
        ("agents", "g:refresh:0", "refused: no", "agents refresh – refused: no"),
        (
            "pair",
            "",
            "refused: This code is wrong, used or too old.",
            "pair – refused: This code is wrong, used or too old.",
        ),
    ],
)
def test_a_line_of_the_trail(action: str, target: str, outcome: str, said: str) -> None:
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    entry = {
        "at": at.isoformat(),
        "actor": "Ann",
        "place": "chat:7",
        "action": action,
        "target": target,
        "detail": {},
        "outcome": outcome,
    }
    shown = audit_of([entry], cast(Any, SimpleNamespace(zone=UTC)))  # nothing but the zone is read
    assert lines(shown) == ["🧾 Who did what · the last 1", f"04 May 12:00 Ann: {said}"]
    piece = render(shown.content)
    did = said.split(" – ", maxsplit=1)[0]
    # No link: a touch on what somebody sent must not send it again.
    assert did in [entity.extract_from(piece.text) for entity in piece.entities if entity.type == "code"]


@pytest.mark.parametrize(
    ("action", "target", "detail", "said"),
    [
        ("send", "/send w1", {"sha256": "b5013eb1c1b2db1f", "characters": 2500}, "/send w1 (2,500 characters)"),
        ("draft.edit", "i:k7q2:1:0:skip", {"draft": "k7q2", "agent": "w1"}, "draft.edit k7q2 w1"),
        ("agent.run", "w1", {"command": "make test"}, "agent.run w1 make test"),
        ("people.role", "1002", {"role": "viewer"}, "people.role 1002 viewer"),
        ("pair", "", {"role": "operator"}, "pair operator"),
    ],
)
def test_a_line_of_the_trail_says_what_exactly(action: str, target: str, detail: dict[str, Any], said: str) -> None:
    at = datetime(2026, 5, 4, 12, tzinfo=UTC).isoformat()
    entry = {"at": at, "actor": "Ann", "place": "chat:7", "action": action, "target": target, "detail": detail}
    shown = audit_of([{**entry, "outcome": "done"}], cast(Any, SimpleNamespace(zone=UTC)))
    assert lines(shown)[1] == f"04 May 12:00 Ann: {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/agnts", "There is no command /agnts. Did you mean /agents?"),
        ("/settings", "/settings is not there yet. /help shows what is."),
        ("/setings", "There is no command /setings. /help shows what there is."),  # only what is there is guessed
        ("/zzz@some_bot now", "There is no command /zzz. /help shows what there is."),
    ],
)
def test_no_such_command(text: str, said: str) -> None:
    assert render(no_such_command(text, {"agents", "tasks"})).text == said


def test_a_log_line_fits_a_phone() -> None:
    assert short_line("2026-11-24 06:30:35,672 INFO alembic.runtime: Context") == "06:30:35 Context"
    assert short_line('  File "x.py", line 3') == '  File "x.py", line 3'

"""Plain pages on the phone."""

from __future__ import annotations

from typing import Any

from handlers.cards.pages import tasks_of


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

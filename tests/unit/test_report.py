"""Counts and lines of drafts and reports; cards under the limits of Telegram."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.delivery.model import FINAL, TTL, Delivery, Evidence
from bot.broadcast.model import Draft, Item
from bot.broadcast.report import MARKS, count, draft_lines, duration, headline, item_lines
from bot.excerpt import clipped

AT = datetime(2026, 11, 22, 12, 41, 7, tzinfo=UTC)
STATUSES = sorted(MARKS)


def item(agent: str, status: str, *, reason: str = "", bead: str | None = "shop-41", action: str = "assign") -> Item:
    delivery = None
    if status not in {"drafted", "skipped"}:
        delivery = Delivery(
            id=f"d{agent}",
            agent=agent,
            text="x",
            mode="idle",
            status=status,  # type: ignore[arg-type]  # every word of MARKS is tried
            created_by="Olga",
            created_at=AT,
            updated_at=AT,
            evidence=Evidence("rollout", AT) if status in {"submitted", "started"} else None,
            started_at=AT if status == "started" else None,
            reason=reason,
        )
    return Item(1, agent, action, bead, "Cart totals wrong on mobile", "prompt", reason, status, delivery)


def draft(*items: Item, status: str = "applying") -> Draft:
    return Draft("k7q2", 1, "general", status, "Olga", AT, AT + timedelta(minutes=30), "Olga", AT, None, {}, items)


@pytest.mark.parametrize(("good_for", "approved_for"), [(5, TTL), (1800, TTL), (7200, timedelta(hours=2))])
def test_an_approval_lasts_as_long_as_a_draft_but_always_long_enough_to_be_done(
    good_for: float, approved_for: timedelta
) -> None:
    made = replace(draft(), expires_at=AT + timedelta(seconds=good_for), applied_at=AT + timedelta(seconds=4))
    assert made.approval_ends == AT + timedelta(seconds=4) + approved_for


def test_the_headline_counts_what_was_taken_and_for_how_long_it_has_run() -> None:
    d = draft(item("w1", "started"), item("w2", "typed"), item("w3", "submitted"), item("w4", "skipped"))
    assert headline(d, AT + timedelta(seconds=6)) == "k7q2 · 2 of 3 taken · 6 s"


def test_a_settled_headline_names_failures_instead_of_time() -> None:
    d = draft(item("w1", "started"), item("w2", "refused"), item("w3", "unconfirmed"), status="done")
    assert headline(d, AT + timedelta(hours=1)) == "k7q2 · 1 of 3 taken · 1 failed · 1 not confirmed"


@pytest.mark.parametrize(
    ("status", "reason", "lines"),
    [
        ("started", "", ["● w1 shop-41   started 12:41:07"]),
        ("submitted", "", ["◑ w1 shop-41   submitted 12:41:07"]),
        ("queued", "w1 is busy", ["⧗ w1 shop-41   queued, sent when it is free", "   w1 is busy"]),
        (
            "unconfirmed",
            "its composer still shows the text",
            ["⚠ w1 shop-41   typed, not confirmed", "   its composer still shows the text"],
        ),
        ("refused", "w1 waits for a permission", ["✕ w1 shop-41   refused", "   w1 waits for a permission"]),
        ("typed", "", ["◔ w1 shop-41   typed, waiting for proof"]),
        (
            "typed",
            "w1 keeps the text in its own queue",
            ["◔ w1 shop-41   typed, waiting for proof", "   w1 keeps the text in its own queue"],
        ),
        ("drafted", "best ready bead", ["○ w1 shop-41   not sent"]),
        ("skipped", "skipped by Olga", ["– w1 shop-41   skipped by Olga"]),
    ],
)
def test_an_item_is_one_line_and_a_reason_where_one_helps(status: str, reason: str, lines: list[str]) -> None:
    assert item_lines(item("w1", status, reason=reason), UTC) == lines


def test_draft_lines_tell_a_resume_from_a_new_bead_and_a_fault_from_nothing_to_do() -> None:
    assert draft_lines(item("w2", "drafted", reason="holds it", action="resume"))[0].startswith(
        "w2  → shop-41  resume: Cart"
    )
    assert draft_lines(item("c1", "skipped", reason="nothing to commit", action="standby")) == [
        "c1  –  nothing to commit"
    ]
    assert draft_lines(item("w4", "skipped", reason="is stopped", action="skip")) == ["w4  ✕  is stopped"]


@given(st.lists(st.sampled_from(STATUSES), max_size=20))
def test_counts_add_up_and_settled_means_that_nothing_moves(statuses: list[str]) -> None:
    counts = count([item(f"w{n}", s) for n, s in enumerate(statuses)])
    assert counts.total == counts.taken + counts.queued + counts.moving + counts.unconfirmed + counts.failed
    assert counts.settled == all(s in FINAL or s in {"drafted", "skipped"} for s in statuses)


@given(st.text(max_size=200), st.integers(2, 60))
def test_a_clipped_text_is_one_line_that_fits(text: str, width: int) -> None:
    line = clipped(text, width)
    assert len(line) <= width
    assert "\n" not in line


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3660, "1 h 01 min")])
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words

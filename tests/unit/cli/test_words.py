"""What commands print, and with which exit code."""

from __future__ import annotations

from typing import Any

import pytest

from bot.agents.delivery.model import exit_code_of
from bot.cli.broadcast import exit_code, lines
from bot.cli.command import Seconds
from bot.cli.delivery import outcome, sentence
from bot.cli.pair import seconds
from bot.cli.terminal import Terminal, fields, table
from bot.errors import WrongUsage

STATUSES = {"submitted": 0, "started": 0, "queued": 3, "unconfirmed": 3, "typed": 3, "refused": 1, "failed": 1}


@pytest.mark.parametrize(("status", "code"), STATUSES.items())
def test_the_exit_code_of_a_delivery(status: str, code: int) -> None:
    assert exit_code_of(status) == code


def item(status: str, action: str = "assign", agent: str = "w1") -> dict[str, Any]:
    return {"agent": agent, "status": status, "action": action}


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([item("submitted"), item("started")], 0),
        ([item("submitted"), item("queued")], 3),
        ([item("unconfirmed"), item("refused")], 1),
        ([item("submitted"), item("drafted", "standby"), item("skipped", "skip")], 0),
        ([item("submitted"), item("skipped")], 0),
        ([item("drafted", "standby")], 0),
        ([], 0),
    ],
)
def test_the_exit_code_of_a_broadcast_is_that_of_its_worst_item(items: list[dict[str, Any]], code: int) -> None:
    assert exit_code(items) == code


def test_only_the_chosen_items_count() -> None:
    items = [item("submitted", agent="w1"), item("drafted", agent="w2"), item("refused", agent="w3")]
    assert exit_code(items, ["w1"]) == 0
    assert exit_code(items, ["w1", "w3"]) == 1


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        (
            {
                "delivery": "d1",
                "agent": "w1",
                "status": "started",
                "evidence": {"kind": "rollout", "at": "x"},
                "reason": None,
            },
            "w1 started, proved by its rollout (d1)",
        ),
        (
            {"delivery": "d2", "agent": "w1", "status": "queued", "evidence": None, "reason": "w1 is busy"},
            "w1 queued: w1 is busy (d2)",
        ),
    ],
)
def test_a_delivery_in_one_line(delivery: dict[str, Any], words: str) -> None:
    assert sentence(delivery) == words


@pytest.mark.parametrize(("text", "value"), [("15", 15), ("1.5", 1.5), ("90s", 90), ("2m", 120), ("1h", 3600)])
def test_lengths_of_time_of_an_option(text: str, value: float) -> None:
    assert Seconds(0, 3600).convert(text, None, None) == value


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400), ("45", 45)])
def test_lengths_of_time(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "0", "0s", "2d", "-5m", "10 weeks", "nan"])
def test_no_lengths_of_time(text: str) -> None:
    with pytest.raises(WrongUsage):
        seconds(text)


def test_the_sender_is_told_what_was_changed_in_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    delivery = {"delivery": "d1", "agent": "w1", "status": "started", "evidence": None, "reason": ""}
    assert outcome(Terminal(), {**delivery, "notes": ["2 control characters were taken out"]}) == 0
    assert capsys.readouterr().out == "w1 started (d1)\n  2 control characters were taken out\n"


def test_a_draft_says_what_holds_for_all_of_it() -> None:
    draft = {"draft": "k7q2", "status": "pending", "pack": "general", "items": [], "notes": ["Beads are read-only."]}
    assert lines(draft).splitlines()[-1] == "Beads are read-only."


def test_one_thing_with_all_its_fields() -> None:
    shown = fields({"id": "shop-1", "labels": ["a", "b"], "parent": None, "description": "one\ntwo"})
    assert shown.splitlines() == [
        "id             shop-1", "labels         a, b", "parent         -", "description    one", " " * 15 + "two"
    ]  # fmt: skip


def test_a_table_has_a_line_for_each_row() -> None:
    assert table([["w1", "two\nlines"]], ["ID", "TITLE"]).splitlines() == ["ID  TITLE", "w1  two lines"]


def test_a_table_has_no_blanks_at_the_ends() -> None:
    assert table([["w1", "idle", ""], ["w10", "-", "x"]], ["ID", "STATE", ""]) == "ID   STATE\nw1   idle\nw10  -      x"

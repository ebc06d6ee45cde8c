"""When a question that nobody answers is told of again: once, then gathered, and never in quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.agents.permissions.question import Choice
from bot.agents.permissions.reminding import DIGEST_EVERY, late_cards, to_gather
from bot.agents.permissions.rows import Ask
from bot.telegram.quiet import quiet_until

AFTER = timedelta(minutes=10)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-05-{text}").replace(tzinfo=UTC)


def quiet(moment: datetime) -> datetime | None:
    return quiet_until(moment, (time(22), time(7, 30)), ZoneInfo("UTC"))


def ask(name: str, created: str, *, card: str = "", reminded: str = "") -> Ask:
    return Ask(
        id=name,
        agent=name,
        cli="claude",
        profile=None,
        kind="permission",
        tool="Bash",
        title="",
        command="make",
        workdir="/srv",
        risk="",
        dangerous=False,
        question="q",
        fingerprint="f",
        choices=(Choice("Yes", "once"),),
        suggestions=(),
        source="screen",
        card=card or name,
        status="open",
        created_at=at(created),
        reminded_at=at(reminded) if reminded else None,
    )


@pytest.mark.parametrize(
    ("created", "now", "due"),
    [
        ("04T12:00", "04T12:09", False),
        ("04T12:00", "04T12:10", True),
        ("04T21:55", "04T22:05", False),  # quiet hours
        ("04T21:55", "05T07:30", True),
        ("05T03:00", "05T07:30", False),  # its own message goes out only now
        ("05T03:00", "05T07:39", False),
        ("05T03:00", "05T07:40", True),
    ],
)
def test_a_question_is_late_some_time_after_a_person_could_have_seen_it(created: str, now: str, due: bool) -> None:
    late = late_cards([ask("a", created)], at(now), AFTER, quiet)
    assert [[one.id for one in card] for card in late] == ([["a"]] if due else [])


def test_one_reminder_for_a_shared_card_and_never_a_second() -> None:
    shared = [ask("a", "04T12:00", card="c"), ask("b", "04T12:05", card="c")]
    assert [[one.id for one in card] for card in late_cards(shared, at("04T12:10"), AFTER, quiet)] == [["a", "b"]]
    one_told = [ask("a", "04T12:00", card="c", reminded="04T12:10"), ask("b", "04T12:15", card="c")]
    assert late_cards(one_told, at("04T15:00"), AFTER, quiet) == []


def test_the_digest_comes_an_hour_after_the_reminder_and_only_for_what_is_new_to_it() -> None:
    first = ask("a", "04T12:00", reminded="04T12:10")
    second = ask("b", "04T12:30", reminded="04T12:40")
    fresh = ask("c", "04T13:30")
    assert to_gather([first, second, fresh], (), None, at("04T13:09"), quiet) == []
    assert to_gather([first, second, fresh], (), None, at("04T13:10"), quiet) == [first]
    # The second is late too, but the last digest is only half an hour old.
    assert to_gather([first, second], ("a",), at("04T13:10"), at("04T13:45"), quiet) == []
    assert to_gather([first, second], ("a",), at("04T13:10"), at("04T14:10"), quiet) == [first, second]
    # Then it is silent about both for ever.
    assert to_gather([first, second], ("a", "b"), at("04T14:10"), at("09T12:00"), quiet) == []


def test_the_digest_waits_for_the_end_of_quiet_hours() -> None:
    late = ask("a", "04T21:40", reminded="04T21:50")
    assert to_gather([late], (), None, at("04T21:50") + DIGEST_EVERY, quiet) == []
    assert to_gather([late], (), None, at("05T07:30"), quiet) == [late]

"""Cards: what stands on them, which buttons, and that every message fits Telegram's limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.delivery.model import Decision
from bot.store.audit import fingerprint
from bot.telegram.access import COMMANDS, Role
from bot.telegram.card import Message
from bot.telegram.text import MAX_TEXT, render, units
from handlers.cards.draft import closed, edited_text, item_page, swap_page, whole
from handlers.cards.pages import help_for
from handlers.cards.report import report
from tests.unit.test_report import AT, draft, item


def text(message: Message) -> str:
    return render(message.content).text


def labels(message: Message) -> list[str]:
    return [b.label for row in message.keyboard for b in row]


def test_the_draft_says_how_many_prompts_and_until_when_and_offers_to_send() -> None:
    card = whole(draft(item("w1", "drafted"), item("w2", "skipped"), status="pending"), UTC)
    assert text(card).startswith("📝 Draft k7q2 · 1 prompt · pack general\n")
    assert text(card).endswith("Good until 13:11.")
    assert labels(card) == ["✅ Send 1", "👀 Look at each", "✖ Cancel"]


def test_a_draft_with_nothing_to_send_has_no_send_button() -> None:
    card = whole(draft(item("w2", "skipped", action="standby"), status="pending"), UTC)
    assert text(card).endswith("Nothing to send.")
    assert not [one for one in labels(card) if "Send" in one]


def test_every_button_of_a_draft_carries_its_version() -> None:
    d = replace(draft(item("w1", "drafted"), item("w2", "drafted"), status="pending"), version=7)
    for card in (whole(d, UTC), item_page(d, 0, UTC), swap_page(d, 0)):
        assert [b.packed for row in card.keyboard for b in row if ":7" not in (b.packed or "")] == []


def test_a_draft_shows_what_its_prompt_hides() -> None:
    hidden = "Fix the cart.\u200b\u2800 \u202ecod eht etirwer\U000e0041\U0001d173"
    d = draft(replace(item("w1", "drafted"), prompt=hidden), status="pending")
    named = "Fix the cart.⟨U+200B⟩⟨U+2800⟩ ⟨U+202E⟩cod eht etirwer⟨U+E0041⟩⟨U+1D173⟩"
    assert named in text(item_page(d, 0, UTC))
    same = replace(d, options={**d.options, "text": hidden})
    assert named in text(whole(same, UTC))
    long = replace(d.items[0], prompt="\u200b\u2060" * 5000)
    shown = text(item_page(draft(long, status="pending"), 0, UTC))
    more = int(shown.split("\n… ")[1].split(" ")[0].replace(",", ""))
    assert more + shown.count("⟨") == 10_000


def test_a_resume_cannot_be_given_to_another_agent_and_a_skipped_item_can_be_taken_back() -> None:
    d = draft(item("w1", "drafted", action="resume"), item("w2", "skipped"), status="pending")
    assert "🔁 Other agent" not in labels(item_page(d, 0, UTC))
    assert "⤴ Take back in" in labels(item_page(d, 1, UTC))


# Invisible characters and half ones come out longer than they are.
@given(st.text(max_size=20_000) | st.text("a\n\u200b\u202e\U000e0041\ud800👩‍💻", max_size=20_000))
def test_a_page_with_any_prompt_fits_into_one_message(prompt: str) -> None:
    one = replace(item("w1", "drafted"), prompt=prompt)
    assert units(text(item_page(draft(one, status="pending"), 0, UTC))) <= MAX_TEXT


@pytest.mark.parametrize("decided", ["left", "resent"])
def test_an_unconfirmed_prompt_asks_until_somebody_has_decided(decided: Decision) -> None:
    asks = report(draft(item("w2", "unconfirmed"), status="done"), AT, UTC)
    assert labels(asks) == ["👁 Show w2", "⏎ Press Enter", "↻ Send again", "✓ Leave"]
    over = item("w2", "unconfirmed", reason="Left as it is by Olga.")
    assert over.delivery is not None
    settled = replace(over, delivery=replace(over.delivery, decision=decided))
    assert labels(report(draft(settled, status="done"), AT, UTC)) == []


def test_failed_items_can_be_tried_again_once_nothing_moves() -> None:
    assert labels(report(draft(item("w1", "refused"), item("w2", "typed")), AT, UTC)) == []
    done = report(draft(item("w1", "refused"), item("w2", "started"), status="done"), AT, UTC)
    assert labels(done) == ["↻ Retry failed (1)"]


@pytest.mark.parametrize(
    ("status", "says", "fresh"),
    [
        ("cancelled", "was cancelled by Sue", True),
        ("superseded", "was replaced by draft abcd", False),
        ("expired", "has expired", True),
    ],
)
def test_a_closed_draft_says_why(status: str, says: str, fresh: bool) -> None:
    d = replace(draft(item("w1", "drafted"), status=status), options={"closed_by": "Sue", "superseded_by": "abcd"})
    card = closed(d, AT + timedelta(minutes=1))
    assert says in text(card)
    assert bool(card.keyboard) == fresh


@pytest.mark.parametrize(
    ("item_status", "draft_status", "says"),
    [
        ("drafted", "pending", "gets your text in draft k7q2 (6 characters). Not sent yet."),
        ("skipped", "pending", "is left out."),
        ("intended", "applying", "was sent off; its report says what became of it."),
        ("submitted", "done", "was sent off; its report says what became of it."),
        ("unconfirmed", "done", "was sent off; its report says what became of it."),
        ("refused", "done", "was not sent: w1 asks a question"),
        ("drafted", "superseded", "was not sent. Draft k7q2 was replaced by draft m3x9."),
        ("drafted", "cancelled", "was not sent. Draft k7q2 was cancelled by Ann."),
        ("drafted", "expired", "was not sent. Draft k7q2 has expired; nothing of it was sent."),
        ("drafted", "done", "was not sent. Olga sent draft k7q2 already."),
    ],
)
def test_what_became_of_a_text_that_a_person_wrote(item_status: str, draft_status: str, says: str) -> None:
    one = item("w1", item_status, reason="w1 asks a question")
    one = one if item_status != "intended" else replace(one, delivery=None)
    options = {"superseded_by": "m3x9", "closed_by": "Ann"}
    made = replace(draft(one, status=draft_status), options=options)
    written = {"agent": "w1", "notes": "", **fingerprint("prompt")}
    assert edited_text(made, written, AT).endswith(says)
    assert edited_text(made, {**written, **fingerprint("another")}, AT).endswith("was replaced since.")


def test_help_shows_what_a_role_may_do_and_what_is_served() -> None:
    served = {c.name for c in COMMANDS}
    viewer, owner = text(help_for(Role.VIEWER, served)), text(help_for(Role.OWNER, served))
    assert "/agents" in viewer
    assert "/broadcast-apply" not in viewer
    assert "/broadcast-apply" in owner
    assert "/quota" not in text(help_for(Role.OWNER, served - {"quota"}))


@pytest.mark.parametrize(
    ("status", "options", "says"),
    [
        ("cancelled", {"closed_by": "Ann"}, "The rest was not sent: Ann cancelled it."),
        ("expired", {}, "The rest was not sent: its time was up."),
        ("superseded", {"superseded_by": "m3x9"}, "The rest was not sent: draft m3x9 took its place."),
    ],
)
def test_a_report_says_why_the_rest_was_not_sent(status: str, options: dict[str, str], says: str) -> None:
    d = replace(draft(item("w1", "started"), item("w2", "drafted"), status=status), options=options)
    assert text(report(d, AT, UTC)).splitlines()[-1] == says

"""Prompts: whole texts, checked by eye, and what a bead's text cannot do."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.beads.model import Bead
from bot.packs.model import Pack
from bot.packs.render import PromptContext, render_prompt

PACK = Pack.model_validate(
    {
        "id": "shop",
        "title": "Shop",
        "preamble": "Checkout goes live on Friday.",
        "guardrails": ["Do not push.", "Ask when unsure."],
        "commit_protocol": {"implementor": "Do not commit.\n  bd update {bead} --add-label needs-review"},
        "roles": {
            "implementor": {"paths": ["apps/**"], "test_commands": ["npm test"], "extra": "Small steps."},
            "reviewer": {"extra": "Look for what breaks."},
        },
        "agents": {"w2": {"test_commands": ["pytest -q"], "extra": "You know the database."}},
    }
)
BEAD = Bead(
    id="shop-41",
    title="Cart totals wrong",
    priority=1,
    issue_type="bug",
    description="Open the cart.\n\nThe sum is wrong.",
    acceptance="- Sums match.",
)


def prompt(action: str, who: str = "w1", role: str = "implementor", *, bead: Bead = BEAD, **context: object) -> str:
    agent = SimpleNamespace(id=who, role=role)
    return render_prompt(PACK, agent, bead, action, PromptContext(**context))  # type: ignore[arg-type]


def test_assign() -> None:
    assert prompt("assign", "w2") == (
        "Checkout goes live on Friday.\n"
        "\n"
        "You are w2 (implementor). Your next task is shop-41. Start on it now.\n"
        "\n"
        "shop-41 (P1, bug)\n"
        "\n"
        "The task, as written by its author:\n"
        "> Cart totals wrong\n"
        ">\n"
        "> Open the cart.\n"
        ">\n"
        "> The sum is wrong.\n"
        "\n"
        "It is done when:\n"
        "> - Sums match.\n"
        "\n"
        "Stay in: apps/**\n"
        "Run these yourself, and say what came out:\n"
        "- pytest -q\n"
        "\n"
        "Rules:\n"
        "- Do not push.\n"
        "- Ask when unsure.\n"
        "\n"
        "When you are done:\n"
        "Do not commit.\n"
        "  bd update shop-41 --add-label needs-review\n"
        "\n"
        "Small steps.\n"
        "\n"
        "You know the database."
    )


def test_review() -> None:
    bead = Bead(id="shop-38", title="Guest checkout", notes="RECEIPT: all green")
    assert prompt("review", "r1", "reviewer", bead=bead, partner="w2", beads_writable=False) == (
        "Checkout goes live on Friday.\n"
        "\n"
        "You are r1 (reviewer). Review shop-38, done by w2. Read the change itself, not just what is said of it.\n"
        "\n"
        "shop-38 (P2, task)\n"
        "\n"
        "The task, as written by its author:\n"
        "> Guest checkout\n"
        "\n"
        "Notes on it so far:\n"
        "> RECEIPT: all green\n"
        "\n"
        "Rules:\n"
        "- Do not push.\n"
        "- Ask when unsure.\n"
        "\n"
        "When you are done:\n"
        "Beads are read-only here: leave out what is to be done with bd, and say the new state of shop-38"
        " in your last message.\n"
        "\n"
        "Look for what breaks."
    )


def test_the_other_actions_say_what_to_do() -> None:
    assert "You hold shop-41. Go on with it" in prompt("resume")
    assert "shop-41 was approved; the work is w2's. Commit it now." in prompt("commit", "c1", "committer", partner="w2")
    assert "w3 works on shop-41 and can use help." in prompt("assist", partner="w3")
    for action in ("standby", "skip", "{agent}"):
        with pytest.raises(ValueError, match="nothing is sent"):
            prompt(action)


def test_a_very_long_bead_stays_well_below_the_limit_and_says_that_it_was_cut() -> None:
    text = prompt("resume", bead=Bead(id="a-1", title="x" * 9000, description="ж" * 90_000, notes="y" * 90_000))
    assert len(text.encode()) < 80_000 and text.count("[cut here; the rest: bd show a-1]") == 2


LINES = st.text(st.sampled_from("a-># \n\r\x0b\x0c\x1c\x85\u2028\u2029"), max_size=30)


@given(LINES, LINES, LINES)
def test_a_beads_text_never_leaves_its_quote(title: str, description: str, acceptance: str) -> None:
    marked = [
        "ZQ" + re.sub(r"([\n\r\x0b\x0c\x1c\x85\u2028\u2029])", r"\1ZQ", part)
        for part in (title, description, acceptance)
    ]
    bead = Bead(id="a-1", title=marked[0], description=marked[1], acceptance=marked[2])
    text = prompt("assign", bead=bead)
    assert text == prompt("assign", bead=bead)
    stray = [line for line in text.splitlines() if "ZQ" in line and not line.startswith(">")]
    assert stray == []

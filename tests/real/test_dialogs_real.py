"""The rarer questions of the real CLIs, answered from the chat with hooks and with keys alone: edits, a plan, and
questions of the model with several answers."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.clis.model import State
from tests.flow.product import button, until
from tests.real.product import RealProduct, real_product

pytestmark = pytest.mark.every_version

STORE = {
    "question": "Which store?",
    "header": "Store",
    "multiSelect": False,
    "options": [{"label": "Redis", "description": "Shared."}, {"label": "SQLite", "description": "One file."}],
}
PARTS = {
    "question": "Which parts?",
    "header": "Parts",
    "multiSelect": True,
    "options": [{"label": "Cart", "description": "The totals."}, {"label": "Index", "description": "A slow query."}],
}
PATCH = "*** Begin Patch\n*** Update File: cart.py\n@@\n-total = 1\n+total = 2\n*** End Patch"


@pytest.fixture(params=[True, False], ids=["hooks", "keys"])
async def claude(request: pytest.FixtureRequest) -> AsyncIterator[RealProduct]:
    with tempfile.TemporaryDirectory(prefix="maf-d", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), "claude", hooks=request.param) as real:
            yield real


@pytest.fixture(params=[True, False], ids=["hooks", "keys"])
async def codex(request: pytest.FixtureRequest) -> AsyncIterator[RealProduct]:
    """In a sandbox that only reads, so that it asks for every edit."""
    with tempfile.TemporaryDirectory(prefix="maf-d", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), "codex", hooks=request.param) as real:
            await real.p.app.call("agent.stop", {"id": real.agent})
            config = real.home / "config.toml"
            config.write_text(config.read_text("utf8").replace('"workspace-write"', '"read-only"'), "utf8")
            await real.p.app.call("agent.start", {"id": real.agent})
            await real.becomes(State.IDLE)
            yield real


async def card(real: RealProduct, *words: str) -> dict[str, Any]:
    """The open card with these words."""
    return await real.p.message(lambda m: all(word in m["text"] for word in words) and bool(m["buttons"]))


async def tap(real: RealProduct, message: dict[str, Any], label: str, then: str) -> dict[str, Any]:
    """Press a button, and wait for what its card says then."""
    await real.p.client.press(message["message_id"], button(message, label))
    return await real.p.becomes(message["message_id"], lambda m: then in m["text"])


def labels(message: dict[str, Any]) -> list[str]:
    return [str(b["label"]) for row in message["buttons"] for b in row]


def results(real: RealProduct) -> str:
    """All that the tools answered to the model."""
    return "\n".join(text for request in real.models.requests for text in request.results)


async def test_an_edit_of_claude_is_shown_as_a_diff_and_made_after_a_yes(claude: RealProduct) -> None:
    file = claude.p.project / "cart.py"
    file.write_text("total = 1\n")
    change = {"file_path": str(file), "old_string": "total = 1", "new_string": "total = 2"}
    await claude.prompt("TOOL Edit " + json.dumps(change))
    asked = await card(claude, "w1 wants to edit", "total = 2", "outside the workspace: no")
    assert {"Yes", "No", "No, and tell it…"} <= set(labels(asked))
    await tap(claude, asked, "Yes", "✅ w1: Yes")
    await until(lambda: file.read_text() == "total = 2\n", "the edit")
    await claude.becomes(State.IDLE)
    # Claude draws the diff a moment after the dialog: that is no other question.
    assert len([m for m in await claude.p.all() if "total = 2" in m["text"] or "cart.py" in m["text"]]) == 1


async def test_questions_of_claude_are_answered_one_by_one_and_several_answers_are_ticked(claude: RealProduct) -> None:
    await claude.prompt("TOOL AskUserQuestion " + json.dumps({"questions": [STORE, PARTS]}))
    asked = await card(claude, "Which store?", "Redis: Shared.")
    await tap(claude, asked, "SQLite", "✅ w1: SQLite")
    asked = await card(claude, "Which parts?", "Index: A slow query.")
    assert labels(asked)[:2] == ["☐ Cart", "☐ Index"]
    await claude.p.client.press(asked["message_id"], "☐ Cart")
    asked = await claude.p.becomes(asked["message_id"], lambda m: "☑ Cart" in labels(m))
    await claude.keys("2")  # and the person at the pane ticks another one
    asked = await claude.p.becomes(asked["message_id"], lambda m: labels(m)[:2] == ["☑ Cart", "☑ Index"])
    await claude.p.client.press(asked["message_id"], "☑ Cart")
    asked = await claude.p.becomes(asked["message_id"], lambda m: labels(m)[:2] == ["☐ Cart", "☑ Index"])
    await tap(claude, asked, "Submit", "✅ w1: Submit")
    review = await card(claude, "Review your answers", "→ SQLite", "→ Index")
    await tap(claude, review, "Submit answers", "✅ w1: Submit answers")
    await until(lambda: "SQLite" in results(claude), "the answers at the model")
    assert "Index" in results(claude)
    assert "Cart" not in results(claude)
    await claude.becomes(State.IDLE)


async def plan_mode(claude: RealProduct) -> Path:
    """Turn it on, and where Claude wants the plan to be written."""
    await claude.keys("BTab")
    await until(lambda: "accept edits on" in claude.screen, "the mode between")
    await claude.keys("BTab")
    await until(lambda: "plan mode on" in claude.screen, "plan mode")
    await claude.prompt("make a plan")
    await claude.becomes(State.IDLE)
    texts = [text for request in claude.models.requests for text in request.all]
    (plan,) = {found[0] for text in texts if (found := re.search(r"/\S+/plans/\S+\.md", text))}
    Path(plan).parent.mkdir(parents=True, exist_ok=True)
    return Path(plan)


async def test_a_plan_of_claude_is_read_sent_back_and_approved(claude: RealProduct) -> None:
    plan = await plan_mode(claude)
    plan.write_text("# Cart\n" + "".join(f"{n}. Step {n}\n" for n in range(1, 60)))
    await claude.prompt("TOOL ExitPlanMode {}")
    asked = await card(claude, "w1 has a plan", "1. Step 1")
    permissions = claude.p.app.services.permissions
    # The screen shows only its beginning, the conversation holds all of it.
    await until(lambda: "59. Step 59" in permissions.open()[0].command, "all of the plan")
    await claude.p.client.press(asked["message_id"], button(asked, "Tell Claude what to change"))
    question = await claude.p.message(lambda m: "Reply to this message" in m["text"])
    await claude.p.client.say("fewer steps please", reply_to=question["message_id"])
    await until(lambda: claude.models.count("fewer steps please") == 1, "the words at the model")
    await claude.becomes(State.IDLE)
    await claude.prompt("TOOL ExitPlanMode {}")
    again = await claude.p.message(lambda m: m["message_id"] > question["message_id"] and "has a plan" in m["text"])
    await tap(claude, again, "Yes, manually approve edits", "✅ w1: Yes, manually approve edits")
    await claude.becomes(State.IDLE)
    assert "plan mode on" not in claude.screen


async def test_edits_of_codex_are_shown_as_a_patch_and_made_after_a_yes(codex: RealProduct) -> None:
    file = codex.p.project / "cart.py"
    file.write_text("total = 1\n")
    await codex.prompt("TOOL exec_command " + json.dumps({"cmd": f"apply_patch <<'EOF'\n{PATCH}\nEOF"}))
    asked = await card(codex, "w1 wants to edit", "+total = 2", "outside the workspace: no")
    assert {"Yes, proceed", "No"} <= set(labels(asked))
    await tap(codex, asked, "Yes, proceed", "✅ w1: Yes, proceed")
    await until(lambda: file.read_text() == "total = 2\n", "the edit")
    await codex.becomes(State.IDLE)


async def test_the_card_of_codex_says_where_a_command_reads(codex: RealProduct) -> None:
    """Its dialog does not; its hook does, and what it writes down of the call."""
    elsewhere = {"cmd": "ls hosts", "workdir": "/etc", "sandbox_permissions": "require_escalated", "justification": "x"}
    await codex.prompt("TOOL exec_command " + json.dumps(elsewhere))
    asked = await card(codex, "$ ls hosts", "only reads · outside the workspace: yes, /etc")
    await tap(codex, asked, "Yes, proceed", "✅ w1: Yes, proceed")
    await codex.becomes(State.IDLE)


async def test_a_plan_of_codex_is_approved(codex: RealProduct) -> None:
    await codex.p.app.call("agent.send", {"id": codex.agent, "text": "/plan", "wait": 15.0, "raw": True})
    await until(lambda: "Plan mode" in codex.screen, "plan mode")
    await codex.prompt('SAY "<proposed_plan>\\n# Cart\\n1. Read cart.py\\n</proposed_plan>"')
    asked = await card(codex, "Implement this plan?", "1. Read cart.py")
    assert codex.state is State.WAITING
    await tap(codex, asked, "Yes, implement this plan", "✅ w1: Yes, implement this plan")
    await until(lambda: any("mplement" in text for text in codex.models.prompts()), "the start at the model")
    await codex.becomes(State.IDLE)

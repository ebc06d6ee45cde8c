"""Permissions over HTTP: a demo agent asks in its pane, a person answers in the chat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.flow.product import Product, button, product, until


def is_ask(command: str) -> Any:
    return lambda m: m["text"].startswith("✋") and f"$ {command}" in m["text"] and bool(m["buttons"])


def state(p: Product, agent: str) -> str:
    return str(p.app.services.watch.view(agent).state)


async def asks(p: Product, agent: str, command: str) -> None:
    await p.app.call("agent.send", {"id": agent, "text": f"SHELL `{command}`", "wait": 10.0})


async def test_a_question_in_a_pane_is_answered_from_the_chat(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        await asks(p, "w1", "npm test -- cart")
        card = await p.message(is_ask("npm test -- cart"))
        assert "w1 wants to run" in card["text"]
        assert str(p.project) in card["text"]
        labels = [b["label"] for row in card["buttons"] for b in row]
        assert labels[:2] == ["Yes", "No"]
        assert "Yes, and don't ask again" in labels
        answer = await p.client.press(card["message_id"], "Yes")
        assert "w1: Yes" in answer["answer"]["text"]
        done = await p.becomes(card["message_id"], lambda m: "✅ w1: Yes – Olga" in m["text"])
        assert done["buttons"] in ([], None)
        await until(lambda: state(p, "w1") == "idle", what="idle")
        entries = await p.app.services.audit.recent(20)
        mine = [e for e in entries if e.action == "permission.answer"]
        assert [(e.outcome, e.detail["command"], e.detail["answer"]) for e in mine] == [
            ("done", "npm test -- cart", "Yes")
        ]
        late = await p.client.press(card["message_id"], "Yes")
        assert "answered already" in late["answer"]["text"]

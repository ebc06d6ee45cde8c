"""The main job over HTTP: a draft, a tap, three panes take their prompts, the report says so."""

from __future__ import annotations

from pathlib import Path

from tests.flow.product import button, product


async def test_a_draft_is_sent_with_one_tap_and_the_report_ends_with_started(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        draft = await p.draft("/broadcast-targeted")
        assert "3 prompts" in draft["text"]
        for agent in p.agents:
            assert p.prompts(agent) == []
        answer = await p.client.press(draft["message_id"], button(draft, "Send 3"))
        assert answer["answer"]["text"] == "Sending 3."
        report = await p.becomes(draft["message_id"], lambda m: m["text"].count("started") == 3)
        assert "3 of 3 taken" in report["text"]
        status = await p.status()
        assert {i["status"] for i in status["items"]} == {"started"}
        for item in status["items"]:
            assert item["delivery"]["evidence"]["kind"] == "transcript"
            assert item["delivery"]["evidence"]["at"].endswith("Z")
            prompts = p.prompts(item["agent"])
            assert len(prompts) == 1
            assert item["bead"] in prompts[0]

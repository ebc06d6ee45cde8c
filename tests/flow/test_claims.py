"""Beads that are done while an agent holds them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.flow.product import button, idle, product


async def test_a_bead_that_was_closed_is_no_longer_the_agents_and_it_gets_the_next_one(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        draft = await p.draft()
        await p.client.press(draft["message_id"], button(draft, "Send 1"))
        await p.becomes(draft["message_id"], lambda m: "1 of 1 taken" in m["text"])
        done = (await p.status())["items"][0]["bead"]
        _close(p.project / ".beads" / "issues.jsonl", done)
        second = await p.draft()
        status = await p.status(second["text"].split()[2])
        assert status["items"][0]["action"] == "assign"
        assert status["items"][0]["bead"] != done
        held = [c.bead for c in await p.app.services.claims.all_open()]
        assert held == [done], "a draft changes nothing outside its own rows"
        await p.app.services.apply.reconcile_claims()
        assert await p.app.services.claims.all_open() == []


async def test_a_bead_in_hand_is_gone_on_with(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        draft = await p.draft()
        await p.client.press(draft["message_id"], button(draft, "Send 1"))
        await p.becomes(draft["message_id"], lambda m: "1 of 1 taken" in m["text"])
        bead = (await p.status())["items"][0]["bead"]
        await p.app.services.apply.reconcile_claims()
        await idle(p)  # a turn that is not at its end makes it stand by
        second = await p.draft()
        item = (await p.status(second["text"].split()[2]))["items"][0]
        assert (item["action"], item["bead"]) == ("resume", bead)


def _close(path: Path, bead: str) -> None:
    rows = [json.loads(line) for line in path.read_text("utf8").splitlines() if line.strip()]
    for row in rows:
        if row.get("id") == bead:
            row["status"] = "closed"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf8")

"""A prompt that was typed and not proven: the person looks and decides, with the buttons under the report.

The agent is made to miss its Enter as in life: its program is stopped (SIGSTOP) just after the text was pasted.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.store.tables import DeliveryRow
from tests.flow.product import Product, button, product, until


@asynccontextmanager
async def stuck(tmp_path: Path) -> AsyncIterator[tuple[Product, dict[str, Any]]]:
    """Two agents and the report of their draft: w1 holds its text without an Enter, and runs again; w2 took its own."""
    frozen: list[int] = []
    found: list[Product] = []

    def freeze(point: str, what: str) -> None:
        if point == "after_typed" and not frozen and agent_of(found[0], what) == "w1":
            look = found[0].app.services.watch.last("w1")
            assert look is not None
            frozen.append(look.clis[0].pid)
            os.kill(frozen[0], signal.SIGSTOP)

    async with product(tmp_path, agents=2, checkpoint=freeze) as p:
        draft = await p.draft()
        found.append(p)
        try:
            await p.client.press(draft["message_id"], button(draft, "Send 2"))
            report = await p.becomes(
                draft["message_id"], lambda m: "typed, not confirmed" in m["text"] and m["text"].count("started") == 1
            )
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        await until(lambda: bool(standing(p)), what="w1's text in its composer")
        assert p.prompts("w1") == []
        yield p, report


def agent_of(p: Product, delivery: str) -> str:
    """Whose delivery that is; asked of the file itself, for a checkpoint cannot wait."""
    with closing(sqlite3.connect(p.home.database)) as rows:
        return str(rows.execute("SELECT agent FROM deliveries WHERE id = ?", [delivery]).fetchone()[0])


def standing(p: Product) -> str:
    """What stands in w1's composer."""
    look = p.app.services.watch.last("w1")
    return look.reading.composer.text if look and look.reading and look.reading.composer.kind == "draft" else ""


async def keys(p: Product, *names: str) -> None:
    """Somebody at w1's pane."""
    look = p.app.services.watch.last("w1")
    assert look is not None
    assert await p.app.services.panes.keys(str(look.view.agent.pane), *names)


async def refused(p: Product, report: dict[str, Any], words: str) -> None:
    """Send again is refused with these words."""
    await p.told(words, await p.client.press(report["message_id"], button(report, "Send again")))


def labels(message: dict[str, Any]) -> list[str]:
    return [b["label"] for row in message["buttons"] for b in row]


async def test_the_person_looks_and_presses_enter(tmp_path: Path) -> None:
    async with stuck(tmp_path) as (p, report):
        mid = report["message_id"]
        assert labels(report) == ["👁 Show w1", "⏎ Press Enter", "↻ Send again", "✓ Leave"]
        status = await p.status()
        assert [i["status"] for i in status["items"]] == ["unconfirmed", "started"]
        await p.client.press(mid, button(report, "Show w1"))
        await p.message(lambda m: m["message_id"] > mid and m["from"]["is_bot"] and "w1" in str(m))
        await p.client.press(mid, button(report, "Press Enter"))
        done = await p.becomes(mid, lambda m: m["text"].count("started") == 2)
        assert "2 of 2 taken" in done["text"]
        assert labels(done) == []
        assert len(p.prompts("w1")) == 1
        assert len(p.prompts("w2")) == 1


async def test_sent_again_only_once_the_composer_is_free_and_then_once(tmp_path: Path) -> None:
    async with stuck(tmp_path) as (p, report):
        mid = report["message_id"]
        await refused(p, report, "Not sent again. Text stands in the composer of w1")
        assert p.prompts("w1") == []
        assert "↻ Send again" in labels(await p.becomes(mid, lambda m: "typed, not confirmed" in m["text"]))
        await keys(p, "C-c")
        await until(lambda: not standing(p), what="an empty composer")
        taps = [p.client.press(mid, button(report, "Send again")) for _ in range(2)]
        answers = await asyncio.gather(*taps)
        await p.becomes(mid, lambda m: m["text"].count("started") == 2 and not m["buttons"])
        assert len(p.prompts("w1")) == 1
        await p.told("by Olga.", *answers)
        await refused(p, report, "by Olga.")
        assert len(p.prompts("w1")) == 1
        async with p.app.services.store.begin() as tx:
            rows = (await tx.scalars(select(DeliveryRow).where(DeliveryRow.agent == "w1"))).all()
        by_status = {row.status: row for row in rows}
        assert sorted(row.status for row in rows) == ["refused", "started", "unconfirmed"]
        assert by_status["unconfirmed"].decision == "resent"
        assert p.prompts("w1")[0].endswith(f"ref: {by_status['started'].id}")


async def test_left_as_it_is_it_asks_no_more_and_late_evidence_still_counts(tmp_path: Path) -> None:
    async with stuck(tmp_path) as (p, report):
        mid = report["message_id"]
        await p.client.press(mid, button(report, "Leave"))
        left = await p.becomes(mid, lambda m: "Left as it is by Olga." in m["text"] and not m["buttons"])
        assert "typed, not confirmed" in left["text"]
        item = (await p.status())["items"][0]
        assert item["delivery"]["decision"] == "left"
        held = {(c.agent, c.bead) for c in await p.app.services.claims.all_open()}
        assert ("w1", item["bead"]) in held
        assert standing(p)
        await keys(p, "Enter")
        await p.becomes(mid, lambda m: m["text"].count("started") == 2)
        assert len(p.prompts("w1")) == 1
        await refused(p, report, "w1 is started already")
        assert len(p.prompts("w1")) == 1

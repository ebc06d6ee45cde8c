"""A disk that is full for a while, in the running product: nothing ends for good, each thing is told when it can be."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from bot.fleet.self_action import MOVE
from tests.flow.product import Product, button, product, until
from tests.integration.full_disk import full


async def state(p: Product, agent: str) -> str:
    return str((await p.app.call("agent.show", {"id": agent}))["state"])


async def asked(p: Product) -> dict[str, Any]:
    await p.app.call("agent.send", {"id": "w1", "text": "SHELL `npm test`", "wait": 10.0})
    return await p.message(lambda m: "w1 wants to run" in m["text"])


async def test_a_question_answered_while_nothing_can_be_written_is_over_afterwards(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        card = await asked(p)
        with full(p.app.services.store, "UPDATE permissions") as refused:
            tap = asyncio.create_task(p.client.press(card["message_id"], "Yes"))
            await until(lambda: len(refused) > 1, what="writes that failed")
        await tap
        await p.becomes(card["message_id"], lambda m: "✅ w1: Yes – Olga" in m["text"] and not m["buttons"])
        assert p.app.services.permissions.open() == []
        # and its loop goes on
        await until(lambda: p.app.services.watch.view("w1").state == "idle", what="w1 idle")
        await p.app.call("agent.send", {"id": "w1", "text": "SHELL `npm run lint`", "wait": 10.0})
        await p.message(lambda m: "npm run lint" in m["text"])


async def test_what_was_done_is_not_told_as_failed_where_its_audit_cannot_be_ended(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        with full(p.app.services.store, "UPDATE audit") as refused:
            sent = await p.app.call("agent.send", {"id": "w1", "text": "hello", "wait": 10.0})
            assert refused
        assert sent["status"] in ("submitted", "started")
        await p.app.services.audit.close()
        (entry,) = [e for e in await p.app.services.audit.recent() if e.action == "agent.send"]
        assert entry.outcome == "begun"


async def test_a_crash_on_a_full_disk_is_seen_to_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        look = (await p.app.services.watch.look(["w1"]))["w1"]
        with full(p.app.services.store, "agents") as refused:
            os.kill(look.clis[0].pid, signal.SIGKILL)
            await until(lambda: len(refused) > 2, within=30, what="tries")
        await p.message(lambda m: "w1 crashed" in m["text"])
        await until(lambda: p.app.services.watch.view("w1").state == "idle", within=30, what="w1 idle")
        lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        assert sum("see to dead agents: The store cannot grow" in line for line in lines) <= 1, lines


async def test_an_agent_that_cannot_be_started_again_for_a_fault_of_ours_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        look = (await p.app.services.watch.look(["w1"]))["w1"]

        async def broken(_agent: object) -> None:
            raise ZeroDivisionError("a fault of ours")

        # No input from outside is known to bring a fault of ours about; what is tested is that one is told.
        monkeypatch.setattr(p.app.services.life, "before_launch", broken)
        os.kill(look.clis[0].pid, signal.SIGKILL)
        told = await p.message(lambda m: "w1 crashed" in m["text"] and "cannot be started again" in m["text"])
        assert "Something went wrong inside the bot" in told["text"]


async def test_a_draft_that_meets_a_full_disk_says_what_was_not_sent(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as p:
        draft = await p.draft()
        with full(p.app.services.store, "INSERT INTO deliveries") as refused:
            await p.client.press(draft["message_id"], button(draft, "Send 2"))
            await until(lambda: bool(refused), what="a write that failed")
            report = await p.becomes(draft["message_id"], lambda m: "Retry" in str(m))
        assert "the disk is full" in report["text"]
        assert [p.prompts(agent) for agent in p.agents] == [[], []]
        assert await p.app.services.claims.all_open() == []
        await p.client.press(draft["message_id"], button(report, "Retry failed"))
        await p.becomes(draft["message_id"], lambda m: "2 of 2 taken" in m["text"], within=30)


async def test_wishes_and_statistics_that_could_not_be_written_are_as_before(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        services = p.app.services
        with full(services.store), pytest.raises(Exception, match="disk is full"):
            await services.moves.wish("w1", "Ann", "codex-plus-1")
        assert await services.actions.standing(MOVE) == {}
        await until(lambda: services.statistics._spent.get("w1", {}).get("idle_s", 0) > 0, what="something counted")
        with full(services.store, "agents"), pytest.raises(Exception, match="disk is full"):
            await services.statistics.save()
        counted = services.statistics._spent["w1"]["idle_s"]
        assert counted > 0
        await services.statistics.save()
        assert (await services.registry.get("w1")).stats["idle_s"] >= round(counted, 1)


async def test_words_that_go_with_a_no_reach_the_agent_when_the_disk_has_room(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        card = await asked(p)
        await p.client.press(card["message_id"], button(card, "No, and tell"))
        question = await p.message(lambda m: "Reply to this message" in m["text"])
        with full(p.app.services.store, "INTO deliveries") as refused:
            await p.client.say("run the tests instead", reply_to=question["message_id"])
            await until(lambda: len(refused) > 1, what="tries", within=30)
        await until(lambda: any("run the tests instead" in one for one in p.prompts("w1")), what="the words")
        assert [one.count("run the tests instead") for one in p.prompts("w1")][1:] == [1]

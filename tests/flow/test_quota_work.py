"""Quota and the main job: who gets no new work and why, and who goes on after the reset, with the bead it held."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.fleet.go_on import PLAIN
from bot.fleet.move import NotMoved
from bot.fleet.moves import KEPT
from bot.fleet.resume import APART_S
from bot.fleet.self_action import GO_ON
from bot.fleet.self_actions import SelfActions
from bot.operations.task import NothingToClaim
from bot.store.tables import AuditRow, LimitStopRow, SelfActionRow
from tests.flow.product import Product, button, product, until
from tests.rollouts import Rollout, write_monitoring, write_profiles


class Account:
    """A profile whose rollout says what the test wants."""

    def __init__(self, p: Product, name: str) -> None:
        self.rollout = Rollout(p.home.profile(name))

    def at(self, percent: float, resets: float) -> None:
        self.rollout.response(time.time(), 100, {"primary": (percent, 300, resets)})


async def with_profiles(p: Product, **profiles: str) -> None:
    """Two accounts; agents are put on them by name. What the bot does by itself comes a second after its notice."""
    p.app.services.actions.lead = timedelta(seconds=1)
    write_profiles(p.home.agent_config, {"codex-plus-1": {"priority": 1}, "codex-plus-2": {"priority": 2}})
    write_monitoring(p.home.monitoring_config, status_update_interval_seconds=1)
    for agent, profile in profiles.items():
        await p.app.services.registry.update(agent, profile=profile)


async def test_an_agent_on_a_used_up_account_gets_no_new_work_and_the_draft_says_so(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        await with_profiles(p, w1="codex-plus-1", w2="codex-plus-2", w3="codex-plus-2")
        Account(p, "codex-plus-1").at(100, time.time() + 3600)
        Account(p, "codex-plus-2").at(20, time.time() + 3600)
        await p.app.services.quota.refresh()
        draft = await p.draft()
        assert "2 prompts" in draft["text"]
        line = next(text for text in draft["text"].splitlines() if text.startswith("w1"))
        shown = draft["text"][draft["text"].index(line) :]
        assert "codex-plus-1 is at 100 %, back" in shown
        assert "codex-plus-2 has room" in shown
        chosen = await p.app.call("quota.select", {"kind": "codex"})
        assert (chosen["profile"], chosen["rejected"]) == (
            "codex-plus-2",
            [{"profile": "codex-plus-1", "why": "5h window is used up"}],
        )


async def test_quota_that_runs_out_between_draft_and_tap_stops_that_item_alone(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        await with_profiles(p, w1="codex-plus-1")
        account = Account(p, "codex-plus-1")
        account.at(20, time.time() + 3600)
        await p.app.services.quota.refresh()
        draft = await p.draft()
        assert "3 prompts" in draft["text"]
        account.at(100, time.time() + 3600)
        await p.app.services.quota.refresh()
        await p.client.press(draft["message_id"], "✅ Send 3")
        await p.becomes(draft["message_id"], lambda m: m["text"].count("started") == 2)
        status = {i["agent"]: i for i in (await p.status())["items"]}
        assert status["w1"]["status"] == "refused"
        assert "codex-plus-1 is at 100 %" in status["w1"]["reason"]
        assert p.prompts("w1") == []


async def test_nobody_is_moved_for_a_claim_where_there_is_nothing_to_claim(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        await with_profiles(p, w1="codex-plus-1")
        Account(p, "codex-plus-1").at(100, time.time() + 3600)
        Account(p, "codex-plus-2").at(20, time.time() + 3600)
        await p.app.services.quota.refresh()
        claim = {"agent": "w1", "rotate": True}
        with pytest.raises(NotMoved):  # there is work, so it would be moved; a demo agent cannot be
            await p.app.call("task.claim", claim)
        await p.app.services.registry.update("w1", role="committer")
        with pytest.raises(NothingToClaim, match="No ready bead fits w1"):
            await p.app.call("task.claim", claim)


async def test_agents_that_stopped_at_a_limit_go_on_after_the_reset_one_after_another_with_their_beads(
    tmp_path: Path,
) -> None:
    async with product(tmp_path, agents=2) as p:
        await with_profiles(p, w1="codex-plus-1", w2="codex-plus-1")
        services = p.app.services
        claimed = await p.app.call("task.claim", {"agent": "w1"})
        resets = time.time() + 12
        account = Account(p, "codex-plus-1")
        account.at(100, resets)
        for agent in ("w1", "w2"):
            await p.app.call("agent.send", {"id": agent, "text": f"LIMIT12 please, {agent}"})

        async def rows() -> list[LimitStopRow]:
            async with services.store.begin() as tx:
                return list(await tx.scalars(select(LimitStopRow).order_by(LimitStopRow.id)))

        async def planned() -> bool:
            found = await rows()
            return len(found) == 2 and all(r.resume_at is not None for r in found)

        await until(planned, "both have their time")
        ends = [r.resets_at or 0.0 for r in await rows()]
        assert min(ends) >= resets - 1  # the account's reset or its own, whichever is later; both in whole seconds
        first, second = sorted(r.resume_at or 0.0 for r in await rows())
        assert first >= int(resets)  # when the account has room again, though the agents' own limits may end later
        assert second - first >= APART_S

        async def prompted() -> bool:
            return any(r.outcome for r in await rows())

        await until(prompted, "the first goes on")
        (one,) = [r for r in await rows() if r.outcome]
        assert one.outcome == "prompted"
        assert time.time() >= resets
        assert len(p.prompts(one.agent)) == 2
        if one.agent == "w1":
            assert one.bead == claimed["bead"]
            assert "Go on with it" in p.prompts("w1")[-1]


async def test_a_prompt_after_the_reset_that_is_not_proven_is_the_persons_to_decide(tmp_path: Path) -> None:
    frozen: list[int] = []
    crew: list[Product] = []  # once the prompt that brings the limit was typed

    def freeze(point: str, _what: str) -> None:
        if point == "after_typed" and crew and not frozen:
            look = crew[0].app.services.watch.last("w1")
            assert look is not None
            frozen.append(look.clis[0].pid)
            os.kill(frozen[0], signal.SIGSTOP)

    async with product(tmp_path, agents=1, checkpoint=freeze) as p:
        await with_profiles(p, w1="codex-plus-1")
        await p.app.call("agent.send", {"id": "w1", "text": "LIMIT1 please"})
        crew.append(p)
        try:
            told = await p.message(lambda m: "Its usage limit is over, so it was to go on." in m["text"])
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        assert "w1 · prompt typed, not confirmed" in told["text"]
        assert [b["label"] for row in told["buttons"] for b in row] == [
            "👁 Show w1", "⏎ Press Enter", "↻ Send again", "✓ Leave",
        ]  # fmt: skip
        assert len(p.prompts("w1")) == 1
        await p.client.press(told["message_id"], "⏎ Press Enter")
        await p.becomes(told["message_id"], lambda m: "w1 · prompt started" in m["text"])
        assert len(p.prompts("w1")) == 2


async def test_a_wish_to_have_an_agent_moved_that_cannot_be_granted_is_told(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        await with_profiles(p, w1="codex-plus-1")
        services = p.app.services
        await services.moves.wish("w1", "Ann", "codex-plus-1")
        await p.message(lambda m: "w1 has no profile that it could be moved from" in m["text"])
        await p.app.call("agent.send", {"id": "w1", "text": "WAIT60 please"})
        await services.moves.wish("w1", "Ann", "codex-plus-1")
        async with services.store.begin() as tx:
            row = await tx.scalar(select(SelfActionRow).where(SelfActionRow.ended_at.is_(None)))
            assert row is not None
            row.announced_at -= KEPT
        await p.message(lambda m: "w1 stays on codex-plus-1: it was not idle for 6 hours." in m["text"])


async def test_a_limit_that_ended_before_anybody_looked_is_over(tmp_path: Path) -> None:
    """Nobody knows the account's numbers, and the banner's time of day would come tomorrow; its own file tells."""
    async with product(tmp_path, agents=1) as p:
        await with_profiles(p, w1="codex-plus-1")
        await p.app.call("agent.send", {"id": "w1", "text": "LIMIT1 please"})

        async def took_up() -> bool:
            return [row.outcome for row in await stops_of(p)] == ["prompted"]

        await until(took_up, "it goes on")
        assert PLAIN.splitlines()[0][:30] in p.prompts("w1")[-1]


async def stops_of(p: Product) -> list[LimitStopRow]:
    async with p.app.services.store.begin() as tx:
        return list(await tx.scalars(select(LimitStopRow).order_by(LimitStopRow.id)))


async def over(p: Product, agent: str) -> None:
    """Its limit is over: it counts as idle again."""
    await until(lambda: p.app.services.resume.over(agent), "the end of its limit")


async def audited(p: Product, action: str) -> list[AuditRow]:
    async with p.app.services.store.begin() as tx:
        return list(await tx.scalars(select(AuditRow).where(AuditRow.action == action)))


async def test_what_is_typed_after_a_limit_is_announced_before_and_audited(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        await with_profiles(p, w1="codex-plus-1")
        claimed = (await p.app.call("task.claim", {"agent": "w1"}))["bead"]
        account = Account(p, "codex-plus-1")
        account.at(100, time.time() + 3600)
        await p.app.call("agent.send", {"id": "w1", "text": "LIMIT3 please"})
        told = await p.message(lambda m: "w1 hit its limit, resets" in m["text"])
        assert f"goes on with {claimed} by itself then" in told["text"]
        assert button(told, "Don't")
        assert len(p.prompts("w1")) == 1, "nothing was typed before it was told"
        account.at(3, time.time() + 3600)
        after = await p.becomes(told["message_id"], lambda m: "I had it go on" in m["text"])
        assert claimed in after["text"]
        (row,) = await audited(p, "agent.go-on")
        assert (row.actor, row.place, row.target, row.outcome) == ("bot", "schedule", "w1", "done")
        assert row.detail["bead"] == claimed
        assert row.detail["characters"] > 20


async def test_who_was_not_to_go_on_is_not_told_to_after_a_restart_either(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        await with_profiles(p, w1="codex-plus-1")
        await p.app.call("agent.send", {"id": "w1", "text": "LIMIT4 please"})
        told = await p.message(lambda m: "w1 hit its limit" in m["text"])
        for _ in range(2):  # once more is the same
            await p.client.press(told["message_id"], button(told, "Don't"))
        declined = await p.becomes(told["message_id"], lambda m: "declined: it is not told to go on" in m["text"])
        await over(p, "w1")
        services = p.app.services
        (stop,) = await stops_of(p)
        after_a_restart = SelfActions(services.store, services.clock, services.audit)
        (standing,) = (await after_a_restart.standing(GO_ON)).values()
        assert (standing.declined, standing.cause) == (True, f"limit {stop.id}")
        for _ in range(3):
            await services.resume.tick()
        assert len(p.prompts("w1")) == 1
        assert await audited(p, "agent.go-on") == []

        await p.client.press(told["message_id"], button(declined, "Let it"))
        await p.becomes(told["message_id"], lambda m: "I had it go on" in m["text"])
        assert len(p.prompts("w1")) == 2


async def test_nothing_is_typed_while_nobody_could_be_told(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        await with_profiles(p, w1="codex-plus-1")
        await p.client.fault("500", method="sendMessage", count=1000)
        await p.app.call("agent.send", {"id": "w1", "text": "LIMIT1 please"})
        await over(p, "w1")
        for _ in range(3):
            await p.app.services.resume.tick()
        assert len(p.prompts("w1")) == 1
        p.client.sandbox.world.faults.clear()
        await p.message(lambda m: "w1" in m["text"] and "I had it go on" in m["text"])
        assert len(p.prompts("w1")) == 2


async def test_what_is_planned_is_listed_and_declined_at_the_terminal(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        await with_profiles(p, w1="codex-plus-1")
        await p.app.call("agent.send", {"id": "w1", "text": "LIMIT30 please"})
        told = await p.message(lambda m: "w1 hit its limit" in m["text"])
        (one,) = await p.app.call("agent.planned", {})
        assert (one["kind"], one["agent"], one["status"], one["declined_by"]) == ("go on", "w1", "announced", "")
        done = await p.app.call("agent.decline", {"id": one["id"]}, actor="cli:ann")
        assert (done["status"], done["declined_by"]) == ("declined", "ann at the terminal")
        await p.becomes(told["message_id"], lambda m: "ann at the terminal declined" in m["text"])
        assert (await p.app.call("agent.allow", {"id": one["id"]}))["status"] == "announced"

"""Quota and the main job: who gets no new work and why, and who goes on after the reset, with the bead it held."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import select

from bot.fleet.resume import APART_S, PLAIN
from bot.store.tables import LimitStopRow
from tests.flow.product import Product, product, until
from tests.rollouts import Rollout, write_monitoring, write_profiles


class Account:
    """A profile whose rollout says what the test wants."""

    def __init__(self, p: Product, name: str) -> None:
        self.rollout = Rollout(p.home.profile(name))

    def at(self, percent: float, resets: float) -> None:
        self.rollout.response(time.time(), 100, {"primary": (percent, 300, resets)})


async def with_profiles(p: Product, **profiles: str) -> None:
    """Two accounts; agents are put on them by name."""
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
        await p.becomes(draft["message_id"], lambda m: m["text"].count("started") == 2, within=30)
        status = {i["agent"]: i for i in (await p.status())["items"]}
        assert status["w1"]["status"] == "refused"
        assert "codex-plus-1 is at 100 %" in status["w1"]["reason"]
        assert p.prompts("w1") == []


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

        await until(planned, 60, "both have their time")
        ends = [r.resets_at or 0.0 for r in await rows()]
        assert min(ends) >= resets - 1  # the account's reset or its own, whichever is later; both in whole seconds
        first, second = sorted(r.resume_at or 0.0 for r in await rows())
        assert first >= min(ends)
        assert second - first >= APART_S

        async def prompted() -> bool:
            return any(r.outcome for r in await rows())

        await until(prompted, 60, "the first goes on")
        (one,) = [r for r in await rows() if r.outcome]
        assert one.outcome == "prompted"
        assert time.time() >= resets
        assert len(p.prompts(one.agent)) == 2
        if one.agent == "w1":
            assert one.bead == claimed["bead"]
            assert "Go on with it" in p.prompts("w1")[-1]


async def test_a_limit_that_ended_before_anybody_looked_is_over(tmp_path: Path) -> None:
    """Nobody knows the account's numbers, and the banner's time of day would come tomorrow; its own file tells."""
    async with product(tmp_path, agents=1) as p:
        await with_profiles(p, w1="codex-plus-1")
        services = p.app.services
        await p.app.call("agent.send", {"id": "w1", "text": "LIMIT1 please"})

        async def took_up() -> bool:
            async with services.store.begin() as tx:
                (row,) = list(await tx.scalars(select(LimitStopRow))) or [None]
            return row is not None and row.outcome == "prompted"

        await until(took_up, 30, "it goes on")
        assert PLAIN.splitlines()[0][:30] in p.prompts("w1")[-1]

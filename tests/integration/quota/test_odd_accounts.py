"""Accounts in odd shapes: each is read right, and none takes the others down."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import zstandard
from sqlalchemy import update

from bot.home import Home
from bot.quota.levels import Level
from bot.store import Store
from bot.store.tables import QuotaReadingRow, QuotaToldRow
from tests.integration.quota.scene import HOUR, percents, quota_of, status
from tests.rollouts import Rollout, stamp, write_profiles

SESSION = "11111111-1111-4111-8111-111111111111"
FORK = "22222222-2222-4222-8222-222222222222"


def said(at: float, message: str, session: str = SESSION, **more: Any) -> dict[str, Any]:
    """A response of Claude Code."""
    usage = {"input_tokens": 3, "output_tokens": 100}
    body = {"id": message, "model": "claude-opus-5-5", "role": "assistant", "usage": usage, "content": []}
    return {"type": "assistant", "timestamp": stamp(at), "sessionId": session, "message": body, **more}


def refused(at: float, **limits: Any) -> dict[str, Any]:
    """The line that Claude Code writes of a turn that met a limit."""
    return said(at, "x") | {
        "message": {"id": "x", "model": "<synthetic>", "role": "assistant", "content": []},
        "error": "rate_limit",
        "quotaLimits": {"status": "rejected", **limits},
    }


def transcript(home: Path, name: str, *lines: dict[str, Any]) -> Path:
    path = home / "projects" / "-shop" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


async def test_one_bad_reset_time_takes_no_other_account_down_now_or_later(home: Home, store: Store) -> None:
    now = time.time()
    bad, good = Rollout(home.profile("a")), Rollout(home.profile("b"))
    bad.limits(now - 60, {"primary": (50.0, 300, (now + HOUR) * 1e9)})
    good.limits(now - 60, {"primary": (20.0, 300, now + HOUR)})
    quota = quota_of(home, store)
    assert [percents(one) for one in await quota.refresh(alerts=True)] == [{"5h": 50.0}, {"5h": 20.0}]
    source = next(one for one in (await status(quota)).sources if one.name == "rollout")
    assert source.ok and source.error.startswith("primary.resets_at ")
    # What an earlier version stored is read with the same care.
    async with store.begin() as tx:
        await tx.execute(update(QuotaReadingRow).values(resets_at=(now + HOUR) * 1000))
        await tx.execute(update(QuotaToldRow).values(instance=(now + HOUR) * 1000, muted_until=1e300))
    later = quota_of(home, store)
    everyone = await later.refresh(alerts=True)
    assert [percents(one) for one in everyone] == [{"5h": 50.0}, {"5h": 20.0}]
    assert later.as_json()[0]["windows"]["5h"]["resets_at"] is not None
    assert await later.picture(everyone)


async def test_a_full_window_whose_reset_had_passed_when_it_was_told_stays_full(home: Home, store: Store) -> None:
    now = time.time()
    Rollout(home.profile("a")).limits(now - 60, {"primary": (100.0, 10_080, now - HOUR)})
    found = await status(quota_of(home, store))
    assert percents(found) == {"7d": 100.0}
    assert found.reached == "7d window is used up"


async def test_a_full_window_is_empty_once_its_reset_has_passed(home: Home, store: Store) -> None:
    now = time.time()
    Rollout(home.profile("a")).limits(now - HOUR, {"primary": (100.0, 300, now - 60)})
    assert percents(await status(quota_of(home, store))) == {"5h": 0.0}


async def test_an_account_without_windows_that_is_stopped_is_never_next(home: Home, store: Store) -> None:
    now = time.time()
    stopped = Rollout(home.profile("a"))
    limits = {"limit_id": "codex", "primary": None, "secondary": None, "plan_type": "business"}
    reached = limits | {"rate_limit_reached_type": "workspace_member_credits_depleted"}
    stopped.write(now - 60, "event_msg", {"type": "token_count", "info": None, "rate_limits": reached})
    Rollout(home.profile("b")).limits(now - 60, {"primary": (94.0, 300, now + HOUR)})
    quota = quota_of(home, store)
    found = await status(quota)
    assert (found.reached, found.level, found.mark) == ("credit balance is used up", Level.EMERGENCY, "🚨")
    assert quota.choose("codex").profile == "b"
    stopped.write(now - 30, "event_msg", {"type": "token_count", "info": None, "rate_limits": limits})
    assert (await status(quota)).reached == ""
    assert (await status(quota_of(home, store))).reached == ""


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"rateLimitType": "overage"}, "credit balance is used up"),
        ({"rateLimitType": "seven_day_overage_included"}, "included allowance is used up"),
        ({"rateLimitType": "brand_new"}, "account limit is used up"),
        ({}, "account limit is used up"),
        ({"rateLimitType": ["five_hour"]}, "account limit is used up"),
    ],
)
async def test_claude_stopped_by_a_limit_that_is_no_window(
    home: Home, store: Store, limits: dict[str, Any], why: str
) -> None:
    now = time.time()
    write_profiles(home.agent_config, {"a": {"kind": "claude"}})
    transcript(home.profile("a"), SESSION, refused(now - 60, resetsAt=int(now + 7200), **limits))
    quota = quota_of(home, store)
    assert (await status(quota)).reached == why
    assert quota.choose("claude").profile is None


async def test_responses_of_subagents_count_and_those_of_a_fork_count_once(home: Home, store: Store) -> None:
    now = time.time()
    write_profiles(home.agent_config, {"a": {"kind": "claude"}})
    folder = home.profile("a")
    transcript(folder, SESSION, said(now - 90, "m1"))
    transcript(
        folder, f"{SESSION}/subagents/agent-a1", *(said(now - 80 + n, f"s{n}", isSidechain=True) for n in range(4))
    )
    transcript(folder, FORK, said(now - 90, "m1", FORK), said(now - 50, "m2", FORK))
    assert (await status(quota_of(home, store))).usage["5h"].requests == 6


async def test_a_rollout_that_was_archived_and_packed_counts_once(home: Home, store: Store) -> None:
    now = time.time()
    rollout = Rollout(home.profile("a"))
    rollout.response(now - 90, 100, {"primary": (40.0, 300, now + HOUR)})
    quota = quota_of(home, store)
    assert (await status(quota)).usage["5h"].tokens == 100
    packed = home.profile("a") / "archived_sessions" / f"{rollout.path.name}.zst"
    packed.parent.mkdir()
    packed.write_bytes(zstandard.compress(rollout.path.read_bytes()))
    rollout.path.unlink()
    assert (await status(quota)).usage["5h"].tokens == 100
    other = Rollout(home.profile("a"))
    other.response(now - 80, 7)
    packed.with_name(f"{other.path.name}.zst").write_bytes(zstandard.compress(other.path.read_bytes()))
    other.path.unlink()
    found = await status(quota)
    assert (found.usage["5h"].tokens, percents(found)) == (107, {"5h": 40.0})
    packed.with_name("rollout-2026-11-22T05-59-46-damaged.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfdrubbish")
    assert (await status(quota_of(home, store))).usage["5h"].tokens == 107


async def test_tokens_and_names_that_no_store_has_room_for_are_left_out(home: Home, store: Store) -> None:
    now = time.time()
    rollout = Rollout(home.profile("a"))
    rollout.write(now - 9, "token_usage_record", {"thread_id": "x\0y", "usage": {"total_tokens": 10**30}})
    rollout.write(now - 8, "token_usage_record", {"thread_id": "x\0y", "usage": {"total_tokens": 5}})
    assert (await status(quota_of(home, store))).usage["5h"].tokens == 5

"""The ledger on a real database: it equals the plain sum, counts nothing twice, and survives sleep and clock steps."""

from __future__ import annotations

import random

from sqlalchemy import func, select

from bot.quota.ledger import KEEP_S, Ledger, Use
from bot.quota.windows import SPANS, Event
from bot.store import Store
from bot.store.tables import QuotaBucketRow, QuotaEventRow
from tests.usage import usage_within

NOW = 1_795_000_000.0
DAY = 86_400.0


def some_uses(seed: int, count: int = 400) -> list[Use]:
    dice = random.Random(seed)
    return [
        Use(dice.choice(["a", "b"]), f"k{n}", NOW - dice.random() * 31 * DAY, dice.randrange(5000))
        for n in range(count)
    ]


def expected(uses: list[Use], profile: str, now: float) -> dict[str, object]:
    events = [Event(u.at, 1, u.tokens) for u in uses if u.profile == profile]
    return {name: usage_within(events, span, now) for name, span in SPANS.items()}


async def test_a_rebuilt_ledger_equals_the_plain_sum_as_time_goes_on(store: Store) -> None:
    uses = some_uses(1)
    await Ledger(store).record(uses, NOW)
    again = Ledger(store)
    await again.rebuild(NOW)
    for minutes in (0, 1, 29, 31, 300, 3000, 60_000):
        now = NOW + minutes * 60
        assert await again.current("a", now) == expected(uses, "a", now)
        assert await again.current("b", now) == expected(uses, "b", now)


async def test_events_that_come_in_are_counted_and_fall_out_again(store: Store) -> None:
    ledger, uses, now = Ledger(store), some_uses(2, 100), NOW
    await ledger.record(uses, now)
    await ledger.rebuild(now)
    dice = random.Random(3)
    for n in range(200):
        now += dice.random() * 4000
        use = Use("a", f"new{n}", now - dice.random() * 7200, dice.randrange(900))
        uses.append(use)
        assert await ledger.record([use], now) == 1
        assert await ledger.current("a", now) == expected(uses, "a", now)


async def test_the_same_line_read_twice_counts_once(store: Store) -> None:
    ledger, use = Ledger(store), Use("a", "rollout-1:12", NOW - 60, 100)
    assert await ledger.record([use, use], NOW) == 1
    assert await ledger.record([use], NOW) == 0
    assert (await ledger.current("a", NOW))["5h"].tokens == 100


async def test_a_clock_that_goes_back_is_followed(store: Store) -> None:
    ledger, uses = Ledger(store), some_uses(4)
    await ledger.record(uses, NOW)
    await ledger.rebuild(NOW)
    await ledger.current("a", NOW + 6 * 3600)
    back = NOW + 3600
    assert await ledger.current("a", back) == expected(uses, "a", back)


async def test_old_events_become_buckets_and_nothing_is_lost(store: Store) -> None:
    ledger = Ledger(store)
    old = NOW - KEEP_S - 10_000
    uses = [Use("a", f"old{n}", old + n, 10) for n in range(7)] + [Use("a", "young", NOW - 5, 3)]
    await ledger.record(uses, NOW)
    assert await ledger.trim(NOW) == 7
    assert await ledger.trim(NOW) == 0
    async with store.begin() as tx:
        left = await tx.scalar(select(func.count()).select_from(QuotaEventRow))
        buckets = (await tx.execute(select(func.sum(QuotaBucketRow.requests), func.sum(QuotaBucketRow.tokens)))).one()
    assert left == 1
    assert tuple(buckets) == (7, 70)

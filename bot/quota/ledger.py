"""The ledger of use: events in the store, windows in memory.

Rebuilt at start with one grouped scan; after that each new event costs a few additions, and reading costs nothing of
the store. Twice an hour the edges of the windows are fetched ahead, in one small query each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from bot.quota.windows import SPANS, EdgeUnknown, Event, RollingWindow, Usage
from bot.store import Store, Transaction, rows_changed
from bot.store.tables import QuotaBucketRow, QuotaEventRow

EDGE_AHEAD_S = 1800.0
KEEP_S = 35 * 86_400.0
BUCKET_S = 300
BATCH = 1000


MOST_TOKENS = 10**12  # of one response; a larger number is none, and no store has room for it
MOST_KEY = 200


def source_key(text: str) -> str:
    """The identity of a source line as both databases can store it."""
    return text.encode("utf-8", "replace").decode("utf-8", "replace").replace("\0", "")[:MOST_KEY]


@dataclass(frozen=True, slots=True)
class Use:
    """One model response of one profile; `at` is epoch seconds, `key` names its source line."""

    profile: str
    key: str
    at: float
    tokens: int = 0
    model: str = ""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    source: str = "rollout"

    @property
    def event(self) -> Event:
        return Event(self.at, 1, self.tokens)


class Ledger:
    """Counts requests and tokens of every profile over the spans of SPANS."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._windows: dict[str, dict[str, RollingWindow]] = {}

    async def rebuild(self, now: float) -> None:
        """Read all windows anew (at start, and when the clock went back)."""
        async with self.store.begin() as tx:
            sums = await _grouped_sums(tx, now)
        self._windows = {
            profile: {
                name: RollingWindow(span, now, *per_span[name], known_until=now - span) for name, span in SPANS.items()
            }
            for profile, per_span in sums.items()
        }
        await self.look_ahead(now)

    async def look_ahead(self, now: float) -> None:
        """Fetch the events that will fall out of each window within the next half hour."""
        wanted = [
            (profile, window, window.known_until, max(now - window.span, window.known_until) + EDGE_AHEAD_S)
            for profile, windows in self._windows.items()
            for window in windows.values()
        ]
        async with self.store.begin() as tx:
            for profile, window, after, until in wanted:
                rows = await tx.execute(
                    select(QuotaEventRow.at, QuotaEventRow.tokens)
                    .where(QuotaEventRow.profile == profile, QuotaEventRow.at > after, QuotaEventRow.at <= until)
                    .order_by(QuotaEventRow.at)
                )
                window.refill([Event(at, 1, tokens) for at, tokens in rows], until)

    async def record(self, uses: Sequence[Use], now: float) -> int:
        """Store and count what is new of `uses`; returns how many were new."""
        new: list[Use] = []
        for start in range(0, len(uses), BATCH):
            async with self.store.begin() as tx:
                new += await self._insert(tx, uses[start : start + BATCH])
        for use in new:
            for window in self._of(use.profile, now).values():
                window.add(use.event)
        return len(new)

    async def _insert(self, tx: Transaction, uses: Sequence[Use]) -> list[Use]:
        values = [asdict(use) for use in uses]
        insert = insert_sqlite if self.store.is_sqlite else insert_postgresql
        added = await tx.execute(
            insert(QuotaEventRow)
            .values(values)
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(QuotaEventRow.key)
        )
        keys = set(added.scalars())
        fresh: list[Use] = []
        for use in uses:
            if use.key in keys:
                keys.discard(use.key)  # a key twice in one batch is one event
                fresh.append(use)
        return fresh

    async def newest(self, profile: str, count: int) -> list[QuotaEventRow]:
        """The last responses of a profile, oldest first."""
        wanted = select(QuotaEventRow).where(QuotaEventRow.profile == profile)
        async with self.store.begin() as tx:
            rows = await tx.scalars(wanted.order_by(QuotaEventRow.at.desc()).limit(count))
            return list(rows)[::-1]

    def usage(self, profile: str, now: float) -> dict[str, Usage]:
        """Sums by span name. Raises EdgeUnknown or ValueError when `current` must be awaited instead."""
        return {name: window.at(max(now, window.now)) for name, window in self._of(profile, now).items()}

    async def current(self, profile: str, now: float) -> dict[str, Usage]:
        """As `usage`, and refills or rebuilds first where that is needed."""
        windows = self._of(profile, now)
        if any(now < window.now - 1 for window in windows.values()):
            await self.rebuild(now)
        try:
            return self.usage(profile, now)
        except EdgeUnknown:
            await self._catch_up(now)
            return self.usage(profile, now)

    async def _catch_up(self, now: float) -> None:
        """After a long sleep of the machine the edge may lie hours ahead; a rebuild is cheaper than many refills."""
        behind = max(
            (now - w.span - w.known_until for per in self._windows.values() for w in per.values()), default=0.0
        )
        if behind > EDGE_AHEAD_S:
            await self.rebuild(now)
        else:
            await self.look_ahead(now)

    def _of(self, profile: str, now: float) -> dict[str, RollingWindow]:
        if profile not in self._windows:
            self._windows[profile] = {
                name: RollingWindow(span, now, known_until=now - span) for name, span in SPANS.items()
            }
        return self._windows[profile]

    async def trim(self, now: float) -> int:
        """Sum what is older than 35 days into buckets of five minutes; returns how many events went."""
        before = now - KEEP_S
        before -= before % BUCKET_S
        async with self.store.begin() as tx:
            start = func.floor(QuotaEventRow.at / BUCKET_S) * BUCKET_S
            rows = await tx.execute(
                select(QuotaEventRow.profile, start, func.count(), func.sum(QuotaEventRow.tokens))
                .where(QuotaEventRow.at < before)
                .group_by(QuotaEventRow.profile, start)
            )
            for profile, at, requests, tokens in rows.all():
                await _add_to_bucket(tx, profile, int(at), requests, tokens)
            return await rows_changed(tx, delete(QuotaEventRow).where(QuotaEventRow.at < before))


async def _add_to_bucket(tx: Transaction, profile: str, start: int, requests: int, tokens: int) -> None:
    row = await tx.get(QuotaBucketRow, (profile, start))
    if row is None:
        tx.add(QuotaBucketRow(profile=profile, start=start, requests=requests, tokens=tokens))
    else:
        row.requests += requests
        row.tokens += tokens


async def _grouped_sums(tx: Transaction, now: float) -> dict[str, dict[str, tuple[int, int]]]:
    """(requests, tokens) by profile and span, in one scan of the covering index."""
    columns = []
    for span in SPANS.values():
        inside = QuotaEventRow.at > now - span
        columns.append(func.sum(case((inside, 1), else_=0)))
        columns.append(func.sum(case((inside, QuotaEventRow.tokens), else_=0)))
    longest = max(SPANS.values())
    rows = await tx.execute(
        select(QuotaEventRow.profile, *columns)
        .where(QuotaEventRow.at > now - longest, QuotaEventRow.at <= now)
        .group_by(QuotaEventRow.profile)
    )
    return {
        row[0]: {name: (int(row[1 + 2 * i] or 0), int(row[2 + 2 * i] or 0)) for i, name in enumerate(SPANS)}
        for row in rows
    }

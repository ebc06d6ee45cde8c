"""Random walks of one account through readings, resets, quiet hours, mutes and crashes: what stands in the outbox."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.profiles.book import Profile
from bot.profiles.config import QuotaLimits, Thresholds
from bot.quota import alarm
from bot.quota.levels import Level, alert_level
from bot.quota.reading import Reading
from bot.quota.status import ProfileStatus, status_of
from bot.store import Store
from bot.store.tables import OutboxRow
from tests.stores import open_store

HOURS_5 = 5 * 3600.0
BEGIN = 1_795_336_000.0
MORNING = datetime.fromtimestamp(BEGIN + 90 * 24 * 3600, UTC)  # one long night, so that one digest holds all of it
PROFILE = Profile("a", "A", "codex", 1, True, True, QuotaLimits(), {}, Path("/x"), Path("/s"), True, 75)

PERCENT = st.sampled_from([0.0, 30.0, 49.9, 50.0, 60.0, 75.0, 80.0, 90.0, 95.0, 96.0, 100.0])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), PERCENT),
        st.tuples(st.just("crash"), PERCENT),  # the transaction does not end
        st.tuples(st.sampled_from(["reset", "away", "mute", "night", "day"]), st.just(0.0)),
    ),
    max_size=40,
)


@dataclass
class Walk:
    """The account, the clock, and what must have been told by now."""

    store: Store
    now: float = BEGIN
    ends: float = BEGIN + HOURS_5
    instance: int = 0
    percent: float = 0.0
    night: bool = False
    muted_until: float = 0.0
    highest: dict[int, Level] = field(default_factory=dict)  # by instance, while not muted

    def status(self) -> ProfileStatus:
        reading = Reading("5h", "codex", 300, self.percent, self.ends, self.now, "rollout")
        return self._of({"5h": reading})

    def blank(self) -> ProfileStatus:
        """Nothing is known: the last reading is older than its window."""
        return self._of({})

    def _of(self, readings: dict[str, Reading]) -> ProfileStatus:
        return status_of(
            PROFILE, readings=readings, usage={}, sources=[], login="ok", thresholds=Thresholds(), forecasts={},
            now=self.now,
        )  # fmt: skip

    async def review(self, status: ProfileStatus, *, crash: bool = False) -> None:
        try:
            async with self.store.begin() as tx:
                await alarm.review(tx, [status], Thresholds(), quiet_until=MORNING if self.night else None)
                if crash:
                    raise ConnectionError
        except ConnectionError:
            pass

    async def step(self, what: str, percent: float) -> None:
        self.now += 60
        if what in ("read", "crash"):
            self.percent = percent
            await self.review(self.status(), crash=what == "crash")
        if what == "read" and self.now >= self.muted_until:
            level = alert_level(percent, False, Thresholds())
            self.highest[self.instance] = max(level, self.highest.get(self.instance, Level.HEALTHY))
        elif what in ("reset", "away"):
            self.now = self.ends + (1 if what == "reset" else 3 * HOURS_5)
            await self.review(self.blank())
            self.instance, self.ends = self.instance + 1, self.now + HOURS_5
        elif what == "mute":
            self.muted_until = self.ends
            async with self.store.begin() as tx:
                await alarm.mute(tx, "a", "5h", self.ends)
        elif what in ("night", "day"):
            self.night = what == "night"


async def walk(steps: list[tuple[str, float]]) -> tuple[Walk, list[tuple[dict[str, Any], str, bool]]]:
    """(the walk, everything told in order: its data, the kind of message, whether it was urgent)."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(Path(folder)) as store:
            made = Walk(store)
            for what, percent in steps:
                await made.step(what, percent)
            async with store.begin() as tx:
                rows = list(await tx.scalars(select(OutboxRow)))
    told = [(data, row.kind, row.urgent) for row in rows for data in row.data.get("alerts", [row.data])]
    return made, sorted(told, key=lambda one: float(one[0]["at"]))


@settings(max_examples=40)
@given(STEPS)
def test_nothing_is_told_twice_or_lost_whatever_happens_between(steps: list[tuple[str, float]]) -> None:
    made, told = asyncio.run(walk(steps))
    alerts = [(one["resets_at"], one["level"]) for one, _, _ in told if one["kind"] == "alert"]
    assert len(alerts) == len(set(alerts))
    standing = False
    for one, kind, urgent in told:
        emergency = Level[str(one["level"]).upper()] >= Level.EMERGENCY
        assert urgent == emergency
        assert not (emergency and kind == alarm.DIGEST)
        # A recovery follows an alert, once. (One that was muted may have stood before it.)
        assert one["kind"] == "alert" or standing or made.muted_until
        standing = one["kind"] == "alert"
    if not made.muted_until:
        highest = {level for _, level in alerts}
        for level in made.highest.values():
            assert level is Level.HEALTHY or level.word in highest
        assert len({at for at, _ in alerts}) == sum(level > Level.HEALTHY for level in made.highest.values())


async def test_a_reset_that_nobody_saw_is_told_at_the_next_look() -> None:
    _, told = await walk([("read", 80.0), ("away", 0.0), ("read", 55.0)])
    assert [(one["kind"], one["level"]) for one, _, _ in told] == [
        ("alert", "alert"),
        ("recovery", "healthy"),
        ("alert", "warning"),
    ]


async def test_only_alerts_of_profiles_that_there_are_stand(store: Store) -> None:
    made = Walk(store)
    await made.step("read", 80.0)
    async with store.begin() as tx:
        assert [one["window"] for one in await alarm.listed(tx, ["a"], made.now)] == ["5h"]
        assert await alarm.listed(tx, ["b"], made.now) == []

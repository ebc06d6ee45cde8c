"""What providers said, kept: the newest of each window in memory, every change as a row for forecast and chart."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable
from dataclasses import replace

from sqlalchemy import delete, select

from bot.quota import forecast
from bot.quota.reading import Reading
from bot.store import Transaction
from bot.store.tables import QuotaReadingRow

KEEP_S = 35 * 86_400.0
RECENT_S = 2 * forecast.LOOK_BACK_S
# An unchanged percentage is written again after this long, so that a chart shows that somebody looked.
REPEAT_S = 600.0


class History:
    """The readings of every profile."""

    def __init__(self) -> None:
        self._newest: dict[str, dict[str, Reading]] = defaultdict(dict)
        self._recent: dict[tuple[str, str], deque[forecast.Reading]] = defaultdict(deque)
        self._written: dict[tuple[str, str], Reading] = {}

    def newest(self, profile: str) -> dict[str, Reading]:
        """The newest reading of each window."""
        return dict(self._newest[profile])

    def forecasts(self, profile: str, now: float) -> dict[str, float | None]:
        """When each window will be empty at this pace (epoch s)."""
        return {
            name: forecast.empties_at(self._recent[profile, name], now=now, resets_at=reading.resets_at)
            for name, reading in self._newest[profile].items()
        }

    async def load(self, tx: Transaction, now: float) -> None:
        """Read back what was known, at start."""
        rows = await tx.scalars(  # in the order they became known: a clock may have gone back in between
            select(QuotaReadingRow).where(QuotaReadingRow.at > now - KEEP_S).order_by(QuotaReadingRow.id)
        )
        for row in rows:
            reading = Reading(
                row.window, row.limit_id, row.minutes, row.percent, row.resets_at, row.at, row.source, row.reached
            )
            self._keep(row.profile, reading)
            self._written[row.profile, row.window] = reading

    async def add(self, tx: Transaction, profile: str, readings: Iterable[Reading], now: float) -> list[Reading]:
        """Keep what is newer than what is known; returns that. Nothing is newer than now: what a clock that ran ahead
        has stamped yields to the next reading."""
        fresh = []
        for stamped in readings:
            reading = replace(stamped, at=min(stamped.at, now))
            known = self._newest[profile].get(reading.window)
            if known is not None and reading.at < known.at <= now:
                continue
            fresh.append(reading)
            self._keep(profile, reading)
            written = self._written.get((profile, reading.window))
            if written is not None and _same(written, reading):
                continue
            self._written[profile, reading.window] = reading
            tx.add(
                QuotaReadingRow(
                    profile=profile,
                    window=reading.window,
                    limit_id=reading.limit_id,
                    minutes=reading.minutes,
                    percent=reading.percent,
                    resets_at=reading.resets_at,
                    reached=reading.reached,
                    source=reading.source,
                    at=reading.at,
                )
            )
        return fresh

    def _keep(self, profile: str, reading: Reading) -> None:
        self._newest[profile][reading.window] = reading
        recent = self._recent[profile, reading.window]
        recent.append(forecast.Reading(reading.at, reading.percent))
        while recent and not reading.at - RECENT_S <= recent[0].at <= reading.at:
            recent.popleft()

    async def points(
        self, tx: Transaction, profiles: Collection[str], since: float
    ) -> dict[tuple[str, str], list[tuple[float, float]]]:
        """(epoch s, percent) of each window as far back as `since`, oldest first, for the chart."""
        rows = await tx.execute(
            select(QuotaReadingRow.profile, QuotaReadingRow.window, QuotaReadingRow.at, QuotaReadingRow.percent)
            .where(QuotaReadingRow.profile.in_(profiles), QuotaReadingRow.at >= since)
            .order_by(QuotaReadingRow.at)
        )
        found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        for profile, window, at, percent in rows:
            found[profile, window].append((at, percent))
        return dict(found)

    async def trim(self, tx: Transaction, now: float) -> None:
        await tx.execute(delete(QuotaReadingRow).where(QuotaReadingRow.at < now - KEEP_S))


def _same(written: Reading, reading: Reading) -> bool:
    moved = abs((written.resets_at or 0.0) - (reading.resets_at or 0.0)) > 60
    return (
        written.percent == reading.percent
        and written.reached == reading.reached
        and not moved
        and reading.at - written.at < REPEAT_S
    )

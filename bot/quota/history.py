"""What providers said, kept: the newest of each window in memory, every change as a row for forecast and chart.

A provider may change the lengths of its windows, or end a stop. What the newest statement of a family no longer names
is withdrawn; a row says so, that it does not come back with a restart.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable
from dataclasses import replace

from sqlalchemy import delete, func, or_, select

from bot.quota import forecast
from bot.quota.reading import Point, Reading, Statement, as_stored
from bot.store import Transaction
from bot.store.tables import QuotaReadingRow

KEEP_S = 35 * 86_400.0
RECENT_S = 2 * forecast.LOOK_BACK_S
# An unchanged percentage is written again after this long, so that a chart shows that somebody looked.
REPEAT_S = 600.0
GONE = "gone"  # source of the row that says so
# Whose readings a statement withdraws: Codex's are about all of a family; a statusline names what a statusline names.
_CODEX = frozenset({"rollout", "app-server", "hand"})
COVERS = {"rollout": _CODEX, "app-server": _CODEX, "statusline": frozenset({"statusline", "hand"})}


class History:
    """The readings of every profile."""

    def __init__(self) -> None:
        self._newest: dict[str, dict[str, Reading]] = defaultdict(dict)
        self._recent: dict[tuple[str, str], deque[Point]] = defaultdict(deque)
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
        last = (
            select(func.max(QuotaReadingRow.id))
            .where(QuotaReadingRow.at > now - KEEP_S)
            .group_by(QuotaReadingRow.profile, QuotaReadingRow.window)
        )
        rows = await tx.scalars(  # in the order they became known: a clock may have gone back in between
            select(QuotaReadingRow)
            .where(or_(QuotaReadingRow.id.in_(last), QuotaReadingRow.at > now - RECENT_S))
            .order_by(QuotaReadingRow.id)
        )
        for row in rows:
            reading = as_stored(
                Reading(
                    row.window, row.limit_id, row.minutes, row.percent, row.resets_at, row.at, row.source, row.reached
                )
            )
            if row.source == GONE:
                self._drop(row.profile, row.window)
            elif reading is not None:
                self._keep(row.profile, reading)
                self._written[row.profile, row.window] = reading

    async def add(self, tx: Transaction, profile: str, statements: Iterable[Statement], now: float) -> None:
        """Keep what is newer than what is known. Nothing is newer than now: what a clock that ran ahead has stamped
        yields to the next reading."""
        for statement in sorted(statements, key=lambda one: one.at):
            at = min(statement.at, now)
            for stamped in statement.readings:
                reading = replace(stamped, at=at)
                known = self._newest[profile].get(reading.window)
                if known is None or not at < known.at <= now:
                    self._keep(profile, reading)
                    self._write(tx, profile, reading)
            for gone in self._withdrawn(profile, statement, at):
                self._drop(profile, gone.window)
                tx.add(_row(profile, gone))

    def _write(self, tx: Transaction, profile: str, reading: Reading) -> None:
        written = self._written.get((profile, reading.window))
        if written is None or not _same(written, reading):
            self._written[profile, reading.window] = reading
            tx.add(_row(profile, reading))

    def _withdrawn(self, profile: str, statement: Statement, at: float) -> list[Reading]:
        """Older readings of its family that a statement no longer names."""
        named = {reading.window for reading in statement.readings}
        covers = COVERS.get(statement.source, frozenset())
        return [
            replace(known, source=GONE, percent=0.0, reached=False, resets_at=None, at=at)
            for known in self._newest[profile].values()
            if known.limit_id == statement.limit_id
            and known.at < at
            and known.source in covers
            and known.window not in named
        ]

    def _drop(self, profile: str, window: str) -> None:
        self._newest[profile].pop(window, None)
        self._recent.pop((profile, window), None)
        self._written.pop((profile, window), None)

    def _keep(self, profile: str, reading: Reading) -> None:
        self._newest[profile][reading.window] = reading
        recent = self._recent[profile, reading.window]
        recent.append((reading.at, reading.percent))
        while recent and not reading.at - RECENT_S <= recent[0][0] <= reading.at:
            recent.popleft()

    async def points(
        self, tx: Transaction, profiles: Collection[str], since: float
    ) -> dict[tuple[str, str], list[Point]]:
        """The points of each window as far back as `since`, oldest first, for the chart."""
        rows = await tx.execute(
            select(QuotaReadingRow.profile, QuotaReadingRow.window, QuotaReadingRow.at, QuotaReadingRow.percent)
            .where(
                QuotaReadingRow.profile.in_(profiles),
                QuotaReadingRow.at >= since,
                QuotaReadingRow.source != GONE,
                QuotaReadingRow.percent.between(0, 100),
            )
            .order_by(QuotaReadingRow.at)
        )
        found: dict[tuple[str, str], list[Point]] = defaultdict(list)
        for profile, window, at, percent in rows:
            found[profile, window].append((at, percent))
        return dict(found)

    async def trim(self, tx: Transaction, now: float) -> None:
        await tx.execute(delete(QuotaReadingRow).where(QuotaReadingRow.at < now - KEEP_S))


def _row(profile: str, reading: Reading) -> QuotaReadingRow:
    return QuotaReadingRow(
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


def _same(written: Reading, reading: Reading) -> bool:
    moved = abs((written.resets_at or 0.0) - (reading.resets_at or 0.0)) > 60
    return (
        written.percent == reading.percent
        and written.reached == reading.reached
        and not moved
        and reading.at - written.at < REPEAT_S
    )

"""The files of a profile: which ones grew, and how far each was read. The offsets are rows, so a restart goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from bot.profiles.book import Profile
from bot.quota.ledger import Use
from bot.quota.reading import Statement
from bot.quota.sources import rollouts, transcripts
from bot.store import Store
from bot.store.tables import QuotaFileRow

GLOBS = {
    "codex": tuple(
        f"{folder}/rollout-*.jsonl{packed}"
        for folder in ("sessions/*/*/*", "archived_sessions")
        for packed in ("", ".zst")
    ),
    "claude": ("projects/*/*.jsonl", "projects/*/*/subagents/**/*.jsonl"),
}


# Of a file that is read for the first time only the newest part of what it said of the limits is of use.
TRAIL_S = 12 * 3600.0


@dataclass(slots=True)
class _Place:
    """How far a file was read, and what it was when it was."""

    offset: int = 0
    inode: int = 0
    size: int = -1
    changed_ns: int = -1
    records: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at a profile's files brought: new uses, the statements about limits in the order of time, the places
    to remember."""

    uses: list[Use] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    moved: list[Path] = field(default_factory=list)


class ProfileFiles:
    """Reads what is new in the rollouts or transcripts of every profile."""

    def __init__(self) -> None:
        self._places: dict[Path, _Place] = {}

    async def load(self, store: Store) -> None:
        async with store.begin() as tx:
            for row in await tx.scalars(select(QuotaFileRow)):
                self._places[Path(row.path)] = _Place(row.offset, row.inode, records=bool(row.state.get("records")))

    async def look(self, profile: Profile) -> Found:
        """Read what grew since the last look; work in proportion to the new bytes."""
        return await asyncio.to_thread(self._look, profile)

    def _look(self, profile: Profile) -> Found:
        found = Found()
        for path, status in _changed(profile, self._places):
            place = self._places.setdefault(path, _Place())
            if place.inode not in (0, status.st_ino):
                place.offset = 0
            if profile.kind == "codex":
                scan = rollouts.scan(path, profile.name, offset=place.offset, records=place.records)
            else:
                scan = transcripts.scan(path, profile.name, offset=place.offset)
            place.inode, place.size, place.changed_ns = status.st_ino, status.st_size, status.st_mtime_ns
            if scan.offset != place.offset:
                found.moved.append(path)
            place.offset, place.records = scan.offset, scan.records
            found.uses.extend(scan.uses)
            found.statements.extend(scan.statements)
        found.statements[:] = _recent(found.statements)
        return found

    async def remember(self, store: Store, profile: str, moved: list[Path]) -> None:
        """Write the offsets down, after the uses are in the store: a crash between reads a few lines twice."""
        async with store.begin() as tx:
            for path in moved:
                place = self._places[path]
                row = QuotaFileRow(path=str(path), profile=profile, offset=place.offset, inode=place.inode)
                row.state = {"records": place.records}
                await tx.merge(row)

    def forget(self, paths: list[Path]) -> None:
        """Read these from their beginning next time."""
        for path in paths:
            self._places.pop(path, None)

    def skip(self, path: Path, copied: Path) -> None:
        """`copied` is going to be renamed to `path`: take it as read, for its lines were counted where they were
        written. Said before the rename, so that no look in between takes its limits for those of the new profile."""
        status, records = copied.stat(), rollouts.has_records(copied)
        self._places[path] = _Place(status.st_size, status.st_ino, status.st_size, status.st_mtime_ns, records)


def _recent(statements: Iterable[Statement]) -> list[Statement]:
    """In the order of time: those of the last hours, and the newest of each family whenever it was."""
    ordered = sorted(statements, key=lambda one: one.at)
    newest = {id(one) for one in {one.limit_id: one for one in ordered}.values()}
    since = ordered[-1].at - TRAIL_S if ordered else 0.0
    return [one for one in ordered if one.at > since or id(one) in newest]


def _changed(profile: Profile, places: dict[Path, _Place]) -> Iterator[tuple[Path, os.stat_result]]:
    for pattern in GLOBS[profile.kind]:
        for path in profile.home.glob(pattern):
            try:
                status = path.stat()
            except OSError:
                continue
            place = places.get(path)
            if place is None or (place.size, place.changed_ns) != (status.st_size, status.st_mtime_ns):
                yield path, status

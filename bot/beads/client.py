"""One repo's Beads: read with `bd` or from its JSONL; claimed and released with `bd` alone.

Command lines and answers: bd 1.3.0 (facts checked against the real binary in tests/real/test_bd.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from bot.beads.bd import Bd, BeadsError
from bot.beads.graph import ready, resolve
from bot.beads.jsonl import read_jsonl
from bot.beads.locate import Place
from bot.beads.model import BEAD_ID, BLOCKING, DONE, FREE, Bead, order, parse_bead
from bot.clock import Clock
from bot.errors import NotFound, Refused


class BeadTaken(Refused):
    """Someone else works on this bead."""

    code = "bead_taken"

    def __init__(self, bead: str, holder: str) -> None:
        super().__init__(f"{bead} is already taken by {holder}.")
        self.holder = holder


class BeadsReadOnly(Refused):
    """These Beads can only be read here."""

    code = "beads_read_only"
    hint = "Install bd (Beads) on this machine, or run `bd init` in the project, so that claims can be written."


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The work of one repo at one moment. `ready`: open, unblocked, on offer; `open`: all that is not done."""

    ready: tuple[Bead, ...] = ()
    open: tuple[Bead, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def in_progress(self) -> tuple[Bead, ...]:
        """What somebody has in hand: in progress, or waiting for a review or a commit."""
        return tuple(b for b in self.open if b.status == "in_progress" or b.in_review or b.to_commit)


class Beads(Protocol):
    """What the rest of the program asks of a repo's Beads."""

    repo: Path
    writable: bool

    async def snapshot(self) -> Snapshot: ...
    async def show(self, bead: str) -> Bead: ...
    async def claim(self, bead: str, actor: str) -> Bead: ...
    async def release(self, bead: str, actor: str) -> bool: ...


class JsonlBeads:
    """Beads read from the export. Nothing is ever written to it."""

    writable = False

    def __init__(self, place: Place, clock: Clock) -> None:
        self.repo = place.repo
        self._place = place
        self._clock = clock

    async def snapshot(self) -> Snapshot:
        beads, warnings = await self._read()
        found = await asyncio.to_thread(resolve, beads)
        work = [bead for bead in ready(found, self._clock.now()) if bead.status == "open"]
        return Snapshot(tuple(work), tuple(found), tuple(warnings))

    async def show(self, bead: str) -> Bead:
        beads, _ = await self._read()
        found = {one.id: one for one in (*beads, *resolve(beads))}
        if bead not in found:
            raise NotFound.of("bead", bead[:80], found)
        return found[bead]

    async def claim(self, bead: str, actor: str) -> Bead:
        raise BeadsReadOnly(f"{bead} cannot be claimed in Beads: {self.repo} has only a JSONL export here.")

    async def release(self, bead: str, actor: str) -> bool:
        raise BeadsReadOnly(f"{bead} cannot be released in Beads: {self.repo} has only a JSONL export here.")

    async def _read(self) -> tuple[list[Bead], list[str]]:
        path = self._place.jsonl
        if path is None:
            raise BeadsError(f"There is no issues.jsonl in {self._place.beads_dir}.")
        try:
            return await asyncio.to_thread(read_jsonl, path, repo=str(self.repo))
        except (OSError, ValueError) as error:
            raise BeadsError(f"{path} cannot be read: {error}") from error


class BdBeads:
    """Beads through the real `bd`; one call at a time per repo."""

    writable = True

    def __init__(self, place: Place, bd: Bd) -> None:
        self.repo = place.repo
        self._bd = bd

    async def snapshot(self) -> Snapshot:
        """Two calls: what is not done (for the graph), and what bd itself calls ready (its word decides)."""
        everything = resolve(self._parse(await self._bd.read("list", "--limit", "0")))
        known = {bead.id: bead for bead in everything}
        offered = self._parse(await self._bd.read("ready", "--limit", "0"))
        # A bead in both is taken as the graph has it: with its blockers and with what waits for it.
        work = [known.get(bead.id, bead) for bead in offered if bead.status == "open" and not bead.hidden]
        return Snapshot(tuple(sorted(work, key=order)), tuple(everything))

    async def show(self, bead: str) -> Bead:
        """One bead with its open blockers. Raises NotFound with the nearest ids."""
        raw = await self._bd.read("show", bead, missing_ok=True) if BEAD_ID.fullmatch(bead) else []
        found = self._parse(raw)
        if not found:
            raise NotFound.of("bead", bead[:80], [one.id for one in (await self.snapshot()).open])
        shown = found[0]
        free = {edge.on for edge in shown.edges if edge.status in FREE}
        blockers = {e.on for e in shown.edges if e.type in BLOCKING and shown.holds(e) and e.on not in free}
        return replace(shown, blocked_by=tuple(sorted(blockers)))

    async def claim(self, bead: str, actor: str) -> Bead:
        """Take it for `actor` and make sure of it. Raises BeadTaken, Refused (blocked or done), NotFound, BeadsError.

        bd 1.3.0 lets a blocked bead be claimed, and older ones let two win at once: hence the look before and after.
        """
        before = await self.show(bead)
        if before.status in DONE:
            raise Refused(f"{bead} is already {before.status}.")
        if before.blocked_by:
            raise Refused(f"{bead} waits for {', '.join(before.blocked_by)}.")
        if before.assignee and before.assignee != actor:
            raise BeadTaken(bead, before.assignee)
        failure: BeadsError | None = None
        try:
            await self._bd.write(actor, "update", bead, "--claim")
        except BeadsError as error:
            failure = error
        after = await self.show(bead)
        if after.assignee and after.assignee != actor:
            raise BeadTaken(bead, after.assignee)
        if after.assignee != actor or after.status != "in_progress":
            raise failure or BeadsError(f"{bead} was not claimed, although bd did not say why.")
        return after

    async def release(self, bead: str, actor: str) -> bool:
        """Back to open and to nobody, if `actor` still has it in progress; else nothing changes and False."""
        return await self._bd.release(bead, actor)

    def _parse(self, items: Sequence[object]) -> list[Bead]:
        beads = (parse_bead(item, repo=str(self.repo)) for item in items if isinstance(item, dict))
        return [bead for bead in beads if bead is not None]

"""All the Beads that the agents work on, one client per repo."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.beads.bd import Bd, BeadsError
from bot.beads.client import BdBeads, Beads, JsonlBeads, Snapshot
from bot.beads.locate import locate
from bot.beads.model import Bead, order
from bot.clock import Clock, SystemClock


class NoBeads(BeadsError):
    """There are no Beads here."""

    code = "no_beads"
    hint = "Run `bd init` in the project, or put its .beads/issues.jsonl there."


@dataclass(frozen=True, slots=True)
class Gathered:
    """The work of several repos. `repo_of` says where each workdir belongs; `notes` are for the person, each once.

    `unfinished` holds the ids of all beads of a repo that are not done; a repo that was not read whole is not in it.
    """

    ready: tuple[Bead, ...] = ()
    in_progress: tuple[Bead, ...] = ()
    repo_of: Mapping[Path, str] = field(default_factory=dict)
    unfinished: Mapping[str, frozenset[str]] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


class BeadsBook:
    """Finds and keeps the client of each repo, so that calls to one repo are never at the same time.

    `binary` is a name looked up on the PATH of `env`, a path, or None for no bd at all. `env` is what bd sees; secrets
    do not belong in it (bot.settings.tool_environment).
    """

    def __init__(self, env: Mapping[str, str], *, binary: str | Path | None = "bd", clock: Clock | None = None) -> None:
        self._env = env
        self._clock = clock or SystemClock()
        found = shutil.which(str(binary), path=env.get("PATH")) if binary else None
        self.binary = Path(found) if found else None
        self._clients: dict[Path, Beads] = {}

    async def for_workdir(self, workdir: Path) -> Beads:
        """The Beads of a workdir. Raises NoBeads with what to do."""
        place = await asyncio.to_thread(locate, workdir)
        if place is None:
            raise NoBeads(f"There are no Beads (.beads) in {workdir} or above it.")
        by_bd = place.database and self.binary is not None
        if not by_bd and place.jsonl is None:
            if place.database:
                raise NoBeads(
                    f"{place.beads_dir} needs the bd program, and it is not on the PATH.",
                    hint="Install bd (Beads), or export once with: bd export -o .beads/issues.jsonl",
                )
            raise NoBeads(f"{place.beads_dir} holds neither a database nor an issues.jsonl.")
        known = self._clients.get(place.repo)
        if known is None or known.writable != by_bd:
            if by_bd and self.binary is not None:
                known = BdBeads(place, Bd(self.binary, place.repo, self._env))
            else:
                known = JsonlBeads(place, self._clock)
            self._clients[place.repo] = known
        return known

    async def gather(self, workdirs: Iterable[Path]) -> Gathered:
        """The open work of all these workdirs, each repo read once. A repo that fails becomes a note, not an error."""
        clients: dict[str, Beads] = {}
        repo_of: dict[Path, str] = {}
        notes: list[str] = []
        for workdir in dict.fromkeys(workdirs):
            try:
                client = await self.for_workdir(workdir)
            except NoBeads as error:
                notes.append(error.sentence)
                continue
            repo_of[workdir] = str(client.repo)
            clients[str(client.repo)] = client
        answers = await asyncio.gather(*(self._snapshot(client) for client in clients.values()))
        ready: list[Bead] = []
        held: list[Bead] = []
        unfinished: dict[str, frozenset[str]] = {}
        for client, answer in zip(clients.values(), answers, strict=True):
            if isinstance(answer, BeadsError):
                notes.append(answer.message)
                continue
            ready.extend(answer.ready)
            held.extend(answer.in_progress)
            notes.extend(answer.warnings)
            if not answer.warnings:
                unfinished[str(client.repo)] = frozenset(bead.id for bead in answer.open)
            if not client.writable:
                notes.append(f"Beads of {client.repo.name} are read-only here: claims are kept by maf alone.")
        read_only = frozenset(repo for repo, client in clients.items() if not client.writable)
        in_order = tuple(sorted(ready, key=order)), tuple(sorted(held, key=order))
        return Gathered(*in_order, repo_of, unfinished, read_only, tuple(dict.fromkeys(notes)))

    async def _snapshot(self, client: Beads) -> Snapshot | BeadsError:
        try:
            return await client.snapshot()
        except BeadsError as error:
            return error

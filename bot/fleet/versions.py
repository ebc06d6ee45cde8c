"""Says once that a CLI is of a version whose screens maf does not know."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.agents.registry import Registry
from bot.clis.kinds import cli_for
from bot.clis.versions import installed_version, is_unknown, known_versions
from bot.errors import DependencyMissing
from bot.notices import post
from bot.store import Store, setting

NOTICE = "cli-version"
TOLD_KEY = "cli.versions.told"


class CliVersions:
    """Looks at the programs of the CLIs that agents run. `path` gives the PATH that they are found on."""

    def __init__(self, store: Store, registry: Registry, path: Callable[[], str | None]) -> None:
        self._store = store
        self._registry = registry
        self._path = path
        self._seen: dict[tuple[Path, int], str] = {}
        self._installed: dict[str, str] = {}

    def unknown(self, kind: str) -> str:
        """The installed version of this CLI, where its screens are not known; else ""."""
        version = self._installed.get(kind, "")
        return version if is_unknown(kind, version) else ""

    async def tick(self) -> None:
        """Ask each program that agents run, when it was not seen before or was replaced, and post what is news."""
        kinds = {agent.kind for agent in await self._registry.all() if agent.desired == "running"}
        for kind in sorted(kind for kind in kinds if known_versions(kind)):
            self._installed[kind] = await asyncio.to_thread(self._version, kind)
            if version := self.unknown(kind):
                await self._tell(kind, version)

    def _version(self, kind: str) -> str:
        try:
            program = Path(cli_for(kind).program(self._path())[0]).resolve()
            key = (program, program.stat().st_mtime_ns)
        except (DependencyMissing, OSError):
            return ""
        if key not in self._seen:
            self._seen[key] = installed_version(program)
        return self._seen[key]

    async def _tell(self, kind: str, version: str) -> None:
        async with self._store.begin() as tx:
            told: list[str] = await setting.get(tx, TOLD_KEY, [])
            if (name := f"{kind} {version}") in told:
                return
            await setting.put(tx, TOLD_KEY, [*told, name])
            data = {"kind": kind, "version": version, "known": list(known_versions(kind))}
            await post(tx, NOTICE, data, silent=True)

"""Asking the sources: files of the profiles, the app-server, the statusline; what they say becomes rows and memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.clis.codex.app_server import AppServerError, read_limits
from bot.clis.login import CODEX_KEYS
from bot.clock import Clock
from bot.errors import DependencyMissing
from bot.profiles.book import Profile
from bot.quota import known as memory
from bot.quota.history import History
from bot.quota.known import Known
from bot.quota.ledger import Ledger, Use
from bot.quota.reading import APP_SERVER, Statement, forbidden, statement_of
from bot.quota.sources.files import ProfileFiles
from bot.quota.sources.transcripts import statusline_statements
from bot.quota.status import SourceState
from bot.store import Store, setting

# App-servers that run at the same time, each a program of its own; twenty at once would leave the agents no machine. A
# round that hangs ends after app_server.TIMEOUT_S, well within an interval.
AT_ONCE = 4
log = logging.getLogger(__name__)
FILE_SOURCE = {"codex": "rollout", "claude": "transcript"}


class Reader:
    """Reads the sources of every profile; `ledger` and `history` hold what they said."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        path: Callable[[], str | None],
        secret_names: Callable[[str], Collection[str]],
    ) -> None:
        """`secret_names`: the variables that only the agents of a profile get, by its name."""
        self.ledger = Ledger(store)
        self.history = History()
        self.known: dict[str, Known] = {}
        self.last: dict[str, str] = {}
        self._store = store
        self._clock = clock
        self._path = path
        self._secret_names = secret_names
        self._files = ProfileFiles()
        self._loaded = False
        self._loading = asyncio.Lock()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._noted: set[str] = set()

    def now(self) -> float:
        return self._clock.now().timestamp()

    def of(self, profile: str) -> Known:
        return self.known.setdefault(profile, Known())

    async def load(self) -> None:
        """Once, before the first reading: windows, readings and offsets as they were left."""
        async with self._loading:
            if self._loaded:
                return
            now = self.now()
            await self.ledger.rebuild(now)
            async with self._store.begin() as tx:
                await self.history.load(tx, now)
                self.known, self.last = await memory.load(tx)
            await self._files.load(self._store)
            self._loaded = True

    async def read(self, profile: Profile, *, force: bool, ttl: float, patience: float | None = None) -> None:
        """What is new of one profile; its app-server only when the last answer is `ttl` seconds old.

        A source that fails stands in the list of sources and raises nothing. With `patience` (seconds) an app-server
        that takes longer is not waited for: what it says counts at the next look, and the other profiles go on.
        """
        known = self.of(profile.name)
        await self._read_files(profile, known)
        since = self.now() - known.asked_at
        asking = self._asking.get(profile.name)
        if asking is None and profile.kind == "codex" and (force or since >= ttl or since < 0):
            known.asked_at = self.now()
            asking = self._asking[profile.name] = asyncio.create_task(self._ask(profile, known))
            asking.add_done_callback(lambda _task: self._asking.pop(profile.name, None))
        if asking is not None:
            done, _ = await asyncio.wait([asking], timeout=patience)
            for task in done:
                task.result()

    async def close(self) -> None:
        """End what is being asked."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def save(self, names: Collection[str]) -> None:
        async with self._store.begin() as tx:
            await memory.save(tx, self.known, names)

    async def choose(self, kind: str, profile: str) -> None:
        """Remember who serves now: the round-robin goes on after it, in the next process too."""
        self.last[kind] = profile
        async with self._store.begin() as tx:
            await setting.put(tx, memory.LAST_KEY, dict(self.last))

    async def _read_files(self, profile: Profile, known: Known) -> None:
        name = FILE_SOURCE[profile.kind]
        before = known.sources.get(name)
        if not profile.home.is_dir():
            known.sources[name] = SourceState(name, False, f"{profile.home} is missing", before.at if before else None)
            return
        try:
            found = await self._files.look(profile)
        except OSError as error:
            known.sources[name] = SourceState(name, False, str(error), before.at if before else None)
            return
        try:
            await self.count(found.uses)
            await self.remember(profile.name, found.statements)
            await self._files.remember(self._store, profile.name, found.moved)
        except BaseException:  # also a store that is locked, and who asked having left
            self._files.forget(found.moved)  # read again next time; nothing counts twice
            raise
        at = found.statements[-1].at if found.statements else before.at if before else None
        note = _note(found.statements) if found.statements else before.error if before and before.ok else ""
        known.sources[name] = SourceState(name, True, note, at)

    async def _ask(self, profile: Profile, known: Known) -> None:
        before = known.sources.get("app-server")
        at = before.at if before else None
        if not profile.home.is_dir():
            return
        try:
            async with self._at_once:
                answer = await read_limits(profile.home, profile.environment, path=self._path())
        except (AppServerError, DependencyMissing) as error:
            known.sources["app-server"] = SourceState("app-server", False, str(error), at)
            return
        now = self.now()
        known.login = answer.login
        if answer.login == "needed" and CODEX_KEYS & set(await asyncio.to_thread(self._secret_names, profile.name)):
            known.login = "unknown"  # the key is its agents' alone, so this app-server was started without
        if known.login != "ok":
            why = "log in again" if known.login == "needed" else "an API key has no limits to ask for"
            known.sources["app-server"] = SourceState("app-server", False, why, at)
            return
        told = (
            statement_of({**limits, "limitId": family}, APP_SERVER, at=now, source="app-server")
            for family, limits in answer.families.items()
        )
        statements = [one for one in told if one is not None]
        if answer.allowed is False:
            statements = forbidden(statements, at=now)
        await self.remember(profile.name, statements)
        known.sources["app-server"] = SourceState("app-server", True, _note(statements), now)

    async def count(self, uses: Sequence[Use]) -> int:
        """Count responses; how many were new. Where some were known already another process may have counted more
        than we know of, so the sums are read anew."""
        new = await self.ledger.record(uses, self.now())
        if new < len(uses):
            await self.ledger.rebuild(self.now())
        return new

    async def remember(self, profile: str, statements: Sequence[Statement]) -> None:
        """Keep what was said, and log each field that had to be left out once."""
        if not statements:
            return
        for note in sorted({note for one in statements for note in one.notes} - self._noted):
            self._noted.add(note)
            log.warning("quota of %s: %s", profile, note)
        async with self._store.begin() as tx:
            await self.history.add(tx, profile, statements, self.now())

    async def statusline(self, profile: str, status: Mapping[str, Any]) -> bool:
        """What Claude told its statusline command; False when it held no limits (an API key has none)."""
        now = self.now()
        statements = statusline_statements(status, at=now)
        await self.remember(profile, statements)
        if statements:
            known = self.of(profile)
            known.sources["statusline"] = SourceState("statusline", True, _note(statements), now)
            known.login = "ok"
        return bool(statements)

    async def skip(self, profile: str, path: Path, copied: Path) -> None:
        """`copied` is going to be renamed to `path`: its lines were counted, and its limits read, where they were
        written."""
        self._files.skip(path, copied)
        await self._files.remember(self._store, profile, [path])

    async def trim(self) -> None:
        now = self.now()
        await self.ledger.trim(now)
        async with self._store.begin() as tx:
            await self.history.trim(tx, now)


def _note(statements: Sequence[Statement]) -> str:
    """What the newest statements had to leave out, for the list of sources."""
    newest = {one.limit_id: one for one in statements}.values()
    return "; ".join(sorted({note for one in newest for note in one.notes}))

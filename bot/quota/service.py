"""Quota as the rest of the program asks for it: refresh the sources, tell the status, choose a profile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bot.clis.codex.app_server import AppServerError, read_limits
from bot.clock import Clock
from bot.errors import DependencyMissing
from bot.home import Home
from bot.profiles.book import Profile, ProfileBook
from bot.profiles.config import CodexQuota, ConfigError, MonitoringConfig, load_monitoring_config
from bot.quota import alarm
from bot.quota.history import History
from bot.quota.ledger import Ledger, Use
from bot.quota.reading import Reading, readings_of
from bot.quota.selection import Choice, select
from bot.quota.sources.files import ProfileFiles
from bot.quota.sources.transcripts import statusline_readings
from bot.quota.status import ProfileStatus, SourceState, as_dict, status_of
from bot.settings import Settings
from bot.store import Store

log = logging.getLogger(__name__)

APP_SERVER_KEYS = ("usedPercent", "windowDurationMins", "resetsAt", "limitId")
FILE_SOURCE = {"codex": "rollout", "claude": "transcript"}


@dataclass(slots=True)
class _Known:
    """What is kept of a profile between refreshes."""

    login: str = "unknown"
    sources: dict[str, SourceState] = field(default_factory=dict)
    asked_at: float = float("-inf")


class Quota:
    """One per process. `refresh` does the I/O; everything else answers from memory."""

    def __init__(
        self,
        store: Store,
        home: Home,
        book: ProfileBook,
        settings: Settings,
        clock: Clock,
        *,
        path: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.book = book
        self._store = store
        self._home = home
        self._settings = settings
        self._clock = clock
        self._path = path
        self._ledger = Ledger(store)
        self._history = History()
        self._files = ProfileFiles()
        self._known: dict[str, _Known] = {}
        self._monitoring = MonitoringConfig()
        self._last: dict[str, str] = {}
        self._statuses: list[ProfileStatus] = []
        self._loaded = False
        self._refreshing = asyncio.Lock()

    @property
    def config(self) -> CodexQuota:
        return self._monitoring.quota

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def load(self) -> None:
        """Once, before the first refresh: windows, readings and offsets as they were left."""
        if self._loaded:
            return
        now = self._now()
        await self._ledger.rebuild(now)
        async with self._store.begin() as tx:
            await self._history.load(tx, now)
        await self._files.load(self._store)
        self._loaded = True

    async def refresh(self, *, force: bool = False, alerts: bool = False) -> list[ProfileStatus]:
        """Ask every source that is due, fuse, and (in the bot) post the alerts that are due."""
        async with self._refreshing:
            await self.load()
            self._reload_monitoring()
            profiles = self.book.all()
            await asyncio.gather(*(self._read(p, force=force) for p in profiles if p.tracked))
            self._statuses = [await self._status(profile) for profile in profiles]
            if alerts and self.config.enabled:
                async with self._store.begin() as tx:
                    await alarm.review(tx, self._statuses, self.config.quota_thresholds)
        return self._statuses

    def _reload_monitoring(self) -> None:
        try:
            self._monitoring = load_monitoring_config(self._home.monitoring_config)
        except ConfigError as error:
            log.warning("the last good configuration stays in force: %s", error.message)

    async def _read(self, profile: Profile, *, force: bool) -> None:
        known = self._known.setdefault(profile.name, _Known())
        await self._read_files(profile, known)
        ttl = self.config.cache_ttl_seconds
        if self._settings.quota_cache_ttl is not None:
            ttl = self._settings.quota_cache_ttl.total_seconds()
        if profile.kind == "codex" and (force or self._now() - known.asked_at >= ttl):
            known.asked_at = self._now()
            await self._ask(profile, known)

    async def _read_files(self, profile: Profile, known: _Known) -> None:
        name = FILE_SOURCE[profile.kind]
        try:
            found = await self._files.look(profile)
        except OSError as error:
            known.sources[name] = SourceState(name, False, str(error))
            return
        try:
            await self._ledger.record(found.uses, self._now())
            await self._remember(profile.name, list(found.readings.values()))
            await self._files.remember(self._store, profile.name, found.moved)
        except SQLAlchemyError:
            self._files.forget(found.moved)  # read again next time; nothing counts twice
            raise
        at = max((r.at for r in found.readings.values()), default=None)
        before = known.sources.get(name)
        known.sources[name] = SourceState(name, True, at=at if at is not None else before.at if before else None)

    async def _ask(self, profile: Profile, known: _Known) -> None:
        try:
            answer = await read_limits(profile.home, profile.environment, path=self._path())
        except (AppServerError, DependencyMissing) as error:
            before = known.sources.get("app-server")
            known.sources["app-server"] = SourceState("app-server", False, str(error), before.at if before else None)
            return
        now = self._now()
        known.login = answer.login
        if answer.login != "ok":
            why = "log in again" if answer.login == "needed" else "an API key has no limits to ask for"
            known.sources["app-server"] = SourceState("app-server", False, why)
            return
        readings = [
            reading
            for family, limits in answer.families.items()
            for reading in readings_of({"limitId": family, **limits}, at=now, source="app-server", keys=APP_SERVER_KEYS)
        ]
        await self._remember(profile.name, readings)
        known.sources["app-server"] = SourceState("app-server", True, at=now)

    async def _remember(self, profile: str, readings: Sequence[Reading]) -> None:
        if not readings:
            return
        async with self._store.begin() as tx:
            await self._history.add(tx, profile, readings)

    async def _status(self, profile: Profile) -> ProfileStatus:
        now = self._now()
        known = self._known.setdefault(profile.name, _Known())
        return status_of(
            profile,
            readings=self._history.newest(profile.name) if profile.tracked else {},
            usage=await self._ledger.current(profile.name, now) if profile.tracked else {},
            sources=list(known.sources.values()),
            login=known.login,
            thresholds=self.config.quota_thresholds,
            forecasts=self._history.forecasts(profile.name, now),
            now=now,
        )

    def statuses(self) -> list[ProfileStatus]:
        """As of the last refresh."""
        return list(self._statuses)

    def choose(self, kind: str = "codex", *, take: bool = False) -> Choice:
        """The profile that serves next; `take` makes it the last one for the round-robin."""
        config = self.book.config().codex_profiles
        forced = None if self._settings.inside_agent else self._settings.codex_profile
        choice = select(
            [status.candidate for status in self._statuses],
            kind=kind,
            last=self._last.get(kind),
            forced=forced,
            enabled=config.enable,
            default=config.default_profile,
            enforce=self._settings.quota_enforcement and config.selection.enforce_rate_limit,
            fallback_priority=config.selection.fallback_priority,
            algorithm=config.selection.algorithm,
        )
        if take and choice.profile is not None:
            self._last[kind] = choice.profile
        return choice

    def as_json(self) -> list[dict[str, Any]]:
        """`maf quota status --json` (contract.md)."""
        following = {kind: self.choose(kind).profile for kind in ("codex", "claude")}
        return [as_dict(status, following[status.profile.kind]) for status in self._statuses]

    async def record(self, uses: Sequence[Use]) -> int:
        """Count by hand (`maf quota record`); how many were new."""
        await self.load()
        return await self._ledger.record(uses, self._now())

    async def record_statusline(self, profile: str, status: Mapping[str, Any]) -> None:
        """What Claude told its statusline command, passed on by `maf hook`."""
        await self.load()
        now = self._now()
        readings = statusline_readings(status, at=now)
        await self._remember(profile, readings)
        if readings:
            self._known.setdefault(profile, _Known()).sources["statusline"] = SourceState("statusline", True, at=now)

    async def trim(self) -> None:
        """Once a day."""
        now = self._now()
        await self._ledger.trim(now)
        async with self._store.begin() as tx:
            await self._history.trim(tx, now)

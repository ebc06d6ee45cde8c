"""Quota as the rest of the program asks for it: refresh the sources, tell the status, choose a profile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from bot.clis.homes import HOMES
from bot.clock import Clock
from bot.home import Home
from bot.profiles.book import ProfileBook
from bot.profiles.config import CodexQuota, MonitoringConfig
from bot.profiles.held import Held
from bot.quota import alarm, mirror
from bot.quota.ledger import Use
from bot.quota.lines import RotationWord
from bot.quota.reader import Reader
from bot.quota.reading import Reading, Statement
from bot.quota.selection import Candidate, Choice, select
from bot.quota.status import ProfileStatus, as_dict, status_of
from bot.settings import Settings
from bot.store import Store
from bot.telegram.quiet import quiet_until

log = logging.getLogger(__name__)

PATIENCE_S = 3.0  # the running bot waits so long for an app-server, which answers in a third of a second
LINE_INTERVALS = 3  # the status line is old when so many intervals brought no new one


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
        secret_names: Callable[[str], Collection[str]] = lambda profile: (),
    ) -> None:
        self.book = book
        self.reader = Reader(store, clock, path=path, secret_names=secret_names)
        self._store = store
        self._home = home
        self._settings = settings
        self._clock = clock
        self._monitoring = Held(MonitoringConfig, home.monitoring_config, home.last_good / home.monitoring_config.name)
        self._statuses: list[ProfileStatus] = []
        self._refreshed_at = self._ticked_at = float("-inf")
        self._patience: float | None = None  # a command waits for each answer; the running bot looks again soon
        self._refreshing = asyncio.Lock()
        if settings.debug_quota:
            logging.getLogger("bot.quota").setLevel(logging.DEBUG)

    @property
    def config(self) -> CodexQuota:
        return self._monitoring.value().quota

    @property
    def enforce(self) -> bool:
        return self._settings.quota_enforcement and self.book.config().codex_profiles.selection.enforce_rate_limit

    @property
    def notes(self) -> list[str]:
        """What is wrong with the configuration, in words for a person."""
        warnings = self.book.config().warnings()
        files = (self.book.file, self._monitoring)
        broken = (f"{one.problem.message.rstrip('.')}. {one.stays}" for one in files if one.problem)
        return [*broken, *warnings]

    def now(self) -> float:
        return self._clock.now().timestamp()

    async def refresh(self, *, force: bool = False, alerts: bool = False) -> list[ProfileStatus]:
        """Ask every source that is due (with `force` each one), fuse, and post the alerts that are due."""
        async with self._refreshing:
            await self.reader.load()
            profiles, ttl = self.book.all(), self._ttl()
            tracked = [p for p in profiles if p.tracked]
            reads = [self.reader.read(p, force=force, ttl=ttl, patience=self._patience) for p in tracked]
            for done in await asyncio.gather(*reads, return_exceptions=True):  # none goes on beside the next refresh
                if isinstance(done, BaseException):
                    raise done
            await self.reader.save([p.name for p in profiles])
            await self._fuse()
            self._refreshed_at = self._clock.monotonic()
            if alerts and self.config.enabled:
                await self._review()
        return self.statuses()

    async def fresh(self) -> list[ProfileStatus]:
        """As of at most one interval ago."""
        age = self._clock.monotonic() - self._refreshed_at
        if age >= self.config.status_update_interval_seconds or self.book.file.changed:
            return await self.refresh()
        await self._fuse()
        return self.statuses()

    async def tick(self) -> bool:
        """What the running bot does each second: once per interval refresh, alert, and write the mirrors."""
        self._patience = PATIENCE_S
        now = self._clock.monotonic()
        if not self.config.enabled or now - self._ticked_at < self.config.status_update_interval_seconds:
            return False
        self._ticked_at = now  # not when others refreshed: alerts are posted here alone
        await self.refresh(alerts=True)
        await self.write_mirrors()
        return True

    async def write_mirrors(self) -> None:
        """Rewrite the files of other programs, where something changed."""
        state = await self.state()
        await asyncio.to_thread(mirror.write_state, self._home.quota_state, state)
        until = self.now() + LINE_INTERVALS * self.config.status_update_interval_seconds
        await asyncio.to_thread(mirror.write_line, self._home.quota_line, self._statuses, until)

    async def leave(self) -> None:
        """The bot ends: nobody keeps the status line fresh from now on."""
        await asyncio.to_thread(mirror.write_line, self._home.quota_line, (), self.now())

    async def state(self) -> list[dict[str, Any]]:
        """The state in the shape of the first product (`maf quota export`)."""
        names = [status.profile.name for status in self._statuses]
        return mirror.state_of(
            self._statuses, {name: await self.reader.ledger.newest(name, mirror.MAX_EVENTS) for name in names}
        )

    def _ttl(self) -> float:
        ttl = self._settings.quota_cache_ttl
        return ttl.total_seconds() if ttl is not None else self.config.cache_ttl_seconds

    async def _review(self) -> None:
        quiet = quiet_until(self._clock.now(), self._settings.quiet_hours, self._settings.zone)
        thresholds, mail = self.config.quota_thresholds, self._settings.enable_agent_mail
        for one in await alarm.post_due(self._store, self._statuses, thresholds, quiet_until=quiet, mail=mail):
            log.info("quota %s: %s %s %s %%", one["kind"], one["profile"], one["window"], one["percent"])

    async def _fuse(self) -> None:
        self._statuses = [await self._status(profile.name) for profile in self.book.all()]

    async def _status(self, name: str) -> ProfileStatus:
        profile, now, known = self.book.get(name), self.now(), self.reader.of(name)
        return status_of(
            profile,
            readings=self.reader.history.newest(name) if profile.tracked else {},
            usage=await self.reader.ledger.current(name, now) if profile.tracked else {},
            sources=list(known.sources.values()) if profile.tracked else [],
            login=known.login,
            thresholds=self.config.quota_thresholds,
            forecasts=self.reader.history.forecasts(name, now),
            now=now,
        )

    def statuses(self) -> list[ProfileStatus]:
        """As of the last refresh."""
        return list(self._statuses)

    def status(self, profile: str | None) -> ProfileStatus | None:
        return next((s for s in self._statuses if s.profile.name == profile), None)

    def stale(self, status: ProfileStatus) -> str:
        """The window of a profile that was told of once, but so long ago that nothing is known of it now."""
        now = self.now()
        known = self.reader.history.newest(status.profile.name).values()
        return next((r.window for r in known if r.main and r.minutes and now - r.at > r.minutes * 60), "")

    def used_up_until(self, profile: str | None) -> float | None:
        """When the last of the windows that were used up when they were read last resets, or has reset (epoch s)."""
        known = self.reader.history.newest(profile).values() if profile is not None else ()
        ends = (r.resets_at for r in known if r.main and r.reached and r.resets_at is not None and r.resets_at > r.at)
        return max(ends, default=None)

    def forced(self) -> str | None:
        """CODEX_PROFILE, where it forces; inside an agent it only names the agent's profile."""
        return None if self._settings.inside_agent else self._settings.codex_profile

    def rotation(self, forced: str | None = None) -> RotationWord:
        """Whether agents are moved to other profiles; `forced`: the CODEX_PROFILE of who asks, where it forces."""
        if self.status(forced or self.forced()) is not None:
            return "Forced"
        return "Auto" if self.book.config().codex_profiles.enable else "Off"

    def choose(
        self, kind: str = "codex", *, forced: str | None = None, among: Iterable[Candidate] | None = None
    ) -> Choice:
        """The profile that would serve next; nothing changes by asking."""
        config = self.book.config().codex_profiles
        candidates = [status.candidate for status in self._statuses] if among is None else list(among)
        choice = select(
            candidates,
            kind=kind,
            last=self.reader.last.get(kind),
            forced=forced or self.forced(),
            enabled=config.enable,
            default=config.default_profile,
            enforce=self.enforce,
            fallback_priority=config.selection.fallback_priority,
            algorithm=config.selection.algorithm,
        )
        log.debug("selection for %s: %s (%s); rejected %s", kind, choice.profile, choice.reason, choice.rejected)
        return choice

    async def take(self, profile: str, kind: str) -> None:
        """It serves now: the round-robin goes on after it."""
        await self.reader.choose(kind, profile)

    def current(self, profile: str | None = None) -> str | None:
        """Whose line the tmux format shows: `profile`, else CODEX_PROFILE, else the one that was chosen last, else
        the one that selection would take now."""
        names = {s.profile.name for s in self._statuses}
        wanted = (profile, self._settings.codex_profile, *(self.reader.last.get(kind) for kind in HOMES))
        return next((name for name in wanted if name in names), None) or next(
            (name for kind in HOMES if (name := self.choose(kind).profile)), next(iter(sorted(names)), None)
        )

    def as_json(self) -> list[dict[str, Any]]:
        """`maf quota status --json` (contract.md)."""
        following = {kind: self.choose(kind).profile for kind in HOMES}
        return [as_dict(status, following[status.profile.kind]) for status in self._statuses]

    async def record(self, uses: Sequence[Use]) -> int:
        """Count by hand (`maf quota record`); how many were new."""
        await self.reader.load()
        return await self.reader.count(uses)

    async def record_readings(self, profile: str, readings: Sequence[Reading]) -> None:
        """What a person read off the provider's own page."""
        await self.reader.load()
        await self.reader.remember(profile, [Statement(one.limit_id, one.at, one.source, (one,)) for one in readings])

    async def record_statusline(self, home: str, agent_profile: str | None, status: Mapping[str, Any]) -> str | None:
        """What Claude told its statusline command, passed on by `maf hook statusline`; whose it was.

        `home` is the CLAUDE_CONFIG_DIR it ran in; the profile with that home, else that of the agent.
        """
        await self.reader.load()
        claude = [p.name for p in self.book.all() if p.kind == "claude" and p.tracked]
        owner = next((n for n in (self.book.of_home(home), agent_profile) if n in claude), None)
        if owner is None or not await self.reader.statusline(owner, status):
            return None
        await self._fuse()
        return owner

    async def picture(self, statuses: Sequence[ProfileStatus], *, dark: bool = False) -> bytes:
        """The chart of these profiles as a PNG."""
        from bot.quota import chart

        longest = max((p.end - p.begin for p in chart.panels_of(statuses)), default=0.0)
        async with self._store.begin() as tx:
            points = await self.reader.history.points(
                tx, [s.profile.name for s in statuses], self.now() - 1.5 * longest
            )
        thresholds, zone = self.config.quota_thresholds, self._settings.zone
        return await asyncio.to_thread(chart.draw, statuses, points, thresholds, zone=zone, dark=dark)

    async def close(self) -> None:
        await self.reader.close()

    async def trim(self) -> None:
        """Once a day."""
        await self.reader.load()
        await self.reader.trim()

"""Quota over a home and a store, without a bot."""

from __future__ import annotations

from bot.clock import SystemClock
from bot.home import Home
from bot.profiles.book import ProfileBook
from bot.quota.service import Quota
from bot.quota.status import ProfileStatus
from bot.settings import Settings, load_settings
from bot.store import Store

HOUR = 3600.0


def quota_of(
    home: Home,
    store: Store,
    *,
    path: str = "/nowhere",
    settings: Settings | None = None,
    clock: SystemClock | None = None,
) -> Quota:
    settings = settings or load_settings(home, quota_cache_ttl=0)
    return Quota(store, home, ProfileBook(home), settings, clock or SystemClock(), path=lambda: path)


async def status(quota: Quota, name: str = "a", **more: bool) -> ProfileStatus:
    return next(s for s in await quota.refresh(**more) if s.profile.name == name)


def percents(status: ProfileStatus) -> dict[str, float]:
    return {name: window.percent for name, window in status.windows.items()}

"""The state of one profile's quota, fused from what providers said and what we counted. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot.clock import iso_seconds
from bot.profiles.book import Profile
from bot.profiles.config import Thresholds
from bot.quota.levels import EMOJI, Level, level_of
from bot.quota.reading import Reading, limit_title
from bot.quota.selection import Candidate
from bot.quota.windows import MAIN_FAMILIES, SPANS, Usage

LOCAL = ("daily", "weekly", "monthly")
UNKNOWN = "❔"
STOP_KEEP_S = 86_400.0


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source of one profile: whether its last try worked, why not, and when it last gave data (epoch s)."""

    name: str
    ok: bool
    error: str = ""
    at: float | None = None

    def as_dict(self, now: float) -> dict[str, Any]:
        age = None if self.at is None else max(0, round(now - self.at))
        return {"name": self.name, "ok": self.ok, "error": self.error or None, "age_s": age}


@dataclass(frozen=True, slots=True)
class WindowStatus:
    """One window. `used` and `limit` are requests where we count ourselves, none where only the provider knows."""

    name: str
    percent: float
    level: Level
    resets_at: float | None
    source: str
    at: float
    limit_id: str = "codex"
    minutes: float = 0.0
    used: int | None = None
    limit: int | None = None
    reached: bool = False
    empties_at: float | None = None

    @property
    def local(self) -> bool:
        return self.source == "local"

    @property
    def main(self) -> bool:
        """False for the limits of another family (another model), which do not stop the profile."""
        return self.local or self.limit_id in MAIN_FAMILIES

    def as_dict(self, now: float) -> dict[str, Any]:
        """One of `windows` in the `quota` shape of contract.md section 1; `now`: unix seconds."""
        return {
            "used": self.used,
            "limit": self.limit,
            "percent": round(self.percent, 1),
            "resets_at": iso(self.resets_at),
            "source": self.source,
            "age_s": max(0, round(now - self.at)),
        }


@dataclass(frozen=True, slots=True)
class ProfileStatus:
    """Everything that is known of one profile at one moment (epoch s)."""

    profile: Profile
    at: float
    login: str
    windows: Mapping[str, WindowStatus]
    usage: Mapping[str, Usage]
    sources: Sequence[SourceState]

    @property
    def worst(self) -> WindowStatus | None:
        """The fullest window; of equals the one that resets last."""
        return max(
            self.windows.values(), key=lambda w: (w.reached, w.level, w.percent, w.resets_at or 0.0), default=None
        )

    @property
    def level(self) -> Level:
        return max((w.level for w in self.windows.values()), default=Level.HEALTHY)

    @property
    def mark(self) -> str:
        """The emoji of its level. Of one that nothing is known of, and of one that has to log in and that we do not
        count ourselves, another: it must not look healthy."""
        return EMOJI[self.level] if self.known else UNKNOWN

    @property
    def known(self) -> bool:
        """Is anything known of what is used?"""
        return any(w.local or self.login != "needed" for w in self.windows.values())

    @property
    def reached(self) -> str:
        """Why it cannot serve, in words; empty when it can. Other families' limits do not stop the main one."""
        for window in self.windows.values():
            if window.reached and window.main:
                return f"{limit_title(window.name)} is used up"
        return ""

    @property
    def empties_at(self) -> float | None:
        return min((w.empties_at for w in self.windows.values() if w.empties_at is not None), default=None)

    @property
    def candidate(self) -> Candidate:
        """What selection looks at, and nothing more."""
        return Candidate(
            name=self.profile.name,
            kind=self.profile.kind,
            priority=self.profile.priority,
            active=self.profile.active,
            tracked=self.profile.tracked,
            reached=self.reached,
            emergency=any(w.main and w.level >= Level.EMERGENCY for w in self.windows.values()),
            login_needed=self.login == "needed",
        )


def iso(at: float | None) -> str | None:
    """Epoch seconds -> ISO-8601 in UTC, to the second."""
    return None if at is None else iso_seconds(datetime.fromtimestamp(round(at), UTC))


def provider_window(reading: Reading, thresholds: Thresholds, alert_percent: float, now: float) -> WindowStatus | None:
    """A provider's window as it stands now.

    After its reset time it counts as empty until the provider says otherwise; a reset that had passed before the
    provider spoke is no reset of what it said. A statement older than the window is long says nothing any more, one of
    a limit that is no window after a day.
    """
    if now - reading.at > (reading.minutes * 60 or STOP_KEEP_S):
        return None
    if reading.resets_at is not None and reading.resets_at <= reading.at:
        reading = replace(reading, resets_at=None)
    elif reading.resets_at is not None and now >= reading.resets_at:
        if not reading.minutes:
            return None
        reading = replace(reading, percent=0.0, reached=False, resets_at=None)
    return WindowStatus(
        name=reading.window,
        percent=reading.percent,
        level=level_of(reading.percent, thresholds, alert_percent=alert_percent),
        resets_at=reading.resets_at,
        source=reading.source,
        at=reading.at,
        limit_id=reading.limit_id,
        minutes=reading.minutes,
        reached=reading.reached or reading.percent >= 100,
    )


def local_windows(
    profile: Profile, usage: Mapping[str, Usage], thresholds: Thresholds, now: float
) -> list[WindowStatus]:
    """Windows of the profile's own limits, counted in requests over rolling spans; none without a limit."""
    found = []
    for name in LOCAL:
        limit = getattr(profile.limits, name)
        if not limit:
            continue
        used = usage.get(name, Usage()).requests
        percent = min(100.0, 100.0 * used / limit)
        found.append(
            WindowStatus(
                name=name,
                percent=percent,
                level=level_of(percent, thresholds, alert_percent=profile.alert_percent),
                resets_at=None,
                source="local",
                at=now,
                minutes=SPANS[name] / 60,
                used=used,
                limit=limit,
                reached=used >= limit,
            )
        )
    return found


def status_of(
    profile: Profile,
    *,
    readings: Mapping[str, Reading],
    usage: Mapping[str, Usage],
    sources: Sequence[SourceState],
    login: str,
    thresholds: Thresholds,
    forecasts: Mapping[str, float | None],
    now: float,
) -> ProfileStatus:
    """Fuse. Fresh provider data and our own counters stand side by side: they measure different limits."""
    windows: dict[str, WindowStatus] = {}
    for reading in readings.values():
        window = provider_window(reading, thresholds, profile.alert_percent, now)
        if window is not None:
            windows[window.name] = replace(window, empties_at=forecasts.get(window.name))
    for window in local_windows(profile, usage, thresholds, now):
        windows.setdefault(window.name, window)
    ordered = dict(sorted(windows.items(), key=lambda pair: (pair[1].limit_id, pair[1].local, pair[1].minutes)))
    return ProfileStatus(profile, now, login, ordered, dict(usage), tuple(sources))


def as_dict(status: ProfileStatus, next_profile: str | None) -> dict[str, Any]:
    """One entry of `maf quota status --json` (contract.md section 1), with the state structure of the first product."""
    now, profile = status.at, status.profile
    limits = profile.limits.model_dump()
    old: dict[str, Any] = {
        name: {"used": status.usage.get(name, Usage()).requests, "percentage": _percentage(status, name)}
        for name in LOCAL
    }
    old |= {
        "health": status.level.word,
        "healthEmoji": EMOJI[status.level],
        "windowStart": iso(now - SPANS["5h"]),
    }
    rolling = {
        "start": round((now - SPANS["5h"]) * 1000),
        "end": round(now * 1000),
        "requests": status.usage.get("5h", Usage()).requests,
        "tokens": status.usage.get("5h", Usage()).tokens,
        "durationHours": 5,
    }
    return {
        "profile": profile.name,
        "kind": profile.kind,
        "active": profile.active,
        "priority": profile.priority,
        "login": status.login,
        "limits": limits,
        "sources": [source.as_dict(now) for source in status.sources],
        "windows": {name: window.as_dict(now) for name, window in status.windows.items()},
        "level": status.level.word,
        "emoji": EMOJI[status.level],
        "forecast": {"empties_at": iso(status.empties_at)},
        "next": next_profile,
        "profileName": profile.name,
        "status": old,
        "rollingWindows": [rolling],
    }


def _percentage(status: ProfileStatus, name: str) -> float | None:
    window = status.windows.get(name)
    return round(window.percent, 1) if window else None

"""What a provider says of an account's limits, whichever way it came, with every field checked where it is read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from bot.clock import reset_epoch
from bot.quota.windows import MAIN_FAMILIES, family_name, window_name

Point = tuple[float, float]  # what was read once: (epoch s, percent)

LONGEST_MINUTES = 366 * 1440.0
_EXCERPT = 40  # characters of a value that a note quotes


class Stop(StrEnum):
    """Why a provider stops an account beside its windows. The value is the name that stands in a window's place."""

    CREDITS = "credits"
    SPEND = "spend"
    USAGE = "usage"
    INCLUDED = "included"
    LIMIT = "limit"


_TITLES = {
    Stop.CREDITS: "credit balance",
    Stop.SPEND: "spend limit",
    Stop.USAGE: "workspace limit",
    Stop.INCLUDED: "included allowance",
    Stop.LIMIT: "account limit",
}


def limit_title(window: str) -> str:
    """What a window, or a limit that is none, is called in a sentence.

    >>> limit_title("5h"), limit_title("credits"), limit_title("codex_other/24h")
    ('5h window', 'credit balance', 'codex_other/24h window')
    """
    family, _, name = window.rpartition("/")
    if name not in set(Stop):
        return f"{window} window"
    return f"{family} {_TITLES[Stop(name)]}".strip()


@dataclass(frozen=True, slots=True)
class Reading:
    """One window of one profile: percent used (0 to 100), its length, its reset (epoch s), and who says so, when.

    A limit that is no window (credits, spend) has the name of its `Stop` and a length of 0.
    """

    window: str
    limit_id: str
    minutes: float
    percent: float
    resets_at: float | None
    at: float
    source: str
    reached: bool = False

    @property
    def main(self) -> bool:
        """False for the limits of another family (another model), which do not stop the profile."""
        return self.limit_id in MAIN_FAMILIES


@dataclass(frozen=True, slots=True)
class Statement:
    """What a source said of one limit family at one moment (epoch s); `notes` name the fields that were left out."""

    limit_id: str
    at: float
    source: str
    readings: tuple[Reading, ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Checks:
    """Reads the fields of one statement made at `at` (epoch s), and notes each that cannot be."""

    at: float
    notes: list[str] = field(default_factory=list)

    def percent(self, value: object, name: str) -> float | None:
        """A share in percent, as 0 to 100: providers say 101 of a full window, and -1 of an empty one."""
        found = number(value)
        if found is None:
            self._drop(value, name)
            return None
        return min(max(found, 0.0), 100.0)

    def minutes(self, value: object, name: str) -> float | None:
        """The length of a window."""
        found = number(value)
        if found is not None and 1 <= found <= LONGEST_MINUTES:
            return found
        self._drop(value, name)
        return None

    def moment(self, value: object, name: str) -> float | None:
        """A reset time as epoch seconds; given in seconds, in milliseconds or as ISO 8601."""
        found = reset_epoch(value, near=self.at)
        if found is None:
            self._drop(value, name)
        return found

    def seconds(self, value: object, name: str) -> float | None:
        """A reset time as epoch seconds; given as seconds from the statement on (Codex before 0.50)."""
        left = number(value)
        found = reset_epoch(self.at + left, near=self.at) if left is not None and left >= 0 else None
        if found is None:
            self._drop(value, name)
        return found

    def _drop(self, value: object, name: str) -> None:
        if value is not None:
            self.notes.append(f"{name} cannot be {ascii(value)[:_EXCERPT]}, left out")


def number(value: object) -> float | None:
    """A finite number, or none for anything else (booleans too)."""
    if not (type(value) is float or type(value) is int):  # as JSON has them; a first read asks ten thousands of times
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


class LimitKeys(NamedTuple):
    """How a provider names what it says of a limit family, and of each window in it."""

    family: str
    reached: str
    percent: str
    minutes: str
    resets_at: str
    resets_in: str
    individual: str
    remaining: str
    spend: str


# Codex 0.169.0: in its rollouts, and in the answers of its app-server; `resets_in_seconds` stands in older rollouts.
ROLLOUT = LimitKeys(
    "limit_id", "rate_limit_reached_type", "used_percent", "window_minutes", "resets_at", "resets_in_seconds",
    "individual_limit", "remaining_percent", "spend_control_reached",
)  # fmt: skip
APP_SERVER = LimitKeys(
    "limitId", "rateLimitReachedType", "usedPercent", "windowDurationMins", "resetsAt", "resetsInSeconds",
    "individualLimit", "remainingPercent", "spendControlReached",
)  # fmt: skip
# The types of Codex 0.169.0 that are about no window; `rate_limit_reached` is about the fullest one.
_REACHED = {
    "workspace_owner_credits_depleted": Stop.CREDITS,
    "workspace_member_credits_depleted": Stop.CREDITS,
    "workspace_owner_usage_limit_reached": Stop.USAGE,
    "workspace_member_usage_limit_reached": Stop.USAGE,
}
_NAMES_ONLY = frozenset({"limit_id", "limitId", "limit_name", "limitName", "normalModelSlug"})


def statement_of(limits: Mapping[str, Any], keys: LimitKeys, *, at: float, source: str) -> Statement | None:
    """What Codex says of one limit family; none where it names the family and nothing else.

    A window without a percentage or a length that can be is left out. Credits that an account has beside a full window
    change nothing: 100 % is used up, for what is spent beyond it costs money that nobody agreed to.
    """
    if all(value is None for name, value in limits.items() if name not in _NAMES_ONLY):
        return None
    family = limits.get(keys.family)
    limit_id = family_name(family) if isinstance(family, str) else "codex"
    checks = Checks(at)
    windows = list(_windows(limits, keys, limit_id, checks, source))
    reached = limits.get(keys.reached)
    if isinstance(reached, str) and reached not in _REACHED and windows:
        fullest = max(one.percent for one in windows)
        windows = [replace(one, reached=one.reached or one.percent == fullest) for one in windows]
    stops = _stops(limits, keys, limit_id, checks, source, windowless=not windows)
    return Statement(limit_id, at, source, (*windows, *stops), tuple(checks.notes))


def _windows(
    limits: Mapping[str, Any], keys: LimitKeys, limit_id: str, checks: Checks, source: str
) -> Iterator[Reading]:
    for position in ("primary", "secondary"):
        part = limits.get(position)
        if not isinstance(part, dict):
            continue
        percent = checks.percent(part.get(keys.percent), f"{position}.{keys.percent}")
        minutes = checks.minutes(part.get(keys.minutes), f"{position}.{keys.minutes}")
        if percent is None or minutes is None:
            continue
        resets_at = checks.moment(part.get(keys.resets_at), f"{position}.{keys.resets_at}")
        if resets_at is None:
            resets_at = checks.seconds(part.get(keys.resets_in), f"{position}.{keys.resets_in}")
        name = window_name(minutes, limit_id)
        yield Reading(name, limit_id, minutes, percent, resets_at, checks.at, source, percent >= 100)


def _stops(
    limits: Mapping[str, Any], keys: LimitKeys, limit_id: str, checks: Checks, source: str, *, windowless: bool
) -> Iterator[Reading]:
    """Limits that are no windows: the spend limit of a member, and whatever has stopped the account."""
    reached, stops = limits.get(keys.reached), set[Stop]()
    if isinstance(reached, str) and (reached in _REACHED or windowless):
        stops.add(_REACHED.get(reached, Stop.LIMIT))
    if limits.get(keys.spend) is True:
        stops.add(Stop.SPEND)
    own = limits.get(keys.individual)
    part = own if isinstance(own, dict) else {}
    left = checks.percent(part.get(keys.remaining), f"{keys.individual}.{keys.remaining}")
    resets_at = checks.moment(part.get(keys.resets_at), f"{keys.individual}.{keys.resets_at}")
    base = Reading("", limit_id, 0.0, 100.0, None, checks.at, source)
    if left is not None and Stop.SPEND not in stops:
        yield stopped_by(Stop.SPEND, replace(base, percent=100.0 - left, resets_at=resets_at))
    for stop in sorted(stops):
        yield stopped_by(stop, replace(base, resets_at=resets_at if stop is Stop.SPEND else None))


def stopped_by(stop: Stop, reading: Reading) -> Reading:
    """The reading of a limit that is no window."""
    name = str(stop) if reading.main else f"{reading.limit_id}/{stop}"
    return replace(reading, window=name, minutes=0.0, reached=reading.percent >= 100)


def forbidden(statements: Sequence[Statement], *, at: float) -> list[Statement]:
    """These statements of the app-server, where it also said that the account may not be used (`ordinaryUsageAllowed`
    false, codex-cli 0.169.0) and none of them says why."""
    if any(reading.reached and reading.main for one in statements for reading in one.readings):
        return list(statements)
    stop = stopped_by(Stop.LIMIT, Reading("", "codex", 0.0, 100.0, None, at, "app-server"))
    mine = next((one for one in statements if one.limit_id == "codex"), Statement("codex", at, "app-server", ()))
    return [*(one for one in statements if one is not mine), replace(mine, readings=(*mine.readings, stop))]


def as_stored(reading: Reading) -> Reading | None:
    """A reading that was stored earlier, checked like a new one; none where it cannot be."""
    if not (0 <= reading.minutes <= LONGEST_MINUTES and 0 <= reading.percent <= 100 and math.isfinite(reading.at)):
        return None
    checks = Checks(reading.at)
    return replace(reading, resets_at=checks.moment(reading.resets_at, "resets_at"))

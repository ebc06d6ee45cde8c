"""Claude Code transcripts and statusline (2.1.328, 2.1.332): what each response cost, and what is known of its limits.

`assistant` lines carry `message.usage`; one response is written as several lines with the same message id and counts
once, also where a fork of the conversation (`--fork-session`) repeats its lines under another session id. A usage
limit is a synthetic line with `quotaLimits`. Percentages come only through the statusline. Blocking; call it in a
thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.clis.tail import decode, mapping, moment, read_lines, string
from bot.quota.ledger import MOST_TOKENS, Use, source_key
from bot.quota.reading import Checks, Reading, Statement, Stop, number, stopped_by
from bot.quota.sources.rollouts import Scan
from bot.quota.windows import window_name

# Length of Claude's windows in minutes, by the name of the limit.
MINUTES = {"five_hour": 300.0, "seven_day": 10_080.0, "seven_day_opus": 10_080.0, "seven_day_sonnet": 10_080.0}
MAIN = frozenset({"five_hour", "seven_day"})
# Limits that are no windows; `spend_limit` stands in the statusline behind a gateway.
STOPS = {"overage": Stop.CREDITS, "seven_day_overage_included": Stop.INCLUDED, "spend_limit": Stop.SPEND}
NEEDLES = (b'"usage"', b'"quotaLimits"')


def scan(path: Path, profile: str, *, offset: int = 0) -> Scan:
    """Read complete lines from `offset` to the end."""
    uses: dict[str, Use] = {}
    statements: list[Statement] = []
    while True:
        lines, end = read_lines(path, offset)
        for line in lines:
            if any(needle in line for needle in NEEDLES) and (record := decode(line)) is not None:
                if (use := _use(record, profile)) is not None:
                    uses[use.key] = use
                if (statement := _rejected(record)) is not None:
                    statements.append(statement)
        if end == offset:
            return Scan(list(uses.values()), tuple(statements), offset, True)
        offset = end


def _use(record: Mapping[str, Any], profile: str) -> Use | None:
    message = mapping(record.get("message"))
    usage, at = mapping(message.get("usage")), moment(record.get("timestamp"))
    name = string(message.get("id"))
    if (
        record.get("type") != "assistant"
        or message.get("model") == "<synthetic>"
        or not usage
        or not name
        or at is None
    ):
        return None
    fresh, made = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    written, read = _count(usage, "cache_creation_input_tokens"), _count(usage, "cache_read_input_tokens")
    return Use(
        profile=profile,
        key=source_key(f"claude:{name}"),
        at=at.timestamp(),
        tokens=fresh + written + read + made,
        model=source_key(string(message.get("model"))),
        input_tokens=fresh + written,
        cached_tokens=read,
        output_tokens=made,
        source="transcript",
    )


def _count(usage: Mapping[str, Any], key: str) -> int:
    value = number(usage.get(key))
    return int(value) if value is not None and 0 <= value <= MOST_TOKENS else 0


def _rejected(record: Mapping[str, Any]) -> Statement | None:
    """What a line says of the limit that stopped a turn."""
    limits, at = mapping(record.get("quotaLimits")), moment(record.get("timestamp"))
    if limits.get("status") != "rejected" or at is None:
        return None
    checks = Checks(at.timestamp())
    resets_at = checks.moment(limits.get("resetsAt"), "quotaLimits.resetsAt")
    reading = _reading(string(limits.get("rateLimitType")), 100.0, resets_at, checks.at, "transcript")
    return Statement(reading.limit_id, checks.at, "transcript", (reading,), tuple(checks.notes))


def _reading(kind: str, percent: float, resets_at: float | None, at: float, source: str) -> Reading:
    """A limit by Claude's name for it; one whose name we do not know has stopped the account."""
    limit_id = kind if kind in MINUTES and kind not in MAIN else "claude"
    reading = Reading("", limit_id, MINUTES.get(kind, 0.0), percent, resets_at, at, source, percent >= 100)
    if kind not in MINUTES:
        return stopped_by(STOPS.get(kind, Stop.LIMIT), reading)
    return replace(reading, window=window_name(reading.minutes, limit_id))


def statusline_statements(status: Mapping[str, Any], *, at: float) -> list[Statement]:
    """The `rate_limits` of the JSON that Claude gives its statusline command, by family; empty with an API key, which
    has none."""
    checks = Checks(at)
    by_family: dict[str, list[Reading]] = {}
    for kind, part in mapping(status.get("rate_limits")).items():
        if kind not in MINUTES and kind not in STOPS:
            continue
        percent = checks.percent(mapping(part).get("used_percentage"), f"{kind}.used_percentage")
        resets_at = checks.moment(mapping(part).get("resets_at"), f"{kind}.resets_at")
        if percent is not None:
            reading = _reading(kind, percent, resets_at, at, "statusline")
            by_family.setdefault(reading.limit_id, []).append(reading)
    return [
        Statement(family, at, "statusline", tuple(found), tuple(checks.notes)) for family, found in by_family.items()
    ]

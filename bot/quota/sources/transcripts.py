"""Claude Code transcripts and statusline (2.1.328): what each response cost, and what is known of its limits.

`assistant` lines carry `message.usage`; one response is written as several lines with the same message id and counts
once. A usage limit is a synthetic line with `quotaLimits`. Percentages come only through the statusline. Blocking;
call it in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.clis.tail import decode, mapping, moment, read_lines, string
from bot.quota.ledger import Use
from bot.quota.reading import Reading, number
from bot.quota.sources.rollouts import Scan
from bot.quota.windows import window_name

# Length of Claude's windows in minutes, by the name of the limit.
MINUTES = {"five_hour": 300.0, "seven_day": 10_080.0, "seven_day_opus": 10_080.0, "seven_day_sonnet": 10_080.0}
MAIN = frozenset({"five_hour", "seven_day"})
NEEDLES = (b'"usage"', b'"quotaLimits"')


def scan(path: Path, profile: str, *, offset: int = 0) -> Scan:
    """Read complete lines from `offset` to the end."""
    uses: dict[str, Use] = {}
    readings: dict[str, Reading] = {}
    while True:
        lines, end = read_lines(path, offset)
        for line in lines:
            if any(needle in line for needle in NEEDLES) and (record := decode(line)) is not None:
                if (use := _use(record, profile)) is not None:
                    uses[use.key] = use
                if (reading := _reached(record)) is not None:
                    readings[reading.window] = reading
        if end == offset:
            return Scan(list(uses.values()), readings, offset, True)
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
        key=f"claude:{string(record.get('sessionId'))}:{name}",
        at=at.timestamp(),
        tokens=fresh + written + read + made,
        model=string(message.get("model")),
        input_tokens=fresh + written,
        cached_tokens=read,
        output_tokens=made,
        source="transcript",
    )


def _count(usage: Mapping[str, Any], key: str) -> int:
    value = number(usage.get(key))
    return int(value) if value is not None and value >= 0 else 0


def _reached(record: Mapping[str, Any]) -> Reading | None:
    limits, at = mapping(record.get("quotaLimits")), moment(record.get("timestamp"))
    kind = string(limits.get("rateLimitType"))
    if limits.get("status") != "rejected" or at is None or kind not in MINUTES:
        return None
    return _reading(kind, 100.0, number(limits.get("resetsAt")), at.timestamp(), "transcript")


def _reading(kind: str, percent: float, resets_at: float | None, at: float, source: str) -> Reading:
    limit_id = "claude" if kind in MAIN else kind
    return Reading(
        window=window_name(MINUTES[kind], limit_id),
        limit_id=limit_id,
        minutes=MINUTES[kind],
        percent=percent,
        resets_at=resets_at,
        at=at,
        source=source,
        reached=percent >= 100,
    )


def statusline_readings(status: Mapping[str, Any], *, at: float) -> list[Reading]:
    """The `rate_limits` of the JSON that Claude gives its statusline command; empty with an API key, which has none."""
    found = []
    for kind, part in mapping(status.get("rate_limits")).items():
        percent = number(mapping(part).get("used_percentage"))
        if kind in MINUTES and percent is not None:
            clamped = min(max(percent, 0.0), 100.0)
            found.append(_reading(kind, clamped, number(mapping(part).get("resets_at")), at, "statusline"))
    return found

"""What is left on each profile, for planning."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.broadcast.model import Headroom
from bot.quota.selection import excluded
from bot.quota.service import Quota


async def headroom(quota: Quota) -> dict[str, Headroom]:
    """By profile; one that cannot serve is not usable, and names the one that would be taken instead."""
    found = {}
    for status in await quota.fresh():
        profile = status.profile
        out = excluded(status.candidate, profile.kind, enforce=quota.enforce)
        main = [w for w in status.windows.values() if w.main]
        worst = max(main, key=lambda w: (w.reached, w.percent, w.resets_at or 0.0), default=None)
        resets = worst.resets_at if worst else None
        found[profile.name] = Headroom(
            profile=profile.name,
            usable=not out,
            used_percent=worst.percent if worst else None,
            resets_at=datetime.fromtimestamp(resets, UTC) if resets is not None else None,
            why=out if out and not status.reached and not status.candidate.emergency else "",
            instead=quota.choose(profile.kind).profile if out else None,
        )
    return found

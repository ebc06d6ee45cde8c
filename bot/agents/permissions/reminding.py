"""Questions that nobody answers: one reminder each, then one quiet message that gathers what is still open.

In quiet hours nothing is written; what was asked in them is late only some time after they have ended, for its own
message goes out no sooner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from bot.agents.permissions.open_asks import OpenAsks
from bot.agents.permissions.rows import Ask
from bot.clock import Clock

DIGEST_EVERY = timedelta(hours=1)
Quiet = Callable[[datetime], datetime | None]


def late_cards(asks: Sequence[Ask], now: datetime, after: timedelta, quiet: Quiet) -> list[list[Ask]]:
    """The questions to remind of, by the message that shows them. `quiet(t)`: the end of the quiet hours around t.
    Pure."""
    if quiet(now) is not None:
        return []
    cards: defaultdict[str, list[Ask]] = defaultdict(list)
    for ask in asks:
        cards[ask.card].append(ask)

    def asked(ask: Ask) -> datetime:
        return quiet(ask.created_at) or ask.created_at

    return [
        found
        for found in cards.values()
        if all(ask.reminded_at is None for ask in found) and asked(found[0]) <= now - after
    ]


def to_gather(
    asks: Sequence[Ask], told: Collection[str], last: datetime | None, now: datetime, quiet: Quiet
) -> list[Ask]:
    """The questions of the next digest, oldest first; none while there is nothing in them that the last one (written at
    `last`, of the questions `told`) did not hold. Pure."""
    if quiet(now) is not None or (last is not None and now - last < DIGEST_EVERY):
        return []
    late = [ask for ask in asks if ask.reminded_at is not None and now - ask.reminded_at >= DIGEST_EVERY]
    return late if any(ask.id not in told for ask in late) else []


class Reminding:
    """Looks at the open questions whenever `run` is called."""

    def __init__(self, asks: OpenAsks, clock: Clock, *, after: timedelta, quiet: Quiet) -> None:
        self._asks = asks
        self._clock = clock
        self._after = after
        self._quiet = quiet

    async def run(self) -> None:
        """Write what is due."""
        now = self._clock.now()
        for asks in late_cards(self._asks.all(), now, self._after, self._quiet):
            for ask in await self._asks.rows.remind(asks):
                if ask.id in self._asks:
                    self._asks.keep(ask)
        if any(ask.reminded_at is not None for ask in self._asks.all()):
            told, last = await self._asks.rows.last_digest()
            if late := to_gather(self._asks.all(), told, last, now, self._quiet):
                await self._asks.rows.gather(late)

"""How fast one chat may be written to. Pure: times are monotonic seconds that the caller gives.

Telegram publishes no exact numbers: about one message a second in a chat with short bursts, 20 a minute in a group,
edits count too, and a 429 tells how long to stay away (facts of the Bots FAQ, 2026).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

BURST, PER_SECOND = 5, 1.0
GROUP_MESSAGES, GROUP_SPAN = 20, 60.0
EDIT_SPACING = 3.0
STEP_ASIDE_AFTER = 5


@dataclass(slots=True)
class Pace:
    """The pace of one chat. Groups have negative ids."""

    group: bool
    tokens: float = float(BURST)
    filled_at: float = 0.0
    held_until: float = 0.0
    refusals: int = 0
    recent: deque[float] = field(default_factory=deque)
    edited: dict[int, float] = field(default_factory=dict)

    def wait(self, now: float) -> float:
        """Seconds until the next call is in order; 0 for now."""
        self._fill(now)
        waits = [self.held_until - now, (1 - self.tokens) / PER_SECOND]
        if self.group and len(self.recent) >= GROUP_MESSAGES:
            waits.append(self.recent[-GROUP_MESSAGES] + GROUP_SPAN - now)
        return max(0.0, *waits)

    def wait_edit(self, row: int, now: float) -> float:
        """Seconds until this live message may be edited again."""
        return max(0.0, self.edited.get(row, -EDIT_SPACING) + EDIT_SPACING - now)

    def called(self, now: float, *, edited: int | None = None) -> None:
        """A call is about to be made; `edited` names the live message that it edits."""
        self._fill(now)
        self.tokens -= 1
        self.recent.append(now)
        if edited is not None:
            self.edited[edited] = now

    def answered(self) -> None:
        """A call came through."""
        self.refusals = 0

    def refused(self, now: float, retry_after: float) -> None:
        """429: nobody in this chat is called for that long, and longer if it happens again at once."""
        self.hold(now, retry_after + min(self.refusals, 30))
        self.refusals += 1

    def hold(self, now: float, seconds: float) -> None:
        self.held_until = max(self.held_until, now + seconds)

    def _fill(self, now: float) -> None:
        self.tokens = min(float(BURST), self.tokens + max(0.0, now - self.filled_at) * PER_SECOND)
        self.filled_at = now
        while self.recent and self.recent[0] <= now - GROUP_SPAN:
            self.recent.popleft()
        if len(self.edited) > 200:
            self.edited = {row: at for row, at in self.edited.items() if at > now - EDIT_SPACING}


def steps_aside(attempts: int, *, unreachable: bool) -> bool:
    """Whether a row that failed so often lets those behind it go first. One that cannot be sent must not hold up the
    chat for ever; where no server is reached at all it is not the row's fault, and the order stays."""
    return attempts >= STEP_ASIDE_AFTER and not unreachable


def backoff(attempts: int) -> float:
    """Seconds before the next try after `attempts` that failed: 1, 2, 4 ... 60."""
    return float(min(60, 2 ** min(max(attempts, 1) - 1, 6)))

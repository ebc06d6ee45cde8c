"""How moving an agent to another account ended, or why it did not begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.errors import Refused


class NotMoved(Refused):
    """The agent stays where it is."""

    code = "not_moved"


class NotIdle(NotMoved):
    """Only an idle agent is moved."""

    code = "not_idle"
    hint = "It is tried again later."


class Unanswered(NotMoved):
    """What its CLI asks at the start on the new account was not answered in time."""

    code = "unanswered"


class Moving(Refused):
    """It is being moved to another account."""

    code = "moving"
    hint = "That takes a minute at most. Say it again then."


@dataclass(frozen=True, slots=True)
class Move:
    """One rotation as it ended.

    outcome: moved, returned (it answers on its old profile), stuck (it does not) or cut off (the bot ended on the way,
    and a person started, stopped or deleted the agent since). `unanswered`: it asked something there, and nobody
    answered; another account would ask again.
    """

    id: int
    agent: str
    source: str
    target: str
    outcome: str
    reason: str
    detail: str = ""
    unanswered: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What `maf quota rotate --json` prints."""
        return {
            "agent": self.agent,
            "from": self.source,
            "to": self.target,
            "outcome": self.outcome,
            "reason": self.reason,
            "detail": self.detail,
        }

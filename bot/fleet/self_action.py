"""One thing that the bot does without a tap, from its announcement to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.clock import iso
from bot.errors import Refused
from bot.store.tables import SelfActionRow

NOTICE = "self"
GO_ON, MOVE, COME_BACK, RESTART, RESTORE = "go on", "move", "come back", "restart", "restore"
# The action of the audit row. Roles know none of these: nobody asks for them.
AUDITED = {
    GO_ON: "agent.go-on",
    MOVE: "agent.move",
    COME_BACK: "agent.come-back",
    RESTART: "agent.restart",
    RESTORE: "agent.restore",
}


@dataclass(frozen=True, slots=True)
class SelfAction:
    """One of them. `status`: announced, declined, begun, done, failed, or dropped (not needed any more). `told_at`:
    since when its message stands in the chat; `due_at`: not before; `asked_by`: a person who wants it done later."""

    id: int
    kind: str
    agent: str
    cause: str
    status: str
    announced_at: datetime
    due_at: datetime | None = None
    told_at: datetime | None = None
    declined_by: str = ""
    outcome: str = ""
    ended_at: datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def declined(self) -> bool:
        return self.status == "declined"

    @property
    def asked_by(self) -> str:
        return str(self.data.get("asked_by") or "")

    @property
    def key(self) -> str:
        """Of its message."""
        return key_of(self.id)

    def as_dict(self) -> dict[str, Any]:
        """One of `maf agent planned --json`; `due_at`: not before, where that is known."""
        return {
            "id": self.id,
            "kind": self.kind,
            "agent": self.agent,
            "status": self.status,
            "announced_at": iso(self.announced_at),
            "due_at": iso(self.due_at),
            "asked_by": self.asked_by,
            "declined_by": self.declined_by,
            "detail": dict(self.data),
        }


class TooLate(Refused):
    """It cannot be declined any more."""

    code = "too_late"


def key_of(action_id: int) -> str:
    """The key of its message."""
    return f"{NOTICE}:{action_id}"


def action_of(row: SelfActionRow) -> SelfAction:
    """The row as a frozen value."""
    return SelfAction(
        id=row.id,
        kind=row.kind,
        agent=row.agent,
        cause=row.cause,
        status=row.status,
        announced_at=row.announced_at,
        due_at=row.due_at,
        told_at=row.told_at,
        declined_by=row.declined_by,
        outcome=row.outcome,
        ended_at=row.ended_at,
        data=dict(row.data),
    )

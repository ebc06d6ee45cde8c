"""One prompt on its way to one agent, and what proves that it arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.clock import iso_seconds
from bot.errors import DONE, NOT_CONFIRMED, REFUSED

Status = Literal["intended", "queued", "typed", "submitted", "started", "unconfirmed", "refused", "failed"]
Mode = Literal["idle", "now"]
EvidenceKind = Literal["rollout", "transcript", "screen"]
Decision = Literal["left", "resent"]

UNDER_WAY: frozenset[Status] = frozenset({"intended", "queued", "typed"})
PROVEN: frozenset[Status] = frozenset({"submitted", "started"})
FAILED: frozenset[Status] = frozenset({"refused", "failed"})
TTL = timedelta(minutes=30)  # how long a prompt that somebody wanted sent may wait before it is

FINAL: frozenset[Status] = PROVEN | FAILED | {"unconfirmed"}


def exit_code_of(status: str) -> int:
    """What a command that sent a prompt ends with: 0 only when it is proven."""
    if status in PROVEN:
        return DONE
    return REFUSED if status in FAILED else NOT_CONFIRMED


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the CLI recorded our text as a prompt, and when (the record's own time where it has one)."""

    kind: EvidenceKind
    at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """`text` is what is typed, its ref line included. `submitted` means that the CLI recorded it as a user message,
    `started` that output, a tool call or a working sign of that turn came after it. `notes` tell what was changed.
    `decision` is what a person has decided about an unconfirmed one; `called_off_by` who did not want one sent that
    waited."""

    id: str
    agent: str
    text: str
    mode: Mode
    status: Status
    created_by: str
    created_at: datetime
    updated_at: datetime
    evidence: Evidence | None = None
    started_at: datetime | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    notice_key: str | None = None
    decision: Decision | None = None
    called_off_by: str = ""

    @property
    def may_be_called_off(self) -> bool:
        """It waits for its agent, and nobody has called it off."""
        return self.status == "queued" and not self.called_off_by

    @property
    def undecided(self) -> bool:
        """It waits for a person to decide about it."""
        return self.status == "unconfirmed" and self.decision is None

    @property
    def final(self) -> bool:
        """Nothing more happens by itself, but for submitted -> started and late evidence."""
        return self.status in FINAL

    @property
    def exit_code(self) -> int:
        """Of `maf agent send`."""
        return exit_code_of(self.status)

    def as_dict(self) -> dict[str, Any]:
        """The `delivery` shape of contract.md section 1, with `notes` and `started_at` beside it."""
        evidence = {"kind": self.evidence.kind, "at": iso_seconds(self.evidence.at)} if self.evidence else None
        return {
            "delivery": self.id,
            "agent": self.agent,
            "status": self.status,
            "evidence": evidence,
            "reason": self.reason,
            "decision": self.decision,
            "notes": list(self.notes),
            "started_at": iso_seconds(self.started_at),
        }

"""What is known of a profile beside its numbers: its login, its sources, when it was asked last.

Kept in one row, so that a command without a running bot neither asks the provider again nor forgets that a login ran
out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.quota.status import SourceState
from bot.store import Transaction, setting

KEY = "quota.known"
LAST_KEY = "quota.last"


@dataclass(slots=True)
class Known:
    """What is kept of a profile between refreshes; `asked_at` is epoch seconds."""

    login: str = "unknown"
    sources: dict[str, SourceState] = field(default_factory=dict)
    asked_at: float = float("-inf")

    def as_dict(self) -> dict[str, Any]:
        return {
            "login": self.login,
            "asked_at": self.asked_at if self.asked_at > float("-inf") else None,
            "sources": [[s.name, s.ok, s.error, s.at] for s in self.sources.values()],
        }

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Known:
        asked = raw.get("asked_at")
        sources = [SourceState(str(n), bool(ok), str(error), at) for n, ok, error, at in raw.get("sources") or ()]
        return cls(
            str(raw.get("login", "unknown")),
            {source.name: source for source in sources},
            float(asked) if asked is not None else float("-inf"),
        )


async def load(tx: Transaction) -> tuple[dict[str, Known], dict[str, str]]:
    """(known by profile, the profile chosen last by kind)."""
    held: dict[str, Any] = await setting.get(tx, KEY, {})
    chosen: dict[str, Any] = await setting.get(tx, LAST_KEY, {})
    return {name: Known.of(raw) for name, raw in held.items()}, {kind: str(name) for kind, name in chosen.items()}


async def save(tx: Transaction, known: Mapping[str, Known], names: Collection[str]) -> None:
    """Only of profiles that there are; one that was removed is forgotten."""
    await setting.put(tx, KEY, {name: one.as_dict() for name, one in known.items() if name in names})

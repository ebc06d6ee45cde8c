"""What is known of a profile beside its numbers: its login, its sources, when it was asked last.

Kept in one row, so that a command without a running bot neither asks the provider again nor forgets that a login ran
out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.quota.reading import number
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
    def of(cls, raw: object) -> Known:
        """Read back what `as_dict` wrote; what cannot be read counts as not known."""
        held = raw if isinstance(raw, Mapping) else {}
        listed = held.get("sources")
        found = (_source(one) for one in (listed if isinstance(listed, list) else ()))
        asked = number(held.get("asked_at"))
        return cls(
            str(held.get("login", "unknown")),
            {source.name: source for source in found if source is not None},
            asked if asked is not None else float("-inf"),
        )


def _source(raw: object) -> SourceState | None:
    if not isinstance(raw, list) or len(raw) != 4:
        return None
    name, ok, error, at = raw
    return SourceState(str(name), bool(ok), str(error), number(at))


async def load(tx: Transaction) -> tuple[dict[str, Known], dict[str, str]]:
    """(known by profile, the profile chosen last by kind)."""
    held: object = await setting.get(tx, KEY, None)
    chosen: object = await setting.get(tx, LAST_KEY, None)
    known = {str(name): Known.of(raw) for name, raw in held.items()} if isinstance(held, dict) else {}
    last = {str(kind): str(name) for kind, name in chosen.items()} if isinstance(chosen, dict) else {}
    return known, last


async def save(tx: Transaction, known: Mapping[str, Known], names: Collection[str]) -> None:
    """Only of profiles that there are; one that was removed is forgotten."""
    await setting.put(tx, KEY, {name: one.as_dict() for name, one in known.items() if name in names})

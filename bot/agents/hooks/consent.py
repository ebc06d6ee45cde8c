"""The person's yes or no to our hooks in a home that was theirs before: asked in the chat once per home, then kept."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.errors import NotFound
from bot.notices import post, touch
from bot.store import Store, Transaction, setting

KIND = "hooks_question"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is known of one home. `answer`: yes, no, or "" while the question is open; `agent`: who ran there first."""

    home: str
    kind: str
    agent: str
    answer: str = ""
    by: str = ""

    @property
    def id(self) -> str:
        """12 hex digits, short enough for a button."""
        return hashlib.blake2b(os.fsencode(self.home), digest_size=6).hexdigest()


def key_of(wish_id: str) -> str:
    """Of the row, and of the message that asks."""
    return f"hooks:{wish_id}"


async def wish_of(tx: Transaction, wish_id: str) -> Wish:
    """Raises NotFound."""
    known: dict[str, str] = await setting.get(tx, key_of(wish_id), {})
    if not known:
        raise NotFound("This question is gone.", hint="On the machine: maf hooks status")
    return Wish(**known)


class Consent:
    """Asks, and remembers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, home: Path, kind: str, agent: str) -> bool:
        """Put the question to the person, unless it was put before or answered on the machine; was it put now?"""
        wish = _wish(home, kind, agent)
        async with self._store.begin() as tx:
            if await setting.get(tx, key_of(wish.id), {}):
                return False
            await setting.put(tx, key_of(wish.id), asdict(wish))
            await post(tx, KIND, {"id": wish.id}, key=key_of(wish.id))
        return True

    async def get(self, wish_id: str) -> Wish:
        """Raises NotFound."""
        async with self._store.begin() as tx:
            return await wish_of(tx, wish_id)

    async def record(self, home: Path, kind: str, answer: str, by: str = "") -> None:
        """It was answered, in the chat or on the machine; a message that asks shows it."""
        wish = _wish(home, kind)
        async with self._store.begin() as tx:
            asked: dict[str, str] = await setting.get(tx, key_of(wish.id), asdict(wish))
            await setting.put(tx, key_of(wish.id), {**asked, "answer": answer, "by": by})
            await touch(tx, key_of(wish.id))


def _wish(home: Path, kind: str, agent: str = "") -> Wish:
    return Wish(str(home.resolve()), kind, agent)

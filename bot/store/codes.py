"""Pair codes as they are kept: by their hash alone. A live one stands in no other row either."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.sql.elements import ColumnElement

from bot.store.engine import Transaction
from bot.store.tables import PairCodeRow

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that looks like something else; 10 of them are 49 bits
LENGTH = 10
BLOT = "…"


def hash_of(code: str) -> str:
    """One spelling for a code as people type it: case, spaces and hyphens do not count."""
    return hashlib.sha256("".join(c for c in code.upper() if c.isalnum()).encode()).hexdigest()


def is_live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """That a row is of a code that lets in."""
    return PairCodeRow.used_by.is_(None), PairCodeRow.expires_at > now


async def without_codes(tx: Transaction, value: Any, now: datetime) -> Any:
    """`value` (JSON) with each live code in its texts blotted out."""
    live = set(await tx.scalars(select(PairCodeRow.code_hash).where(*is_live(now))))
    return blotted(value, live) if live else value


def blotted(value: Any, hashes: Collection[str]) -> Any:
    """`value` (JSON) without the codes that have these hashes, in any spelling.

    >>> blotted({"text": "is abcde fghjk right?"}, {hash_of("ABCDE-FGHJK")})
    {'text': 'is … right?'}
    """
    if isinstance(value, dict):
        return {key: blotted(one, hashes) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [blotted(one, hashes) for one in value]
    return _blotted(value, hashes) if isinstance(value, str) else value


def _blotted(text: str, hashes: Collection[str]) -> str:
    places = [place for place, letter in enumerate(text) if letter.isalnum()]
    letters = "".join(text[place].upper()[:1] for place in places)
    start = 0
    while start + LENGTH <= len(letters):
        if hash_of(letters[start : start + LENGTH]) in hashes:
            first, last = places[start], places[start + LENGTH - 1]
            return text[:first] + BLOT + _blotted(text[last + 1 :], hashes)
        start += 1
    return text

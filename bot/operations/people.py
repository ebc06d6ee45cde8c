"""Pairing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.clock import iso
from bot.errors import WrongUsage
from bot.operations.services import Services


async def pair(app: Services, *, role: str = "owner", ttl: float = 600.0) -> dict[str, Any]:
    """A one-time code for `/pair CODE`; `ttl` in seconds. It is shown once, the store keeps its hash only."""
    # Imported here: the Telegram side costs seconds, and no other operation needs it.
    from bot.telegram.access import Role
    from bot.telegram.people import Access

    try:
        wanted = Role.of(role)
    except ValueError as error:
        raise WrongUsage(str(error)) from error
    if not 1 <= ttl <= 86400:
        raise WrongUsage(f"A code cannot live {ttl:.0f} s.", hint="Use a --ttl between 1s and 1d.")
    code = await Access(app.store, app.clock).create_code(wanted, timedelta(seconds=ttl))
    return {"code": code, "role": wanted.word, "expires_at": iso(app.clock.now() + timedelta(seconds=ttl))}

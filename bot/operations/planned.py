"""What the bot is going to do by itself: looked at, declined, allowed after all."""

from __future__ import annotations

from typing import Any

from bot.operations.services import Services


async def planned(app: Services) -> list[dict[str, Any]]:
    """All that is announced, declined or being done, the oldest first."""
    return [action.as_dict() for action in await app.actions.planned()]


async def decline(app: Services, *, actor: str, id: int) -> dict[str, Any]:  # noqa: A002 - the word of the command line
    """Have it not done; once more is the same. Raises NotFound, TooLate."""
    return (await app.actions.decline(id, actor)).as_dict()


async def allow(app: Services, *, actor: str, id: int) -> dict[str, Any]:  # noqa: A002
    """Have it done after all. Raises NotFound, TooLate."""
    return (await app.actions.allow(id, actor)).as_dict()

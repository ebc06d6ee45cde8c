"""Moves that the bot makes by itself, where no chat is connected: the messages that announce them count as seen."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from bot.fleet.move import Move
from bot.operations import Services
from bot.store.tables import OutboxRow


async def told(services: Services) -> None:
    """All that is announced has stood in the chat for an hour."""
    async with services.store.begin() as tx:
        await tx.execute(update(OutboxRow).values(sent_at=services.clock.now() - timedelta(hours=1)))


async def moved(services: Services) -> list[Move]:
    """Look who is to be moved, announce it, and do it."""
    await services.moves.check()
    await told(services)
    return await services.moves.tick()

"""The words after a command."""

from __future__ import annotations

from aiogram.filters import CommandObject

from bot.errors import WrongUsage


def words(command: CommandObject, usage: str, least: int = 1) -> list[str]:
    """The words after a command. Raises WrongUsage when there are too few."""
    found = (command.args or "").split()
    if len(found) < least:
        raise WrongUsage("Which agent?" if least == 1 else "Something is missing.", hint=usage)
    return found

"""The words after a command. One too many is said and nothing is done: a second agent must not be passed over."""

from __future__ import annotations

from aiogram.filters import CommandObject

from bot.errors import MAX_NAME, WrongUsage
from bot.excerpt import clipped


def words(command: CommandObject, usage: str, *, most: int) -> list[str]:
    """The agent's name first, then up to `most - 1` others. Raises WrongUsage for no word, and for more."""
    found = (command.args or "").split()
    if not found:
        raise WrongUsage("Which agent?", hint=usage)
    if len(found) > most:
        raise WrongUsage(f"I do not know “{clipped(found[most], MAX_NAME)}” here. Nothing was done.", hint=usage)
    return found


def one_agent(command: CommandObject) -> str:
    """The one agent that is named. Raises WrongUsage for none, and for two."""
    return words(command, f"One agent: /{command.command.lower()} w1", most=1)[0]


def one_or_all(command: CommandObject) -> str | None:
    """The one agent that is named; None for `all`, and for none. Raises WrongUsage for two."""
    if not (command.args or "").split():
        return None
    verb = command.command.lower()
    name = words(command, f"One agent, or all: /{verb} w1, /{verb} all", most=1)[0]
    return None if name.lower() == "all" else name

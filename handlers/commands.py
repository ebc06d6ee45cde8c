"""Commands: when a handler takes one, and the words after it. A word too many is said and nothing is done: a second
agent must not be passed over; where none is named, one is asked for."""

from __future__ import annotations

from typing import Any

from aiogram import Bot
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from bot.errors import MAX_NAME, WrongUsage
from bot.excerpt import clipped
from bot.telegram.access import BY_NAME


class TextCommand(Command):
    """A command that is the text of a message. aiogram also takes one that stands under a picture; we would do as if
    there were no picture."""

    async def __call__(self, message: Message, bot: Bot) -> bool | dict[str, Any]:
        return False if message.text is None else await super().__call__(message, bot)


class WhichAgent(WrongUsage):
    """Which agent?"""

    def __init__(self, command: str, *, hint: str = "") -> None:
        """`command`: what is to be done with it, as a key of handlers.cards.whom.QUESTIONS."""
        super().__init__(hint=hint)
        self.command = command


def command(name: str) -> TextCommand:
    """Both spellings, in any case of letters."""
    return TextCommand(*BY_NAME[name].spellings, ignore_case=True)


def unknown_word(word: str, usage: str) -> WrongUsage:
    return WrongUsage(f"I do not know “{clipped(word, MAX_NAME)}” here. Nothing was done.", hint=usage)


def words(command: CommandObject, usage: str, *, most: int) -> list[str]:
    """The agent's name first, then up to `most - 1` others. Raises WhichAgent for no word, WrongUsage for more."""
    found = (command.args or "").split()
    if not found:
        raise WhichAgent(command.command.lower(), hint=usage)
    if len(found) > most:
        raise unknown_word(found[most], usage)
    return found


def one_agent(command: CommandObject) -> str:
    """The one agent that is named. Raises WhichAgent for none, WrongUsage for two."""
    return words(command, f"One agent: /{command.command.lower()} w1", most=1)[0]


def one_or_all(command: CommandObject) -> str | None:
    """The one agent that is named; None for `all`. Raises WhichAgent for none, WrongUsage for two."""
    verb = command.command.lower()
    name = words(command, f"One agent, or all: `/{verb} w1`, `/{verb} all`", most=1)[0]
    return None if name.lower() == "all" else name

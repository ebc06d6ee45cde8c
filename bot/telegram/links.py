"""What a touch in a message may do.

Apps make a link of every `/command` and every `@name` in a text: a touch sends the command in that person's name, and
a name in a group calls whom it names. That must not happen with what came from outside: a task's title, a prompt, an
agent's words. So only what `tappable` marks stays a link; everything else that would become one is sent as code, in
which a server looks for nothing, and which is copied as it was. A command that acts when it is sent alone is never a
link, whoever wrote it.

Patterns as in tdlib (MessageEntity.cpp: match_bot_commands, match_mentions), as of Bot API 10.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from aiogram.types import MessageEntity
from aiogram.utils.formatting import BotCommand, Text

from bot.telegram.access import command_of

_COMMAND = r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>])"
_LINK = re.compile(rf"{_COMMAND}|(?<![\w@/])@[A-Za-z0-9_]+")
_COMMANDS = re.compile(f"({_COMMAND})")
# In these a server looks for no links, and they may hold no code.
_OPAQUE = frozenset({"code", "pre", "text_link"})


def tappable(sentence: str) -> Text:
    """A sentence of our own, whose commands a person may touch. A touch sends the command without the words after it:
    what is to be sent with them (`/thaw w1`) goes out as code."""
    pieces = _COMMANDS.split(sentence)
    return Text(*(BotCommand(piece) if n % 2 else piece for n, piece in enumerate(pieces) if piece))


def settled(text: str, entities: Sequence[MessageEntity]) -> list[MessageEntity]:
    """The entities of a message, with code over every link that is not marked as ours. The marks go: a server finds
    commands by itself."""
    keep = [e for e in entities if e.type != "bot_command"]
    free = [(e.offset, e.offset + e.length) for e in entities if e.type in _OPAQUE or _may_be_touched(e, text)]
    foreign = [
        MessageEntity(type="code", offset=first, length=last - first)
        for first, last in _spans(text)
        if not any(first < b and a < last for a, b in free)
    ]
    return sorted([*keep, *foreign], key=lambda e: (e.offset, -e.length)) if foreign else keep


def _may_be_touched(entity: MessageEntity, text: str) -> bool:
    """Whether it marks a command of ours, and one that does nothing when it is sent alone."""
    command = command_of(entity.extract_from(text)) if entity.type == "bot_command" else None
    return entity.type == "bot_command" and not (command is not None and command.acts)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where an app would see a link: begin and end in UTF-16 units."""
    at = offset = 0
    for found in _LINK.finditer(text):
        first = offset + _units(text[at : found.start()])
        at, offset = found.end(), first + _units(found.group())
        yield first, offset


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2

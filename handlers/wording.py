"""How errors read in a chat: a hint names what is done there, and code is code. And numbers of things. Pure."""

from __future__ import annotations

import re

from aiogram.utils.formatting import Code, Text

from bot.errors import MafError
from bot.telegram.links import tappable

_IN_CHAT = tuple(
    (re.compile(terminal), chat)
    for terminal, chat in (
        (r"maf agent start (\S+)", r"/restart \1"),
        (r"maf agent stop (\S+)", r"/stop \1"),
        (r"maf agent types", "/new"),
        (r"maf broadcast draft", "/broadcast_targeted"),
        (r"maf logs tail (\w+)", r"/logs \1"),
        (r"maf pack list", "/broadcast_pack"),
        (r"maf pack use (\S+)", r"/broadcast_pack \1"),
        (r"maf quota status", "/quota"),
        (r"maf task claim --dry-run --verbose", "/tasks"),
        (r"maf task claim --agent (\S+) --rotate", r"/claim \1 rotate"),
    )
)


def counted(number: int, noun: str, many: str = "") -> str:
    """
    >>> counted(1, "prompt"), counted(2, "prompt"), counted(0, "process", "processes")
    ('1 prompt', '2 prompts', '0 processes')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {many or noun + 's'}"


def in_chat(hint: str) -> str:
    """A hint for somebody who holds a phone. What only the terminal can do stays as it is.

    >>> in_chat("Start it: maf agent start w1")
    'Start it: /restart w1'
    """
    for terminal, chat in _IN_CHAT:
        hint = terminal.sub(chat, hint)
    return hint


def told(error: MafError) -> Text:
    """What went wrong, and on a line of its own what to do. What a hint has between backticks is code: a phone copies
    it at a touch, and an @ in it names nobody. Only the hint is ours alone: what went wrong may name what came from
    outside, so nothing in it can be touched.
    """
    pieces = re.split(r"`([^`]+)`", in_chat(error.hint))
    hint = [Code(piece) if n % 2 else tappable(piece) for n, piece in enumerate(pieces) if piece]
    return Text(error.message, "\n", *hint) if hint else Text(error.message)

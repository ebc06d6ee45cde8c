"""A long text that an app cut into several messages: which of them may go on, which belong together. Pure.

A message holds 4,096 UTF-16 units (Bot API 10.3), and an app cuts what is longer by itself, each in its own way (their
sources as of 2026): Telegram for iOS after the last line or dot that fits, Telegram Desktop after the last paragraph,
line or word past the half, older Androids at 4,096 flat and newer ones within the last 300. White space around a
message is lost. The pieces are sent at once, one after the other; as a reply all of them, or the first alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from aiogram.types import Message, Update

from bot.telegram.access import command_of
from bot.telegram.text import MAX_TEXT, units

MAY_GO_ON = MAX_TEXT // 2  # units: no app cuts earlier where it finds a place to cut
FULL = MAX_TEXT - 400  # units: so long, hardly anything but a cut ends a text; whoever wrote it is asked
# What one app sends at once Telegram dates alike, within the seconds that a slow network takes. A text that answers
# nothing has no other meaning to us, so it may be later; what a person wrote to a question of ours cannot be meant.
APART, APART_ALONE = timedelta(seconds=4), timedelta(seconds=30)
_LAST_LINES = 300  # characters


def may_go_on(update: Update) -> bool:
    """Whether it is a text of which more may come."""
    message = update.message
    return message is not None and message.from_user is not None and units(message.text or "") >= MAY_GO_ON


def is_full(message: Message) -> bool:
    return units(message.text or "") >= FULL


def goes_on(pieces: Sequence[Message], update: Update, *, asked: bool) -> bool:
    """Whether it is the next piece of the text that begins with these; of the same person in the same chat. `asked`:
    they have been asked already whether that is all."""
    first, last, new = pieces[0], pieces[-1], update.message
    if new is None or not new.text or units(last.text or "") < MAY_GO_ON:
        return False
    if new.text.startswith("/") and command_of(new.text.split(maxsplit=1)[0]) is not None:
        return False
    if (new.forward_origin is None) != (first.forward_origin is None):
        return False
    if new.reply_to_message is not None and _replied(new) != _replied(first):
        return False
    apart = APART if asked or new.reply_to_message is not None else APART_ALONE
    return new.message_id > last.message_id and timedelta(0) <= new.date - last.date <= apart


def joined(pieces: Sequence[Update], more: str = "") -> Update:
    """One update with the whole text, and what a person added to it: the first one in all else."""
    first = pieces[0].message
    if first is None:
        raise ValueError("a piece of a text is a message")
    texts = [one.message.text or "" for one in pieces if one.message is not None] + ([more] if more else [])
    whole = texts[0] + "".join(glue(before, after) + after for before, after in pairwise(texts))
    return pieces[0].model_copy(update={"message": first.model_copy(update={"text": whole, "entities": None})})


def glue(piece: str, rest: str) -> str:
    """What stood between two pieces, as far as that can be told from them.

    >>> [glue("See handlers/life.", "py."), glue("It is done.", "Then stop."), glue("- one\\n- two", "- three")]
    ['', ' ', '\\n']
    """
    if units(piece) >= MAX_TEXT:
        return ""  # cut anywhere
    if piece.endswith(".") and re.match(r"[a-z0-9_]", rest):
        return ""  # cut at the dot of a name
    return "\n" if "\n" in piece[-_LAST_LINES:] else " "


def _replied(message: Message) -> int | None:
    return message.reply_to_message.message_id if message.reply_to_message is not None else None

"""Replies: a text that answers one of our messages."""

from __future__ import annotations

from aiogram.filters import Filter
from aiogram.types import Message

from bot.notices.shown import Shown
from handlers.say import Say


class ReplyTo(Filter):
    """Lets a text through that replies to a message of ours of one of these kinds; with the notice behind it."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = frozenset(kinds)

    async def __call__(self, message: Message, say: Say) -> bool | dict[str, Shown]:
        replied = message.reply_to_message
        if not message.text or message.text.startswith("/"):
            return False
        if replied is None or replied.from_user is None or not replied.from_user.is_bot:
            return False
        notice = await say.shown(replied.message_id)
        return {"notice": notice} if notice is not None and notice.kind in self.kinds else False

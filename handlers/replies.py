"""What a person writes to us beside commands: a text or a file that answers one of our messages."""

from __future__ import annotations

import aiohttp
from aiogram.exceptions import AiogramError
from aiogram.filters import Filter
from aiogram.types import Message

from bot.agents.delivery.text import too_long
from bot.errors import MAX_NAME, Refused
from bot.excerpt import clipped
from bot.notices.shown import Shown
from bot.store.audit import fingerprint, note
from handlers.say import Say

PROMPT_FILES = (".md", ".txt")
DOWNLOAD_S = 30


class ReplyTo(Filter):
    """Lets a text or a prompt file through that replies to a message of ours of one of these kinds; with the notice
    behind it."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = frozenset(kinds)

    async def __call__(self, message: Message, say: Say) -> bool | dict[str, Shown]:
        replied = message.reply_to_message
        if not message.text and not is_prompt_file(message):
            return False
        if (message.text or "").startswith("/"):
            return False
        if replied is None or replied.from_user is None or not replied.from_user.is_bot:
            return False
        notice = await say.shown(replied.message_id)
        fits = notice is not None and notice.kind in self.kinds and notice.lasts
        return {"notice": notice} if notice is not None and fits else False


def is_prompt_file(message: Message) -> bool:
    """Whether it is a file that stands for a prompt. What somebody wrote under one says that it is for something else,
    and of an album nobody knows which prompt it is."""
    document = message.document
    if document is None or message.caption or message.media_group_id:
        return False
    return (document.file_name or "").lower().endswith(PROMPT_FILES)


async def written(message: Message) -> str:
    """The text of a message, or of its file. Raises Refused: too long, no text, cannot be fetched."""
    document, bot = message.document, message.bot
    if document is None or bot is None:
        return message.text or ""
    name = clipped(document.file_name or "The file", MAX_NAME)
    if (size := document.file_size or 0) and (refused := too_long(size)):
        raise refused
    try:
        file = await bot.get_file(document.file_id, request_timeout=DOWNLOAD_S)
        content = await bot.download_file(file.file_path or "", timeout=DOWNLOAD_S)
    except (AiogramError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Refused(f"{name} cannot be fetched from Telegram.", hint="Send it once more.") from error
    try:
        text = content.read().decode("utf-8-sig") if content is not None else ""
    except UnicodeDecodeError as error:
        raise Refused(f"{name} is no text in UTF-8; nothing was sent.") from error
    note(file=name, **fingerprint(text))
    return text

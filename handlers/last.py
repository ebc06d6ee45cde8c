"""What no other handler took: a command that there is not, words that answer nothing, an old button."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message
from aiogram.utils.formatting import Text

from bot.excerpt import clipped
from bot.telegram.access import COMMANDS, command_of
from bot.telegram.links import tappable
from handlers.replies import ReplyTo
from handlers.say import TOO_OLD, Say, Tap, new_key

PROMPTS = ("ask-send", "edit", "draft", "permission_tell", "rest")  # messages that a reply gives a text to

# What a person may well send, and nothing here reads. Not among them: what Telegram itself writes ("… pinned …").
UNREAD = frozenset(
    {"animation", "audio", "contact", "document", "location", "photo", "sticker", "video", "video_note", "voice"}
)
READS = "I read text only, and one .md or .txt file without a caption as a prompt."
EDITED = "I do not follow edits: what you wrote first counts. To change it, send it anew."
WAYS = "To an agent: /send w1 TEXT. All commands: /help"


def router(served: Collection[str]) -> Router:
    """To be attached last. `served`: the commands that there are; it may still grow."""

    async def unknown(message: Message, say: Say) -> None:
        """In groups a foreign command may be meant for another bot, unless it names this one."""
        await say.text(no_such_command(message.text or "", served))

    routes = Router(name="last")
    named = F.text.regexp(r"/\w*@")  # a command with the name of another bot does not come so far
    to_us = F.text.startswith("/") & ((F.chat.type == "private") | named)
    routes.message.register(unknown, to_us, flags={"needs": "help"})
    routes.message.register(lost, F.text, F.chat.type == "private", flags={"needs": "help"})
    routes.message.register(unread, F.content_type.in_(UNREAD), F.chat.type == "private", flags={"needs": "help"})
    routes.edited_message.register(edited, is_known_command, flags={"needs": "help"})
    routes.edited_message.register(edited, ReplyTo(*PROMPTS), flags={"needs": "help"})
    routes.callback_query.register(unknown_button, flags={"needs": "help"})
    return routes


def is_known_command(message: Message) -> bool:
    text = message.text or ""
    return text.startswith("/") and command_of(text.split(maxsplit=1)[0]) is not None


def no_such_command(text: str, served: Collection[str]) -> Text:
    """Names the nearest command that there is."""
    word = text.split(maxsplit=1)[0].removeprefix("/").split("@", 1)[0].lower()
    if command_of(word) is not None:
        return Text(f"/{word} is not there yet. ", tappable("/help shows what is."))
    known = [c.published for c in COMMANDS if c.name in served and c.in_menu]
    near = difflib.get_close_matches(word, known, n=2, cutoff=0.5)
    guess = "Did you mean " + " or ".join(f"/{name}" for name in near) + "?" if near else "/help shows what there is."
    return Text(f"There is no command /{clipped(word, 32)}. ", tappable(guess))


async def lost(_message: Message, say: Say) -> None:
    """Words that answer nothing: better a pointer than silence, and nothing is sent to anybody."""
    await say.text(
        tappable(
            f"I did nothing with that: I take commands, and replies to a message of mine that asks for one.\n{WAYS}"
        )
    )


async def unread(message: Message, say: Say) -> None:
    """A picture with "/send w1 …" under it must not look as if it had been sent. Of an album each picture is a message
    of its own, and it gets one answer."""
    answer = tappable(f"I did nothing with that: {READS}\n{WAYS}")
    await say.once(f"album:{message.media_group_id}" if message.media_group_id else new_key("unread"), answer)


async def edited(message: Message, say: Say) -> None:
    await say.once(f"edited:{message.message_id}", EDITED)


async def unknown_button(_query: CallbackQuery, tap: Tap) -> None:
    """A button that an older version of the bot made, or one that nobody made."""
    await tap.answer(TOO_OLD, alert=True)

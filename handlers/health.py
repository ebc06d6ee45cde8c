"""Is everything up, who did what, what is to be done; and words that are no command of ours."""

from __future__ import annotations

import asyncio
import difflib

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import Message
from aiogram.utils.formatting import Pre, Text, as_list

from bot.errors import NotFound
from bot.log import last_lines, log_files
from bot.operations import Services
from bot.telegram.access import COMMANDS, command_of
from handlers.broadcast import command
from handlers.say import Say

# What a person may well send, and nothing here reads. Not among them: what Telegram itself writes ("… pinned …").
UNREAD = frozenset(
    {"animation", "audio", "contact", "document", "location", "photo", "sticker", "video", "video_note", "voice"}
)
LOG_LINES = 25
LOG_CHARACTERS = 3500


def router() -> Router:
    routes = Router(name="health")
    routes.message.register(health, command("health"), flags={"needs": "health"})
    routes.message.register(audit, command("audit"), flags={"needs": "audit"})
    routes.message.register(tasks, command("tasks"), flags={"needs": "tasks"})
    routes.message.register(logs, command("logs"), flags={"needs": "logs"})
    return routes


def last_router() -> Router:
    """What no other router took. To be attached last."""
    routes = Router(name="last")
    routes.message.register(unknown, F.text.startswith("/"), F.chat.type == "private", flags={"needs": "help"})
    routes.message.register(lost, F.text, F.chat.type == "private", flags={"needs": "help"})
    routes.message.register(unread, F.content_type.in_(UNREAD), F.chat.type == "private", flags={"needs": "help"})
    return routes


async def health(_message: Message, say: Say) -> None:
    await say.card("health", {})


async def audit(_message: Message, say: Say) -> None:
    await say.card("audit", {})


async def tasks(_message: Message, app: Services, say: Say) -> None:
    await app.book.for_workdir(app.settings.root(app.home))
    await say.card("tasks", {})


async def logs(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    """The last lines of a log; it has been rid of secrets when it was written."""
    known = {path.stem: path for path in log_files(app.home.logs)}
    name = (command.args or "maf").strip()
    if name not in known:
        raise NotFound.of("log", name, known)
    lines = await asyncio.to_thread(last_lines, known[name], LOG_LINES)
    await say.text(as_list(Text("🧾 ", name, ".log"), Pre("\n".join(lines)[-LOG_CHARACTERS:] or "(empty)")))


async def unknown(message: Message, say: Say) -> None:
    """Name the nearest command. In groups a foreign command may be meant for another bot, so only in private chats."""
    word = (message.text or "").split(maxsplit=1)[0].removeprefix("/").split("@", 1)[0].lower()
    if command_of(word) is not None:
        await say.text(f"/{word} is not there yet. /help shows what is.")
        return
    near = difflib.get_close_matches(word, [c.published for c in COMMANDS], n=2, cutoff=0.5)
    guess = " Did you mean " + " or ".join(f"/{name}" for name in near) + "?" if near else " /help shows what there is."
    await say.text(f"There is no command /{word[:32]}.{guess}")


async def lost(_message: Message, say: Say) -> None:
    """Words that answer nothing: better a pointer than silence, and nothing is sent to anybody."""
    await say.text("I did nothing with that: I take commands.\nTo an agent: /send w1 TEXT. All commands: /help")


async def unread(_message: Message, say: Say) -> None:
    """A picture with "/send w1 …" under it must not look as if it had been sent."""
    await say.text("I did nothing with that: I read text only.\nTo an agent: /send w1 TEXT. All commands: /help")

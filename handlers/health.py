"""Is everything up, who did what, what is to be done; and what no other handler took."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Collection

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message
from aiogram.utils.formatting import Bold, Pre, Text, as_list

from bot.errors import NotFound
from bot.excerpt import clipped
from bot.log import last_lines, log_files
from bot.operations import Services
from bot.telegram.access import COMMANDS, command_of
from bot.telegram.links import tappable
from handlers.broadcast import command
from handlers.say import TOO_OLD, Say, Tap

# What a person may well send, and nothing here reads. Not among them: what Telegram itself writes ("… pinned …").
UNREAD = frozenset(
    {"animation", "audio", "contact", "document", "location", "photo", "sticker", "video", "video_note", "voice"}
)
_LINE = re.compile(r"\d{4}-\d\d-\d\d (?P<time>\d\d:\d\d:\d\d),\d+ (?P<level>[A-Z]+) [\w.]+: (?P<words>.*)")
WAYS = "To an agent: /send w1 TEXT. All commands: /help"
LOG_LINES = 25
LOG_CHARACTERS = 3500


def router() -> Router:
    routes = Router(name="health")
    routes.message.register(health, command("health"), flags={"needs": "health"})
    routes.message.register(audit, command("audit"), flags={"needs": "audit"})
    routes.message.register(tasks, command("tasks"), flags={"needs": "tasks"})
    routes.message.register(logs, command("logs"), flags={"needs": "logs"})
    return routes


def last_router(served: Collection[str]) -> Router:
    """What no other router took. To be attached last. `served`: the commands that there are; it may still grow."""

    async def unknown(message: Message, say: Say) -> None:
        """In groups a foreign command may be meant for another bot, unless it names this one."""
        await say.text(no_such_command(message.text or "", served))

    routes = Router(name="last")
    named = F.text.regexp(r"/\w*@")  # a command with the name of another bot does not come so far
    to_us = F.text.startswith("/") & ((F.chat.type == "private") | named)
    routes.message.register(unknown, to_us, flags={"needs": "help"})
    routes.message.register(lost, F.text, F.chat.type == "private", flags={"needs": "help"})
    routes.message.register(unread, F.content_type.in_(UNREAD), F.chat.type == "private", flags={"needs": "help"})
    routes.callback_query.register(unknown_button, flags={"needs": "help"})
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
    if name == "error" and name not in known:
        await say.text("No error was logged.")
        return
    if name not in known:
        raise NotFound.of("log", name, known)
    lines = [short_line(line) for line in await asyncio.to_thread(last_lines, known[name], LOG_LINES)]
    head = Text(Bold(f"🧾 {name}.log"), f" · the last {len(lines)} lines")
    await say.text(as_list(head, Pre("\n".join(lines)[-LOG_CHARACTERS:] or "(empty)")))


def short_line(line: str) -> str:
    """A line of bot.log.FORMAT as it fits a phone: the time, the level where it is more than a notice, the words.

    >>> short_line("2026-11-24 06:30:35,672 WARNING bot.telegram.outbox: chat 1 waits 4 s")
    '06:30:35 WARNING chat 1 waits 4 s'
    """
    found = _LINE.fullmatch(line)
    if found is None:
        return line
    level = "" if found["level"] in {"INFO", "DEBUG"} else f"{found['level']} "
    return f"{found['time']} {level}{found['words']}"


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


async def unread(_message: Message, say: Say) -> None:
    """A picture with "/send w1 …" under it must not look as if it had been sent."""
    await say.text(tappable(f"I did nothing with that: I read text only.\n{WAYS}"))


async def unknown_button(_query: CallbackQuery, tap: Tap) -> None:
    """A button that an older version of the bot made, or one that nobody made."""
    await tap.answer(TOO_OLD, alert=True)

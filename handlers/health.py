"""Is everything up, who did what, what is to be done; and words that are no command of ours."""

from __future__ import annotations

import difflib

from aiogram import F, Router
from aiogram.types import Message

from bot.operations import Services
from bot.telegram.access import COMMANDS, command_of
from handlers.broadcast import command
from handlers.say import Say


def router() -> Router:
    routes = Router(name="health")
    routes.message.register(health, command("health"), flags={"needs": "health"})
    routes.message.register(audit, command("audit"), flags={"needs": "audit"})
    routes.message.register(tasks, command("tasks"), flags={"needs": "tasks"})
    return routes


def last_router() -> Router:
    """What no other router took. To be attached last."""
    routes = Router(name="last")
    routes.message.register(unknown, F.text.startswith("/"), F.chat.type == "private", flags={"needs": "help"})
    return routes


async def health(_message: Message, say: Say) -> None:
    await say.card("health", {})


async def audit(_message: Message, say: Say) -> None:
    await say.card("audit", {})


async def tasks(_message: Message, app: Services, say: Say) -> None:
    await app.book.for_workdir(app.settings.root(app.home))
    await say.card("tasks", {})


async def unknown(message: Message, say: Say) -> None:
    """Name the nearest command. In groups a foreign command may be meant for another bot, so only in private chats."""
    word = (message.text or "").split(maxsplit=1)[0].removeprefix("/").split("@", 1)[0].lower()
    if command_of(word) is not None:
        await say.text(f"/{word} is not there yet. /help shows what is.")
        return
    near = difflib.get_close_matches(word, [c.published for c in COMMANDS], n=2, cutoff=0.5)
    guess = " Did you mean " + " or ".join(f"/{name}" for name in near) + "?" if near else " /help shows what there is."
    await say.text(f"There is no command /{word[:32]}.{guess}")

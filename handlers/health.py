"""Is everything up, who did what, and the log."""

from __future__ import annotations

import asyncio
import re

from aiogram import Router
from aiogram.filters import CommandObject
from aiogram.types import Message
from aiogram.utils.formatting import Bold, Pre, Text, as_list

from bot.errors import NotFound
from bot.log import last_lines, log_files
from bot.operations import Services
from handlers.commands import command
from handlers.say import Say

_LINE = re.compile(r"\d{4}-\d\d-\d\d (?P<time>\d\d:\d\d:\d\d),\d+ (?P<level>[A-Z]+) [\w.]+: (?P<words>.*)")
LOG_LINES = 25
LOG_CHARACTERS = 3500


def router() -> Router:
    routes = Router(name="health")
    routes.message.register(health, command("health"), flags={"needs": "health"})
    routes.message.register(audit, command("audit"), flags={"needs": "audit"})
    routes.message.register(logs, command("logs"), flags={"needs": "logs"})
    return routes


async def health(_message: Message, say: Say) -> None:
    await say.card("health", {})


async def audit(_message: Message, say: Say) -> None:
    await say.card("audit", {})


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

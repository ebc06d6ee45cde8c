"""Tasks: what is to be done, and giving an agent its next bead."""

from __future__ import annotations

from aiogram import Router
from aiogram.filters import CommandObject
from aiogram.types import Message
from aiogram.utils.formatting import Code, Text

from bot.operations import Services, task
from bot.telegram.people import Person
from handlers.commands import command, unknown_word, words
from handlers.say import Say

CLAIM = "/claim w1, or /claim w1 rotate"


def router() -> Router:
    routes = Router(name="tasks")
    routes.message.register(tasks, command("tasks"), flags={"needs": "tasks"})
    routes.message.register(claim, command("claim"), flags={"needs": "claim"})
    return routes


async def tasks(_message: Message, app: Services, say: Say) -> None:
    await app.book.for_workdir(app.settings.root(app.home))
    await say.card("tasks", {})


async def claim(_message: Message, command: CommandObject, app: Services, person: Person, say: Say) -> None:
    name, *more = words(command, CLAIM, most=2)
    if more and more != ["rotate"]:
        raise unknown_word(more[0], CLAIM)
    done = await task.claim(app, actor=person.name, agent=name, rotate=bool(more))
    now = f"{done['agent']} → {done['bead']}: {done['reason']}.\n"
    await say.text(Text(now, "Its prompt: ", Code(f"/broadcast_targeted only {done['agent']}")))

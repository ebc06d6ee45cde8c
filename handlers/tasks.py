"""Tasks: what is to be done, and giving an agent its next bead."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message
from aiogram.utils.formatting import Code, Text

from bot.operations import Services, task
from bot.telegram.callbacks import AgentTap
from bot.telegram.people import Person
from handlers.commands import command, unknown_word, words
from handlers.say import Say

CLAIM = "/claim w1, or /claim w1 rotate"


def router() -> Router:
    routes = Router(name="tasks")
    routes.message.register(tasks, command("tasks"), flags={"needs": "tasks"})
    routes.message.register(claim, command("claim"), flags={"needs": "claim"})
    routes.callback_query.register(tap_claim, AgentTap.filter(F.verb == "claim"), flags={"needs": "claim"})
    return routes


async def tasks(_message: Message, app: Services, say: Say) -> None:
    await app.book.for_workdir(app.settings.root(app.home))
    await say.card("tasks", {})


async def claim(_message: Message, command: CommandObject, app: Services, person: Person, say: Say) -> None:
    name, *more = words(command, CLAIM, most=2)
    if more and more != ["rotate"]:
        raise unknown_word(more[0], CLAIM)
    await _claim(app, person, say, name, rotate=bool(more))


async def tap_claim(_query: CallbackQuery, callback_data: AgentTap, app: Services, person: Person, say: Say) -> None:
    await _claim(app, person, say, callback_data.id)


async def _claim(app: Services, person: Person, say: Say, name: str, *, rotate: bool = False) -> None:
    done = await task.claim(app, actor=person.name, agent=name, rotate=rotate)
    now = f"{done['agent']} → {done['bead']}: {done['reason']}.\n"
    await say.text(Text(now, "Its prompt: ", Code(f"/broadcast_targeted only {done['agent']}")))

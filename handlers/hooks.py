"""The question whether our hooks may stand in a home that was the person's."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.types import CallbackQuery

from bot.operations import Services, hooks
from bot.telegram.callbacks import ConfirmTap
from bot.telegram.people import Person
from handlers.say import Tap


def router() -> Router:
    routes = Router(name="hooks")
    routes.callback_query.register(
        answer, ConfirmTap.filter(F.verb.in_({"yes", "no"})), flags={"needs": "settings.change"}
    )
    return routes


async def answer(_query: CallbackQuery, callback_data: ConfirmTap, app: Services, person: Person, tap: Tap) -> None:
    yes = callback_data.verb == "yes"
    await hooks.answer(app, callback_data.id, yes=yes, by=person.name)
    await tap.answer("Done." if yes else "Left as it is.")

"""Buttons under what the bot announces to do by itself: do not, do it after all, move the agent instead."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.types import CallbackQuery

from bot.errors import Refused
from bot.operations import Services, quota
from bot.telegram.callbacks import SelfTap
from bot.telegram.people import Person
from handlers.cards.quota import named
from handlers.say import Say, Tap


def router() -> Router:
    routes = Router(name="self")
    press = routes.callback_query.register
    press(decline, SelfTap.filter(F.verb == "decline"), flags={"needs": "self.decline"})
    press(allow, SelfTap.filter(F.verb == "allow"), flags={"needs": "self.allow"})
    press(move, SelfTap.filter(F.verb == "move"), flags={"needs": "quota.rotate"})
    return routes


async def decline(_query: CallbackQuery, callback_data: SelfTap, app: Services, person: Person, tap: Tap) -> None:
    await app.actions.decline(callback_data.id, person.name)
    await tap.answer("Declined.")


async def allow(_query: CallbackQuery, callback_data: SelfTap, app: Services, person: Person, tap: Tap) -> None:
    await app.actions.allow(callback_data.id, person.name)
    await tap.answer("Allowed again.")


async def move(
    _query: CallbackQuery, callback_data: SelfTap, app: Services, person: Person, say: Say, tap: Tap
) -> None:
    action = await app.actions.get(callback_data.id)
    target = named(callback_data.profile, [profile.name for profile in app.profiles.all()])
    if target is None:
        raise Refused("This profile is gone.", hint="Look: /quota")
    await quota.rotate_when_idle(app, actor=person.name, id=action.agent, to=target)
    await tap.tell(f"{action.agent} is to move to {target} when idle.", say)

"""Buttons under what the bot announces to do by itself: do not, do it after all, move the agent instead."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.types import CallbackQuery

from bot.errors import Refused
from bot.operations import Services, life, quota
from bot.store.audit import note
from bot.telegram.callbacks import SelfTap
from bot.telegram.card import text_data
from bot.telegram.people import Person
from handlers.cards.life import should_run
from handlers.cards.quota import named
from handlers.life import held
from handlers.say import TOO_OLD, Say, Tap

SURE = "sure-all"


def router() -> Router:
    routes = Router(name="self")
    press = routes.callback_query.register
    press(decline, SelfTap.filter(F.verb == "decline"), flags={"needs": "self.decline"})
    press(allow, SelfTap.filter(F.verb == "allow"), flags={"needs": "self.allow"})
    press(move, SelfTap.filter(F.verb == "move"), flags={"needs": "quota.rotate"})
    press(stop_all, SelfTap.filter(F.verb == "stop"), flags={"needs": "stop"})
    press(sure_stop, SelfTap.filter(F.verb == "sure-stop"), flags={"needs": "stop"})
    press(leave, SelfTap.filter(F.verb == "leave"), flags={"needs": "agent"})
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


async def stop_all(_query: CallbackQuery, callback_data: SelfTap, app: Services, say: Say) -> None:
    """Ask before all that the bot has brought back by itself are stopped."""
    action, running = await app.actions.get(callback_data.id), await should_run(app)
    names = [name for name in action.data["agents"] if name in running]
    note(asked_about=names)  # the row of the tap: nothing is stopped yet
    await say.card(SURE, {"self": action.id, "agents": names}, live=True)


async def sure_stop(_query: CallbackQuery, callback_data: SelfTap, app: Services, say: Say, tap: Tap) -> None:
    notice = await say.shown(tap.message_id)
    if notice is None or notice.kind != SURE or notice.data["self"] != callback_data.id:
        await tap.answer(TOO_OLD, alert=True)
        return
    done = await life.stop(app, ids=notice.data["agents"])
    said = held(done, "⏹", "is stopped", "are stopped", "None of them runs.")
    await say.turn_into(tap.message_id, "text", text_data(said), was={SURE})
    await app.actions.refresh(callback_data.id)


async def leave(_query: CallbackQuery, say: Say, tap: Tap) -> None:
    await say.turn_into(tap.message_id, "text", text_data("They go on."), was={SURE})

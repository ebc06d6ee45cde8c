"""Commands and buttons about quota."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message

from bot.errors import Refused
from bot.operations import Services, quota
from bot.telegram.callbacks import QuotaTap
from bot.telegram.people import Person
from handlers.cards.quota import named
from handlers.commands import command
from handlers.say import Say, Tap


def router() -> Router:
    routes = Router(name="quota")
    hear, press = routes.message.register, routes.callback_query.register
    hear(show, command("quota"), flags={"needs": "quota"})
    hear(alerts, command("alerts"), flags={"needs": "alerts"})
    press(tap_show, QuotaTap.filter(F.verb == "show"), flags={"needs": "quota"})
    press(tap_alerts, QuotaTap.filter(F.verb == "alerts"), flags={"needs": "alerts"})
    press(tap_refresh, QuotaTap.filter(F.verb == "refresh"), flags={"needs": "quota"})
    press(tap_theme, QuotaTap.filter(F.verb.in_({"dark", "light"})), flags={"needs": "quota"})
    press(tap_chart, QuotaTap.filter(F.verb == "chart"), flags={"needs": "quota"})
    press(tap_mute, QuotaTap.filter(F.verb.in_({"mute", "unmute"})), flags={"needs": "quota.mute"})
    press(tap_rotate, QuotaTap.filter(F.verb == "rotate"), flags={"needs": "quota.rotate"})
    return routes


def _profile(app: Services, tap: QuotaTap) -> str:
    """The profile that a button is about. Raises Refused when it is gone."""
    name = named(tap.profile, [p.name for p in app.profiles.all()])
    if name is None:
        raise Refused("This profile is gone.", hint="Look: /quota")
    return name


async def show(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    name = (command.args or "").strip()
    if name:
        await say.card("quota-profile", {"profile": app.profiles.get(name).name}, live=True)
    else:
        await say.card("quota", {}, live=True)


async def alerts(_message: Message, say: Say) -> None:
    await say.card("alerts", {}, live=True)


async def tap_show(_query: CallbackQuery, callback_data: QuotaTap, app: Services, say: Say) -> None:
    if callback_data.profile:
        await say.card("quota-profile", {"profile": _profile(app, callback_data)}, live=True)
    else:
        await say.card("quota", {}, live=True)


async def tap_alerts(_query: CallbackQuery, say: Say) -> None:
    await say.card("alerts", {}, live=True)


async def tap_refresh(_query: CallbackQuery, app: Services, say: Say, tap: Tap) -> None:
    await app.quota.refresh(force=True)
    await tap.answer("Asked again.")
    await say.refresh(tap.message_id)


async def tap_theme(_query: CallbackQuery, callback_data: QuotaTap, say: Say, tap: Tap) -> None:
    await say.refresh(tap.message_id, dark=callback_data.verb == "dark")


async def tap_chart(_query: CallbackQuery, callback_data: QuotaTap, app: Services, say: Say) -> None:
    await say.card("quota-chart", {"profile": _profile(app, callback_data)}, live=True)


async def tap_mute(_query: CallbackQuery, callback_data: QuotaTap, app: Services, say: Say, tap: Tap) -> None:
    name = _profile(app, callback_data)
    status = app.quota.status(name)
    window = named(callback_data.window, status.windows if status else ())
    if window is None:
        raise Refused("This window is gone.", hint="Look: /quota")
    on = callback_data.verb == "mute"
    await quota.mute(app, profile=name, window=window, on=on)
    await tap.answer("Quiet until it resets." if on else "It alerts again.")
    await say.refresh(tap.message_id)


async def tap_rotate(
    _query: CallbackQuery, callback_data: QuotaTap, app: Services, person: Person, say: Say, tap: Tap
) -> None:
    name = _profile(app, callback_data)
    done = await quota.rotate_profile(app, actor=person.name, profile=name)
    await tap.tell(f"{' '.join(done['agents'])}: to be moved off {name} when idle.", say)

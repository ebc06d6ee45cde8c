"""Buttons under what an agent asks, and replies that tell it what to do instead."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message

from bot.agents.permissions.rows import card_key
from bot.agents.permissions.service import Answered, Reply
from bot.notices import post
from bot.notices.shown import Shown
from bot.operations import Services
from bot.telegram.callbacks import DialogTap
from bot.telegram.people import Access, Person
from bot.telegram.tenure import lasts
from handlers.replies import ReplyTo, written
from handlers.rights import may
from handlers.say import Say, Tap


def router() -> Router:
    routes = Router(name="permissions")
    press = routes.callback_query.register
    press(choose, DialogTap.filter(F.verb.startswith("o") & (F.verb != "own")), flags={"needs": "dialog.once"})
    press(confirm, DialogTap.filter(F.verb.startswith("c")), flags={"needs": "dialog.always"})
    press(ask_tell, DialogTap.filter(F.verb.startswith("t")), flags={"needs": "dialog.no"})
    press(own_dialog, DialogTap.filter(F.verb == "own"), flags={"needs": "dialog.no"})
    press(back, DialogTap.filter(F.verb == "back"), flags={"needs": "agents"})
    press(whole, DialogTap.filter(F.verb == "all"), flags={"needs": "agents"})
    press(each, DialogTap.filter(F.verb == "each"), flags={"needs": "dialog.once"})
    press(show, DialogTap.filter(F.verb == "show"), flags={"needs": "agents"})
    routes.message.register(told, ReplyTo("permission_tell"), flags={"needs": "dialog.no"})
    return routes


def number(verb: str) -> int:
    """The choice that a button names."""
    return int(verb[1:]) if verb[1:].isdecimal() else -1


async def choose(  # noqa: PLR0917 - aiogram hands each over by its name
    _query: CallbackQuery,
    callback_data: DialogTap,
    app: Services,
    access: Access,
    person: Person,
    say: Say,
    tap: Tap,
) -> None:
    option = number(callback_data.verb)
    _, choice = app.permissions.chosen(callback_data.card, callback_data.mark, option)
    if choice.grant in ("lasting", "key"):
        may(person, "dialog.always", await access.people())
    if choice.grant == "lasting":
        await say.refresh(tap.message_id, confirm=option, confirm_of=person.tenure)
        await tap.answer("This lasts. Tap again to be sure.")
        return
    await tap.answer(told_of(await _answer(app, callback_data, option, person, say)))


async def confirm(
    _query: CallbackQuery, callback_data: DialogTap, app: Services, person: Person, say: Say, tap: Tap
) -> None:
    option = number(callback_data.verb)
    if await half_done(await say.shown(tap.message_id), say) != option:
        await tap.answer("Nobody asked for that just now. Tap the answer itself first.", alert=True)
        return
    await say.refresh(tap.message_id, confirm=None)
    answered = await _answer(app, callback_data, option, person, say)
    await tap.answer(told_of(answered))


async def half_done(notice: Shown | None, say: Say) -> int | None:
    """The lasting choice that was tapped once, by somebody who has lost no right since."""
    if notice is None or not isinstance(notice.data.get("confirm"), int):
        return None
    async with say.store.begin() as tx:
        return int(notice.data["confirm"]) if await lasts(tx, notice.data.get("confirm_of")) else None


async def back(_query: CallbackQuery, say: Say, tap: Tap) -> None:
    await say.refresh(tap.message_id, confirm=None)


async def ask_tell(_query: CallbackQuery, callback_data: DialogTap, app: Services, say: Say) -> None:
    option = number(callback_data.verb)
    asks, choice = app.permissions.chosen(callback_data.card, callback_data.mark, option)
    if choice.grant != "no":  # no button of ours says so, but what a tap carries comes from outside
        return
    names = ", ".join(ask.agent for ask in asks)
    bound = {"card": callback_data.card, "mark": callback_data.mark, "option": option, "agents": names}
    await say.card("permission_tell", bound)


async def told(message: Message, notice: Shown, app: Services, person: Person, say: Say) -> None:
    data = notice.data
    reply = Reply(person.name, f"chat:{say.chat_id}", (await written(message)).strip(), say.chat_id)
    answered = await app.permissions.answer(str(data["card"]), str(data["mark"]), int(data["option"]), reply)
    await say.text(told_of(answered))


async def own_dialog(_query: CallbackQuery, callback_data: DialogTap, app: Services, tap: Tap) -> None:
    app.permissions.let_go(callback_data.card, callback_data.mark)
    await tap.answer("Its own dialog comes up; its choices will stand here.")


async def whole(_query: CallbackQuery, callback_data: DialogTap, say: Say) -> None:
    await say.card("permission_text", {"card": callback_data.card})


async def each(_query: CallbackQuery, callback_data: DialogTap, app: Services) -> None:
    await app.permissions.split(callback_data.card)


async def show(_query: CallbackQuery, callback_data: DialogTap, app: Services, say: Say, tap: Tap) -> None:
    """The question again, as a new message below."""
    card = callback_data.card
    if all(ask.card != card for ask in app.permissions.open()):
        await tap.answer("That was answered meanwhile.")
        return
    async with say.store.begin() as tx:
        await post(tx, "permission", {"card": card}, chat_id=say.chat_id, key=card_key(card), below=True)


async def _answer(app: Services, tapped: DialogTap, option: int, person: Person, say: Say) -> Answered:
    reply = Reply(person.name, f"chat:{say.chat_id}", chat_id=say.chat_id)
    return await app.permissions.answer(tapped.card, tapped.mark, option, reply)


def told_of(answered: Answered) -> str:
    """What became of it, in one sentence."""
    words = f"{', '.join(answered.taken)}: {answered.choice.name}"
    failed = "".join(f" {why}" for why in answered.failed.values())
    return f"{words}.{failed}"

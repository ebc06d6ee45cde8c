"""Whether a long text is whole: what the person says to that."""

from __future__ import annotations

from typing import Protocol

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message

from bot.notices.shown import Shown
from bot.telegram.callbacks import RestTap
from bot.telegram.card import text_data
from bot.telegram.people import Person
from handlers.replies import ReplyTo, written
from handlers.say import Say, Tap


class LongTexts(Protocol):
    """Texts that wait for their rest, each known by the id of its first update. Both raise Refused for one that does
    not wait, or that somebody else wrote."""

    async def go_on(self, first: int, user_id: int, more: str = "") -> int: ...

    async def drop(self, first: int, user_id: int) -> None: ...


def router() -> Router:
    routes = Router(name="rest")
    routes.callback_query.register(whole, RestTap.filter(F.verb == "all"), flags={"needs": "help"})
    routes.callback_query.register(drop, RestTap.filter(F.verb == "drop"), flags={"needs": "help"})
    routes.message.register(came, ReplyTo("rest"), flags={"needs": "help"})
    return routes


async def whole(
    _query: CallbackQuery, callback_data: RestTap, long_texts: LongTexts, person: Person, say: Say, tap: Tap
) -> None:
    """What the text asks for needs its own role, which is checked when it is handled."""
    size = await long_texts.go_on(callback_data.first, person.user_id)
    await _settle(say, tap.message_id, f"✂️ Taken as it is: {size:,} characters.")


async def drop(
    _query: CallbackQuery, callback_data: RestTap, long_texts: LongTexts, person: Person, say: Say, tap: Tap
) -> None:
    await long_texts.drop(callback_data.first, person.user_id)
    await _settle(say, tap.message_id, "✂️ Dropped. Nothing was done with that text.")


async def came(message: Message, notice: Shown, long_texts: LongTexts, person: Person, say: Say) -> None:
    """The reply is the rest."""
    size = await long_texts.go_on(int(notice.data["first"]), person.user_id, await written(message))
    if message.reply_to_message is not None:
        await _settle(say, message.reply_to_message.message_id, f"✂️ Put together: {size:,} characters.")


async def _settle(say: Say, message_id: int, words: str) -> None:
    await say.turn_into(message_id, "text", text_data(words), was={"rest"})

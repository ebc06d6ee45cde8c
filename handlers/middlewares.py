"""What happens around every handler: let in, allowed, audited, answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from aiogram import BaseMiddleware, Bot
from aiogram.dispatcher.flags import get_flag
from aiogram.types import CallbackQuery, Message, TelegramObject, User

from bot.errors import MafError
from bot.store import Store
from bot.store.audit import Audit
from bot.store.errors import trouble
from bot.telegram.access import Role, command_of
from bot.telegram.people import Access, Person, plain_name
from bot.telegram.text import render
from bot.telegram.tries import Budget
from handlers.commands import WhichAgent
from handlers.rights import LOOKS, may
from handlers.said import said
from handlers.say import TOO_OLD, Say, Tap, fits
from handlers.wording import told

log = logging.getLogger(__name__)

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]
FORWARDED = "I do not act on words that another wrote, so nothing was done. Write them yourself."
OVER = "That message is over: the role of who asked for it has changed. Ask for it anew."
# A press that takes longer than this is answered before its work is done.
ANSWER_WITHIN_S = 0.7


class Internal(MafError):
    """Something went wrong inside the bot, and this was not done to its end."""

    code = "internal"
    hint = "Its details: maf logs tail error"


class Door(BaseMiddleware):
    """Strangers meet silence, but for a right /pair code and for /start while nobody owns the bot."""

    def __init__(self, access: Access, store: Store, audit: Audit) -> None:
        self.access = access
        self.store = store
        self.audit = audit
        self._rows = Budget()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        user: User | None = getattr(event, "from_user", None)
        message = event.message if isinstance(event, CallbackQuery) else event
        if user is None or user.is_bot:
            return None
        if not isinstance(message, Message):
            return await self._out_of_reach(event, user, data["bot"])
        known = next((p for p in await self.access.people() if p.user_id == user.id), None)
        if not await self._opens(event, known, data["bot"]):
            return None
        person = known or Person(user.id, "", Role.NOBODY)
        data["person"] = person if person.name else replace(person, name=plain_name(user.full_name))
        say = data["say"] = Say(self.store, message.chat.id, _topic(message), person.tenure)
        return await handler(event, data) if await self._counts(event, message, known, say, data["bot"]) else None

    async def _opens(self, event: TelegramObject, known: Person | None, bot: Bot) -> bool:
        """Whether it is meant for us, by somebody who is let in or may knock."""
        if isinstance(event, Message) and await for_another_bot(event, bot):
            return False
        if known is None and not await self._may_knock(event):
            if isinstance(event, CallbackQuery):
                await Tap(event, bot).answer()  # no word, but their app need not wait for one
            return False
        return True

    @staticmethod
    async def _counts(event: TelegramObject, message: Message, known: Person | None, say: Say, bot: Bot) -> bool:
        """Whether it is their own word, and under a message that has not ended; else they are told."""
        if isinstance(event, CallbackQuery) and await say.is_over(message.message_id):
            await Tap(event, bot).answer(OVER, alert=True)
            return False
        if isinstance(event, Message) and _is_anothers(event):
            if known is not None and message.chat.type == "private":
                await say.text(FORWARDED)
            return False
        return True

    async def _out_of_reach(self, event: TelegramObject, user: User, bot: Bot) -> None:
        """A press under a message that Telegram no longer shows us (InaccessibleMessage): it does nothing, and says so
        to those who are let in."""
        if isinstance(event, CallbackQuery):
            known = await self.access.role_of(user.id) is not Role.NOBODY
            await Tap(event, bot).answer(TOO_OLD if known else "", alert=known)

    async def _may_knock(self, event: TelegramObject) -> bool:
        if not isinstance(event, Message) or not event.text:
            return False
        command = command_of(event.text.split(maxsplit=1)[0]) if event.text.startswith("/") else None
        if command is None:
            return False
        if command.name == "pair":
            return await self._has_code(event)
        return command.name == "start" and event.chat.type == "private" and not await self.access.owner_exists()

    async def _has_code(self, message: Message) -> bool:
        """Whether a stranger's /pair has a code that lets in. One that does not leaves a row, as long as there are not
        many."""
        user, code = message.from_user, (message.text or "").split(maxsplit=1)[1:]
        if user is None or not code or not self.access.may_try(user.id):
            return False
        if await self.access.knock(code[0], user.id):
            return True
        if self._rows.spend(self.access.clock.now()):
            who, where = f"{plain_name(user.full_name)} ({user.id})", f"chat:{message.chat.id}"
            entry = await self.audit.begin(actor=who, place=where, action="pair")
            await self.audit.finish(entry, "refused: a wrong code")
        return False


class Rights(BaseMiddleware):
    """Checks the role that the handler's flag `needs` names; writes the audit row around what is more than a look."""

    def __init__(self, access: Access, audit: Audit) -> None:
        self.access = access
        self.audit = audit

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        needs = get_flag(data, "needs")
        person: Person = data["person"]
        if needs in LOOKS:
            may(person, needs, await self.access.people())
            return await handler(event, data)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(
                self.audit.action(
                    actor=f"{person.name} ({person.user_id})",
                    place=f"chat:{_chat_id(event)}",
                    action=needs,
                    **said(event, data, needs),
                )
            )
            may(person, needs, await self.access.people())
            return await handler(event, data)


class Answers(BaseMiddleware):
    """Errors become sentences in the chat; every press gets its answer at once."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        say: Say = data["say"]
        if isinstance(event, CallbackQuery):
            return await self._tapped(handler, event, data, say)
        try:
            return await handler(event, data)
        except WhichAgent as question:
            await say.card("whom", {"ask": question.command}, live=True)
        except MafError as error:
            await self._say(data["person"], say, error)
        except Exception as error:  # The edge of the process: a bug must not leave a person without an answer.
            log.exception("a handler failed")
            await self._say(data["person"], say, trouble(error) or Internal())
        return None

    @staticmethod
    async def _say(person: Person, say: Say, error: MafError) -> None:
        """A stranger who knocks meets silence, whatever goes wrong with it."""
        if person.role is not Role.NOBODY:
            await say.error(error)

    async def _tapped(self, handler: Handler, event: CallbackQuery, data: dict[str, Any], say: Say) -> Any:
        tap = data["tap"] = Tap(event, data["bot"], answered=bool(data.get("answered")))
        work = asyncio.ensure_future(handler(event, data))
        try:
            done, _ = await asyncio.wait({work}, timeout=ANSWER_WITHIN_S)
            if not done:
                await tap.answer()
            await work
        except MafError as error:
            text = render(told(error)).text
            if not fits(text) or not await tap.answer(text, alert=True):  # cut, it would lose what to do
                await say.error(error, again=False)
        except Exception as error:  # As above.
            log.exception("a button failed")
            await say.error(trouble(error) or Internal())
        finally:
            work.cancel()
            await tap.answer()
        return None


async def for_another_bot(message: Message, bot: Bot) -> bool:
    """`/agents@some_bot` is for that bot alone."""
    first = (message.text or "").split(maxsplit=1)[:1]
    name = first[0].partition("@")[2] if first and first[0].startswith("/") else ""
    return bool(name) and name.lower() != ((await bot.me()).username or "").lower()


def _is_anothers(message: Message) -> bool:
    """Words that somebody else wrote, shown to us by forwarding or by an inline bot, and that would act: a command, or
    the answer to a question of ours. Nobody asks us for it. A pair code is there to be handed on."""
    if message.forward_origin is None and message.via_bot is None:
        return False
    if not (message.text or "").startswith("/"):
        replied = message.reply_to_message
        return replied is not None and replied.from_user is not None and replied.from_user.is_bot
    command = command_of((message.text or "").split(maxsplit=1)[0])
    return command is None or command.name != "pair"


def _topic(message: Message) -> int | None:
    return message.message_thread_id if message.is_topic_message else None


def _chat_id(event: TelegramObject) -> int:
    message = event.message if isinstance(event, CallbackQuery) else event
    return message.chat.id if isinstance(message, Message) else 0

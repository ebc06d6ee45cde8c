"""Getting in, and what one can do here."""

from __future__ import annotations

from aiogram import Router
from aiogram.filters import CommandObject
from aiogram.types import Message
from aiogram.utils.formatting import Code, Text

from bot.errors import Refused, WrongUsage
from bot.operations import Services
from bot.store.audit import note
from bot.telegram.access import Role
from bot.telegram.links import tappable
from bot.telegram.people import Access, Person
from handlers.commands import command
from handlers.say import Say


class WrongCode(Refused):
    """This code is wrong, used or too old."""

    code = "wrong_code"
    hint = "A new one, on the bot's machine: `maf pair`"


def router() -> Router:
    routes = Router(name="people")
    routes.message.register(start, command("start"), flags={"needs": "start"})
    routes.message.register(pair, command("pair"), flags={"needs": "pair"})
    routes.message.register(help_, command("help"), flags={"needs": "help"})
    return routes


async def start(_message: Message, person: Person, say: Say) -> None:
    if person.role is Role.NOBODY:
        run = Code("maf pair")
        await say.text(
            Text("Nobody owns this bot yet. On its machine run:\n", run, "\nand send me the line that it prints.")
        )
    else:
        await say.card("help", {"role": person.role.word})


async def pair(  # noqa: PLR0917 - aiogram hands each over by its name
    message: Message, command: CommandObject, app: Services, access: Access, person: Person, say: Say
) -> None:
    """A right code lets in. The Door has looked at a stranger's."""
    if not command.args:
        raise WrongUsage("Which code?", hint="/pair CODE. It comes from `maf pair` on the bot's machine.")
    if person.role is not Role.NOBODY and not await access.knock(command.args, person.user_id):
        raise WrongCode
    chat = message.chat
    paired = await access.redeem(
        command.args,
        user_id=person.user_id,
        name=person.name,
        chat_id=chat.id,
        chat_type=chat.type,
        chat_title=chat.title or "",
    )
    if paired is None:
        raise WrongCode
    note(role=paired.person.role.word)
    welcome = f"Welcome, {paired.person.name}. You are {paired.person.role.a} now. "
    if paired.moved and app.settings.supervisor_chat is None and paired.was is not Role.NOBODY:
        welcome += "What agents need comes here from now on. "
    await say.text(Text(welcome, tappable("/help shows what you can do.")))


async def help_(_message: Message, person: Person, say: Say) -> None:
    await say.card("help", {"role": person.role.word})

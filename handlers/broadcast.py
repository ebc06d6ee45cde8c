"""Commands about drafts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message

from bot.broadcast.drafts import Drafts
from bot.broadcast.ledger import NotShown
from bot.broadcast.model import Draft
from bot.errors import WrongUsage
from bot.operations import Services
from bot.telegram.access import Role
from bot.telegram.callbacks import FleetTap
from bot.telegram.card import text_data
from bot.telegram.links import tappable
from bot.telegram.people import Access, Person
from handlers.commands import command, unknown_word
from handlers.rights import may
from handlers.say import TOO_OLD, Say, Tap
from handlers.wording import counted

ASK = "What shall I say to all agents? Send /broadcast TEXT.\nA prompt for each: /broadcast_targeted"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What stands behind /broadcast_targeted."""

    auto: bool = False
    idle: bool = False
    only: tuple[str, ...] = ()


def parse(arguments: str) -> Wanted:
    """`[auto] [idle | only a,b]` in any order. Raises WrongUsage for another word.

    >>> parse("auto only w1, w2")
    Wanted(auto=True, idle=False, only=('w1', 'w2'))
    """
    words = [w for w in re.split(r"[\s,]+", arguments.strip()) if w]
    auto, idle, only = False, False, []
    for at, word in enumerate(words):
        if word.lower() == "auto":
            auto = True
        elif word.lower() == "idle":
            idle = True
        elif word.lower() == "only":
            only = words[at + 1 :]
            break
        else:
            raise unknown_word(word, "`/broadcast_targeted [auto] [idle | only w1,w2]`")
    auto = auto or any(w.lower() == "auto" for w in only)
    names = tuple(dict.fromkeys(w for w in only if w.lower() != "auto"))
    if "only" in (w.lower() for w in words) and not names:
        raise WrongUsage("Only which agents?", hint="`/broadcast_targeted only w1,w2`")
    return Wanted(auto, idle, names)


def router() -> Router:
    routes = Router(name="broadcast")
    routes.message.register(targeted, command("broadcast-targeted"), flags={"needs": "broadcast-targeted"})
    routes.message.register(broadcast, command("broadcast"), flags={"needs": "broadcast"})
    routes.message.register(apply, command("broadcast-apply"), flags={"needs": "broadcast-apply"})
    routes.callback_query.register(draft_file, FleetTap.filter(F.verb == "draft"), flags={"needs": "broadcast"})
    routes.message.register(cancel, command("broadcast-cancel"), flags={"needs": "broadcast-cancel"})
    return routes


async def targeted(
    _message: Message, command: CommandObject, app: Services, access: Access, person: Person, say: Say
) -> None:
    wanted = parse(command.args or "")
    if wanted.auto:
        may(person, "draft.auto", await access.people())
    chat = await where(access, app, person, say)
    draft = await app.drafts.draft(person.name, only=wanted.only, idle_only=wanted.idle, auto=wanted.auto, chat_id=chat)
    if not wanted.auto:
        await _point_to(draft, chat, access, app, say)
    elif draft.sendable:
        await app.apply.apply(draft.id, draft.version, person.name)
    else:
        await app.drafts.show_below(draft, draft.chat_id)


async def broadcast(
    _message: Message, command: CommandObject, app: Services, access: Access, person: Person, say: Say
) -> None:
    text = command.args or ""
    if not text.strip():
        # Tapping "/broadcast-targeted" in a chat sends a bare /broadcast: it must never send anything.
        await say.text(tappable(ASK))
        return
    chat = await where(access, app, person, say)
    draft = await app.drafts.draft(person.name, text=text, chat_id=chat)
    await _point_to(draft, chat, access, app, say)


async def draft_file(_query: CallbackQuery, app: Services, access: Access, person: Person, say: Say, tap: Tap) -> None:
    """A file that was to be given to somebody becomes a draft for all."""
    notice = await say.shown(tap.message_id)
    if notice is None or notice.kind != "whom" or "text" not in notice.data:
        await tap.answer(TOO_OLD, alert=True)
        return
    chat = await where(access, app, person, say)
    draft = await app.drafts.draft(person.name, text=str(notice.data["text"]), chat_id=chat)
    await say.turn_into(tap.message_id, "text", text_data(f"Draft {draft.id} holds that text."), was={"whom"})
    await _point_to(draft, chat, access, app, say)


async def apply(  # noqa: PLR0917 - aiogram hands each over by its name
    _message: Message,
    command: CommandObject,
    app: Services,
    drafts: Drafts,
    access: Access,
    person: Person,
    say: Say,
) -> None:
    """Send what this chat was shown; a touch on the command must not send what nobody here has looked at."""
    try:
        draft = await drafts.shown_in((command.args or "").strip() or None, say.chat_id)
    except NotShown as error:
        await drafts.show_below(error.draft, await where(access, app, person, say))
        raise
    await app.apply.apply(draft.id, draft.version, person.name)


async def cancel(_message: Message, command: CommandObject, drafts: Drafts, person: Person, say: Say) -> None:
    draft = await drafts.cancel((command.args or "").strip() or None, person.name)
    what = f"The rest of draft {draft.id} is discarded." if draft.sent else f"Draft {draft.id} is discarded; not sent."
    await say.text(what)


async def where(access: Access, app: Services, person: Person, say: Say) -> int | None:
    """The chat that a draft is shown in: here for those who may send it, else the supervisor chat (None)."""
    supervisors = await access.supervisor_chat(app.settings.supervisor_chat)
    here = supervisors is None or person.role >= Role.SUPERVISOR
    return say.chat_id if here and supervisors != say.chat_id else None


async def _point_to(draft: Draft, chat: int | None, access: Access, app: Services, say: Say) -> None:
    """Somebody who asked elsewhere is told where the draft stands."""
    prompts = counted(len(draft.sendable), "prompt")
    if chat is None and await access.supervisor_chat(app.settings.supervisor_chat) != say.chat_id:
        await say.text(f"Draft {draft.id} waits in the supervisors' chat: {prompts}.")
    elif say.topic is not None:
        await say.text(f"Draft {draft.id} stands in the general topic: {prompts}.")

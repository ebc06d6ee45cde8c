"""Which agents there are: the board, one agent in full, and links to it."""

from __future__ import annotations

import re

from aiogram import F, Router
from aiogram.exceptions import AiogramError
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message

from bot.errors import Refused
from bot.notices.live import PINNED
from bot.operations import Services
from bot.operations.board import read
from bot.telegram.callbacks import AgentTap, BoardTap
from handlers.commands import command, one_agent
from handlers.say import Say, Tap, new_key

# "/w1" in a message is a link that can be tapped; "/agent_w1" where the id is also the name of a command.
LINK = re.compile(r"/(?:agent_)?([a-z][a-z0-9_]{0,31})(?:@\w+)?\s*", re.IGNORECASE)


def router() -> Router:
    routes = Router(name="agents")
    hear, press = routes.message.register, routes.callback_query.register
    hear(board, command("agents"), flags={"needs": "agents"})
    hear(show, command("agent"), flags={"needs": "agent"})
    press(turn_board, BoardTap.filter(F.verb.in_({"refresh", "all", "fewer"})), flags={"needs": "agents"})
    press(next_one, BoardTap.filter(F.verb == "next"), flags={"needs": "agents"})
    press(pin, BoardTap.filter(F.verb == "pin"), flags={"needs": "capture"})
    press(tap_show, AgentTap.filter(F.verb == "show"), flags={"needs": "agent"})
    return routes


def link_router() -> Router:
    """`/w1`: to be attached after every command."""
    routes = Router(name="links")
    routes.message.register(
        link, F.text.regexp(LINK, mode="fullmatch").as_("match"), is_agent, flags={"needs": "agent"}
    )
    return routes


async def board(_message: Message, app: Services, say: Say) -> None:
    key = new_key("agents")
    app.live.follow("agents", key, say.chat_id)
    await say.card("agents", {}, key=key)


async def turn_board(_query: CallbackQuery, callback_data: BoardTap, app: Services, say: Say, tap: Tap) -> None:
    await _follow(app, say, tap)
    if callback_data.verb == "refresh":
        await say.refresh(tap.message_id)
    else:
        await say.refresh(tap.message_id, all=callback_data.verb == "all")


async def _follow(app: Services, say: Say, tap: Tap, *, pinned: bool = False) -> None:
    """Before it is written again: what it shows is noted of a board that is followed."""
    notice = await say.shown(tap.message_id)
    if notice is not None and notice.key is not None:
        about = PINNED if pinned or notice.data.get(PINNED) else ""
        app.live.follow("agents", notice.key, say.chat_id, about=about)


async def next_one(_query: CallbackQuery, app: Services, say: Say, tap: Tap) -> None:
    """The agents that need somebody, one after the other with each tap."""
    needy = [row.id for row in await read(app) if row.needs_person]
    if not needy:
        await tap.answer("Nobody needs you now.")
        return
    notice = await say.shown(tap.message_id)
    last = notice.data.get("next") if notice is not None else None
    chosen = needy[(needy.index(last) + 1) % len(needy)] if last in needy else needy[0]
    await say.refresh(tap.message_id, next=chosen)
    await say.card("agent", {"agent": chosen}, live=True)


async def pin(query: CallbackQuery, app: Services, say: Say, tap: Tap) -> None:
    """What is pinned follows beside the newest board, and goes on after a restart."""
    if not isinstance(query.message, Message):
        raise Refused("This message is too old to be pinned.", hint="Send /agents for a new one.")
    try:
        await query.message.pin(disable_notification=True)
    except AiogramError as error:
        raise Refused("I may not pin messages here.", hint="Let me pin in the chat's settings.") from error
    await _follow(app, say, tap, pinned=True)
    await say.refresh(tap.message_id, **{PINNED: True})
    await tap.answer("Pinned. It stays up to date.")


async def show(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    name = one_agent(command)
    await app.registry.get(name)
    await say.card("agent", {"agent": name}, live=True)


async def tap_show(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say) -> None:
    await app.registry.get(callback_data.id)
    await say.card("agent", {"agent": callback_data.id}, live=True)


async def is_agent(_message: Message, match: re.Match[str], app: Services) -> bool:
    known = {one.id for one in await app.registry.all()}
    return match[1].lower() in known or match[0].lower().startswith("/agent_")


async def link(_message: Message, match: re.Match[str], app: Services, say: Say) -> None:
    await app.registry.get(match[1].lower())
    await say.card("agent", {"agent": match[1].lower()}, live=True)

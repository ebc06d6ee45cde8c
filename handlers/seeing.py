"""Looking at agents: the board, their screens as text, as a picture and live, their last answers."""

from __future__ import annotations

import re
from datetime import timedelta

from aiogram import F, Router
from aiogram.exceptions import AiogramError
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message

from bot.clock import iso
from bot.errors import MAX_NAME, Refused, WrongUsage
from bot.excerpt import clipped
from bot.notices import post
from bot.notices.shown import Shown
from bot.operations import Services, agent, life
from bot.operations.board import read
from bot.telegram.callbacks import AgentTap, BoardTap
from bot.telegram.people import Person
from handlers.broadcast import command
from handlers.say import Say, Tap
from handlers.words import one_agent, words

WATCH_FOR = timedelta(minutes=5)
PICTURE = frozenset({"picture", "png", "image"})
# "/w1" in a message is a link that can be tapped; "/agent_w1" where the id is also the name of a command.
LINK = re.compile(r"/(?:agent_)?([a-z][a-z0-9_]{0,31})(?:@\w+)?\s*", re.IGNORECASE)


def router() -> Router:
    routes = Router(name="seeing")
    hear, press = routes.message.register, routes.callback_query.register
    hear(board, command("agents"), flags={"needs": "agents"})
    hear(show, command("agent"), flags={"needs": "agent"})
    hear(capture, command("capture"), flags={"needs": "capture"})
    hear(watch, command("watch"), flags={"needs": "watch"})
    press(turn_board, BoardTap.filter(F.verb.in_({"refresh", "all", "fewer"})), flags={"needs": "agents"})
    press(next_one, BoardTap.filter(F.verb == "next"), flags={"needs": "agents"})
    press(pin, BoardTap.filter(F.verb == "pin"), flags={"needs": "capture"})
    press(tap_show, AgentTap.filter(F.verb == "show"), flags={"needs": "agent"})
    press(tap_capture, AgentTap.filter(F.verb.in_({"screen", "picture", "file"})), flags={"needs": "capture"})
    press(tap_watch, AgentTap.filter(F.verb == "watch"), flags={"needs": "watch"})
    press(tap_unwatch, AgentTap.filter(F.verb == "unwatch"), flags={"needs": "watch"})
    press(tap_said, AgentTap.filter(F.verb.in_({"said", "answer-file"})), flags={"needs": "capture"})
    press(tap_freeze, AgentTap.filter(F.verb == "freeze"), flags={"needs": "freeze"})
    press(ask_send, AgentTap.filter(F.verb == "ask-send"), flags={"needs": "send"})
    hear(sent, F.text, ~F.text.startswith("/"), is_for_agent, flags={"needs": "send"})
    return routes


def link_router() -> Router:
    """`/w1`: to be attached after every command."""
    routes = Router(name="links")
    routes.message.register(
        link, F.text.regexp(LINK, mode="fullmatch").as_("match"), is_agent, flags={"needs": "agent"}
    )
    return routes


async def board(_message: Message, app: Services, say: Say) -> None:
    key = await say.card("agents", {}, live=True)
    if key is not None:
        app.live.follow("agents", key, say.chat_id)


async def is_agent(_message: Message, match: re.Match[str], app: Services) -> bool:
    known = {one.id for one in await app.registry.all()}
    return match[1].lower() in known or match[0].lower().startswith("/agent_")


async def link(_message: Message, match: re.Match[str], app: Services, say: Say) -> None:
    await app.registry.get(match[1].lower())
    await say.card("agent", {"agent": match[1].lower()}, live=True)


async def show(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    name = one_agent(command)
    await app.registry.get(name)
    await say.card("agent", {"agent": name}, live=True)


async def capture(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    found = words(command, "/capture w1 [LINES] [picture]", most=3)
    rest = found[1:]
    lines = next((int(word) for word in rest if word.isdecimal()), 0)
    wrong = [word for word in rest if not word.isdecimal() and word.lower() not in PICTURE]
    if wrong or not 0 <= lines <= agent.MAX_LINES:
        what = f"At most {agent.MAX_LINES:,} lines can be shown."
        if wrong:
            what = f"“{clipped(wrong[0], MAX_NAME)}” is no number of lines."
        raise WrongUsage(what, hint="/capture w1 40, or /capture w1 picture")
    await app.registry.get(found[0])
    form = "picture" if len(rest) > any(word.isdecimal() for word in rest) else "text"
    await say.card("capture", {"agent": found[0], "lines": lines, "as": form})


async def watch(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    await _watch(one_agent(command), app, say)


async def _watch(name: str, app: Services, say: Say) -> None:
    """A message that follows the screen; the one before it about the same agent stops to follow."""
    if (await app.watch.fresh(name)).agent.pane is None:
        raise Refused(f"{name} has no screen: it is not running.", hint=f"Start it: /restart {name}")
    until = app.clock.now() + WATCH_FOR
    key = await say.card("watch", {"agent": name, "until": iso(until)}, live=True)
    if key is None:
        return
    before = app.live.follow("watch", key, say.chat_id, about=name, until=until)
    if before is not None:
        await _end(before.key, name, app, say)


async def _end(key: str, name: str, app: Services, say: Say) -> None:
    data = {"agent": name, "until": iso(app.clock.now()), "over": True}
    async with app.store.begin() as tx:
        await post(tx, "watch", data, chat_id=say.chat_id, key=key)


async def turn_board(_query: CallbackQuery, callback_data: BoardTap, app: Services, say: Say, tap: Tap) -> None:
    if callback_data.verb == "refresh":
        await say.refresh(tap.message_id)
    else:
        await say.refresh(tap.message_id, all=callback_data.verb == "all")
    notice = await say.shown(tap.message_id)
    if notice is not None and notice.key is not None:
        app.live.follow("agents", notice.key, say.chat_id)


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


async def pin(query: CallbackQuery, tap: Tap) -> None:
    if not isinstance(query.message, Message):
        raise Refused("This message is too old to be pinned.", hint="Send /agents for a new one.")
    try:
        await query.message.pin(disable_notification=True)
    except AiogramError as error:
        raise Refused("I may not pin messages here.", hint="Let me pin in the chat's settings.") from error
    await tap.answer("Pinned. It stays up to date.")


async def tap_show(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say) -> None:
    await app.registry.get(callback_data.id)
    await say.card("agent", {"agent": callback_data.id}, live=True)


async def tap_capture(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say) -> None:
    await app.registry.get(callback_data.id)
    form = "text" if callback_data.verb == "screen" else callback_data.verb
    await say.card("capture", {"agent": callback_data.id, "as": form})


async def tap_watch(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say) -> None:
    await _watch(callback_data.id, app, say)


async def tap_unwatch(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    notice = await say.shown(tap.message_id)
    if notice is not None and notice.kind == "watch" and notice.key is not None:
        app.live.drop(notice.key)
        await _end(notice.key, callback_data.id, app, say)


async def tap_said(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say) -> None:
    await app.registry.get(callback_data.id)
    form = {"as": "file"} if callback_data.verb == "answer-file" else {}
    await say.card("said", {"agent": callback_data.id, **form})


async def tap_freeze(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await life.freeze(app, id=callback_data.id)
    await say.refresh(tap.message_id)


async def ask_send(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say) -> None:
    await app.registry.get(callback_data.id)
    await say.card("ask-send", {"agent": callback_data.id})


async def is_for_agent(message: Message, say: Say) -> bool | dict[str, Shown]:
    """Lets a reply to the question for a text through; with the notice behind it."""
    replied = message.reply_to_message
    if replied is None or replied.from_user is None or not replied.from_user.is_bot:
        return False
    notice = await say.shown(replied.message_id)
    return {"notice": notice} if notice is not None and notice.kind == "ask-send" else False


async def sent(message: Message, notice: Shown, app: Services, person: Person, say: Say) -> None:
    """The reply goes to that agent as a prompt."""
    name = str(notice.data["agent"])
    await agent.send_and_tell(app, actor=person.name, id=name, text=message.text or "", chat_id=say.chat_id)

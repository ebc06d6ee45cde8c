"""What an agent shows and says: its screen as text, as a picture and live, its last answer."""

from __future__ import annotations

from datetime import timedelta

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message

from bot.clock import iso
from bot.errors import MAX_NAME, Refused, WrongUsage
from bot.excerpt import clipped
from bot.notices import post
from bot.operations import Services, agent
from bot.telegram.callbacks import AgentTap
from handlers.commands import command, one_agent, words
from handlers.say import Say, Tap

WATCH_FOR = timedelta(minutes=5)
PICTURE = frozenset({"picture", "png", "image"})


def router() -> Router:
    routes = Router(name="screens")
    hear, press = routes.message.register, routes.callback_query.register
    hear(capture, command("capture"), flags={"needs": "capture"})
    hear(watch, command("watch"), flags={"needs": "watch"})
    press(tap_capture, AgentTap.filter(F.verb.in_({"screen", "picture", "file"})), flags={"needs": "capture"})
    press(tap_watch, AgentTap.filter(F.verb == "watch"), flags={"needs": "watch"})
    press(tap_unwatch, AgentTap.filter(F.verb == "unwatch"), flags={"needs": "watch"})
    press(tap_said, AgentTap.filter(F.verb.in_({"said", "answer-file"})), flags={"needs": "capture"})
    return routes


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


async def tap_capture(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say) -> None:
    await app.registry.get(callback_data.id)
    form = "text" if callback_data.verb == "screen" else callback_data.verb
    await say.card("capture", {"agent": callback_data.id, "as": form})


async def watch(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    await _watch(one_agent(command), app, say)


async def tap_watch(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say) -> None:
    await _watch(callback_data.id, app, say)


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


async def tap_unwatch(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    notice = await say.shown(tap.message_id)
    if notice is not None and notice.kind == "watch" and notice.key is not None:
        app.live.drop(notice.key)
        await _end(notice.key, callback_data.id, app, say)


async def _end(key: str, name: str, app: Services, say: Say) -> None:
    data = {"agent": name, "until": iso(app.clock.now()), "over": True}
    async with app.store.begin() as tx:
        await post(tx, "watch", data, chat_id=say.chat_id, key=key)


async def tap_said(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say) -> None:
    await app.registry.get(callback_data.id)
    form = {"as": "file"} if callback_data.verb == "answer-file" else {}
    await say.card("said", {"agent": callback_data.id, **form})

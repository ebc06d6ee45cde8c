"""What an agent shows and says: its screen as text, as a picture and live, its last answer."""

from __future__ import annotations

from collections.abc import Sequence
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
from handlers.commands import command, one_agent, unknown_word, words
from handlers.say import Say, Tap, new_key

WATCH_FOR = timedelta(minutes=5)
PICTURE = frozenset({"picture", "png", "image"})
CAPTURE = "/capture w1 40, or /capture w1 picture"


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
    name, *rest = words(command, CAPTURE, most=3)
    lines, form = lines_and_form(rest)
    await app.registry.get(name)
    await say.card("capture", {"agent": name, "lines": lines, "as": form})


def lines_and_form(words: Sequence[str]) -> tuple[int, str]:
    """`[LINES] [picture]` in any order: lines of history, and "text" or "picture". Raises WrongUsage.

    >>> lines_and_form(["40"]), lines_and_form(["png"])
    ((40, 'text'), (0, 'picture'))
    """
    numbers = [word for word in words if word.isdecimal()]
    others = [word for word in words if not word.isdecimal()]
    for word in others:
        if word.lower() not in PICTURE:
            raise WrongUsage(f"“{clipped(word, MAX_NAME)}” is no number of lines.", hint=CAPTURE)
    if len(numbers) > 1 or len(others) > 1:
        raise unknown_word(words[-1], CAPTURE)
    lines = int(numbers[0]) if numbers else 0
    if lines > agent.MAX_LINES:
        raise WrongUsage(f"At most {agent.MAX_LINES:,} lines can be shown.", hint=CAPTURE)
    return lines, "picture" if others else "text"


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
    key, until = new_key("watch"), app.clock.now() + WATCH_FOR
    before = app.live.follow("watch", key, say.chat_id, about=name, until=until)
    await say.card("watch", {"agent": name, "until": iso(until)}, key=key)
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

"""What one agent is told: a text to it, and that it stop its turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message

from bot.errors import WrongUsage
from bot.notices.shown import Shown
from bot.operations import Services, agent
from bot.telegram.callbacks import AgentTap
from bot.telegram.people import Person
from handlers.commands import WhichAgent, command, one_agent
from handlers.replies import ReplyTo
from handlers.say import Say, Tap


def router() -> Router:
    routes = Router(name="prompts")
    hear, press = routes.message.register, routes.callback_query.register
    hear(send, command("send"), flags={"needs": "send"})
    hear(sent, ReplyTo("ask-send"), flags={"needs": "send"})
    hear(interrupt, command("interrupt"), flags={"needs": "interrupt"})
    press(ask_send, AgentTap.filter(F.verb == "ask-send"), flags={"needs": "send"})
    press(tap_interrupt, AgentTap.filter(F.verb == "interrupt"), flags={"needs": "interrupt"})
    return routes


async def send(_message: Message, command: CommandObject, app: Services, person: Person, say: Say) -> None:
    parts = (command.args or "").split(maxsplit=1)
    if not parts:
        raise WhichAgent("send")
    if len(parts) < 2:
        raise WrongUsage("To whom, and what?", hint="/send w1 TEXT")
    await agent.send_and_tell(app, actor=person.name, id=parts[0], text=parts[1], chat_id=say.chat_id)


async def ask_send(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say) -> None:
    await app.registry.get(callback_data.id)
    await say.card("ask-send", {"agent": callback_data.id})


async def sent(message: Message, notice: Shown, app: Services, person: Person, say: Say) -> None:
    """The reply goes to that agent as a prompt."""
    name = str(notice.data["agent"])
    await agent.send_and_tell(app, actor=person.name, id=name, text=message.text or "", chat_id=say.chat_id)


async def interrupt(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    name = one_agent(command)
    await say.text(interrupted(name, await agent.interrupt(app, id=name)))


async def tap_interrupt(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await tap.tell(interrupted(callback_data.id, await agent.interrupt(app, id=callback_data.id)), say)


def interrupted(name: str, done: Mapping[str, Any]) -> str:
    """What came of an interrupt."""
    if not done["stopped"]:
        return f"{name} was asked to stop, and still works."
    if done["composer"] == "text":
        return f"{name} was interrupted. Text stands in its composer: look at it before you send something."
    return f"{name} was interrupted."

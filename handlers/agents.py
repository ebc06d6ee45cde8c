"""Commands and buttons about agents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message

from bot.errors import WrongUsage
from bot.operations import Services, agent
from bot.telegram.callbacks import AgentTap
from bot.telegram.people import Person
from handlers.broadcast import command
from handlers.say import Say, Tap
from handlers.words import one_agent

LIFE = {"start": agent.start, "stop": agent.stop, "restart": agent.restart}


def router() -> Router:
    routes = Router(name="agents")
    hear, press = routes.message.register, routes.callback_query.register
    hear(send, command("send"), flags={"needs": "send"})
    hear(new, command("new"), flags={"needs": "new"})
    hear(life, command("stop"), flags={"needs": "stop"})
    hear(life, command("restart"), flags={"needs": "restart"})
    hear(interrupt, command("interrupt"), flags={"needs": "interrupt"})
    press(tap_interrupt, AgentTap.filter(F.verb == "interrupt"), flags={"needs": "interrupt"})
    press(tap_life, AgentTap.filter(F.verb.in_({"start", "restart"})), flags={"needs": "restart"})
    press(tap_life, AgentTap.filter(F.verb == "stop"), flags={"needs": "stop"})
    return routes


async def send(_message: Message, command: CommandObject, app: Services, person: Person, say: Say) -> None:
    parts = (command.args or "").split(maxsplit=1)
    if len(parts) < 2:
        raise WrongUsage("To whom, and what?", hint="/send w1 TEXT")
    await agent.send_and_tell(app, actor=person.name, id=parts[0], text=parts[1], chat_id=say.chat_id)


async def new(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    found = (command.args or "").split()
    if not 1 <= len(found) <= 2:
        names = ", ".join(t["name"] for t in await agent.types(app))
        raise WrongUsage("What kind of agent, and with which id?", hint=f"/new TYPE [ID]. Types: {names}")
    made = await agent.create(app, type=found[0], id=found[1] if len(found) > 1 else None)
    await say.card("agent", {"agent": made["id"]}, live=True)


async def life(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    name = one_agent(command)
    await LIFE[command.command.lower()](app, id=name)
    await say.card("agent", {"agent": name}, live=True)


async def interrupt(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    name = one_agent(command)
    await say.text(interrupted(name, await agent.interrupt(app, id=name)))


def interrupted(name: str, done: Mapping[str, Any]) -> str:
    """What came of an interrupt."""
    if not done["stopped"]:
        return f"{name} was asked to stop, and still works."
    if done["composer"] == "text":
        return f"{name} was interrupted. Text stands in its composer: look at it before you send something."
    return f"{name} was interrupted."


async def tap_interrupt(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await tap.tell(interrupted(callback_data.id, await agent.interrupt(app, id=callback_data.id)), say)


async def tap_life(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await LIFE[callback_data.verb](app, id=callback_data.id)
    await say.refresh(tap.message_id)

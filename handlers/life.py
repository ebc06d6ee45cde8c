"""The life of agents: new ones, started, stopped, held and let go on, brought back when they were lost."""

from __future__ import annotations

from typing import Any

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message
from aiogram.utils.formatting import Code, Text

from bot.agents.registry import natural
from bot.errors import WrongUsage
from bot.operations import Services, agent, life
from bot.telegram.callbacks import AgentTap
from bot.telegram.links import tappable
from handlers.commands import command, one_agent, one_or_all
from handlers.say import Say, Tap

LIFE = {"start": agent.start, "stop": agent.stop, "restart": agent.restart}


def router() -> Router:
    routes = Router(name="life")
    hear, press = routes.message.register, routes.callback_query.register
    hear(new, command("new"), flags={"needs": "new"})
    hear(begin_or_end, command("stop"), flags={"needs": "stop"})
    hear(begin_or_end, command("restart"), flags={"needs": "restart"})
    hear(freeze, command("freeze"), flags={"needs": "freeze"})
    hear(thaw, command("thaw"), flags={"needs": "thaw"})
    press(tap_begin_or_end, AgentTap.filter(F.verb.in_({"start", "restart"})), flags={"needs": "restart"})
    press(tap_begin_or_end, AgentTap.filter(F.verb == "stop"), flags={"needs": "stop"})
    press(tap_freeze, AgentTap.filter(F.verb == "freeze"), flags={"needs": "freeze"})
    press(tap_thaw, AgentTap.filter(F.verb == "thaw"), flags={"needs": "thaw"})
    press(tap_restore, AgentTap.filter(F.verb == "restore"), flags={"needs": "restart"})
    press(tap_fresh, AgentTap.filter(F.verb == "fresh"), flags={"needs": "restart"})
    return routes


async def new(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    found = (command.args or "").split()
    if not 1 <= len(found) <= 2:
        names = ", ".join(t["name"] for t in await agent.types(app))
        raise WrongUsage("What kind of agent, and with which id?", hint=f"/new TYPE [ID]. Types: {names}")
    made = await agent.create(app, type=found[0], id=found[1] if len(found) > 1 else None)
    await say.card("agent", {"agent": made["id"]}, live=True)


async def begin_or_end(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    name = one_agent(command)
    await LIFE[command.command.lower()](app, id=name)
    await say.card("agent", {"agent": name}, live=True)


async def tap_begin_or_end(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await LIFE[callback_data.verb](app, id=callback_data.id)
    await say.refresh(tap.message_id)


async def freeze(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    name = one_or_all(command)
    done = await life.freeze(app, id=name)
    said = held(done, "❄️", "is held where it is", "are held where they are", "No agent runs.")
    await say.text(Text(said, "\n", back(name)) if done["agents"] else said)


async def tap_freeze(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await life.freeze(app, id=callback_data.id)
    await say.refresh(tap.message_id)


async def thaw(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    done = await life.thaw(app, id=one_or_all(command))
    await say.text(held(done, "🟢", "goes on", "go on", "No agent is frozen."))


async def tap_thaw(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await life.thaw(app, id=callback_data.id)
    await say.refresh(tap.message_id)


async def tap_restore(_query: CallbackQuery, app: Services, tap: Tap) -> None:
    await tap.answer("Bringing them back …")
    # The alert itself says how it went: the guardian writes it anew.
    await life.restore(app)


async def tap_fresh(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await agent.start(app, id=callback_data.id, fresh=True)
    await tap.tell(f"{callback_data.id} has started with a new conversation.", say)


def back(name: str | None) -> Text:
    """What undoes it."""
    if name is None:
        return tappable("To let them go on: /thaw")
    return Text("To let it go on: ", Code(f"/thaw {name}"))  # a touch on a link would send /thaw alone, which is all


def held(done: dict[str, Any], mark: str, one: str, many: str, none: str) -> str:
    """What to say of agents that were frozen or thawed, and of those that could not be."""
    names = sorted(done["agents"], key=natural)
    lines = [f"{mark} {', '.join(names)} {one if len(names) == 1 else many}."] if names else []
    lines += [f"⚠️ {why}" for why in done["refused"].values()]
    return "\n".join(lines) or none

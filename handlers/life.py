"""The life of agents: new ones, started, stopped, held and let go on, brought back when they were lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message
from aiogram.utils.formatting import Code, Text

from bot.agents.registry import natural
from bot.clock import iso
from bot.errors import Refused, WrongUsage
from bot.operations import Services, agent, life
from bot.telegram.callbacks import AgentTap, FleetTap
from bot.telegram.card import text_data
from bot.telegram.links import tappable
from handlers.commands import command, one_agent, one_or_all
from handlers.say import TOO_OLD, Say, Tap

LIFE = {"start": agent.start, "stop": agent.stop, "restart": agent.restart}
ENDS = ("restart", "stop")  # what cuts a turn off
ASKED = frozenset({"whom", "sure"})  # a question of ours, which becomes the agent's card once it is answered


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
    for verb in ENDS:
        press(tap_sure, AgentTap.filter(F.verb == f"sure-{verb}"), flags={"needs": verb})
    press(tap_leave, AgentTap.filter(F.verb == "leave"), flags={"needs": "agent"})
    press(tap_freeze, AgentTap.filter(F.verb == "freeze"), flags={"needs": "freeze"})
    press(tap_thaw, AgentTap.filter(F.verb == "thaw"), flags={"needs": "thaw"})
    press(tap_freeze_all, FleetTap.filter(F.verb == "freeze"), flags={"needs": "freeze"})
    press(tap_thaw_all, FleetTap.filter(F.verb == "thaw"), flags={"needs": "thaw"})
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
    verb, name = command.command.lower(), one_agent(command)
    question = await in_the_way(app, verb, name)
    if question is None:
        await LIFE[verb](app, id=name)
    await say.card(*(question or ("agent", {"agent": name})), live=True)


async def tap_begin_or_end(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    verb, name = callback_data.verb, callback_data.id
    question = await in_the_way(app, verb, name)
    if question is None:
        await LIFE[verb](app, id=name)
        await _shows(say, tap, name)
    elif not await say.turn_into(tap.message_id, *question, was=ASKED):
        await say.card(*question, live=True)


async def in_the_way(app: Services, verb: str, name: str) -> tuple[str, dict[str, Any]] | None:
    """The question to ask before an agent is ended that is at something (kind and data of its card); None for nothing.

    A person may have touched a button by accident, or not know what would be cut off.
    """
    view = await app.watch.fresh(name)
    if verb not in ENDS or not view.unfinished:
        return None
    held = [claim.bead for claim in await app.claims.of(name)]
    at = {"state": str(view.state), "since": iso(view.since), "text": view.draft or "", "beads": held}
    return "sure", {"agent": name, "verb": verb, **at}


async def tap_sure(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    """Do what was asked about, as long as the agent is at what the question says, or at nothing."""
    verb, name = callback_data.verb.removeprefix("sure-"), callback_data.id
    notice = await say.shown(tap.message_id)
    if notice is None or notice.kind != "sure" or (notice.data["verb"], notice.data["agent"]) != (verb, name):
        await tap.answer(TOO_OLD, alert=True)
        return
    question = await in_the_way(app, verb, name)
    if question is not None and not question[1].items() <= notice.data.items():
        await say.turn_into(tap.message_id, *question, was=ASKED)
        raise Refused(f"Nothing was done: {name} is at something else now. Look again.")
    await LIFE[verb](app, id=name)
    await _shows(say, tap, name)


async def tap_leave(_query: CallbackQuery, callback_data: AgentTap, say: Say, tap: Tap) -> None:
    await _shows(say, tap, callback_data.id)


async def _shows(say: Say, tap: Tap, name: str) -> None:
    """The message under the button shows the agent as it is now."""
    if not await say.turn_into(tap.message_id, "agent", {"agent": name}, was=ASKED):
        await say.refresh(tap.message_id)


async def freeze(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    name = one_or_all(command)
    done = await life.freeze(app, id=name)
    await say.text(frozen(done, name))


async def tap_freeze(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await life.freeze(app, id=callback_data.id)
    await _shows(say, tap, callback_data.id)


async def tap_freeze_all(_query: CallbackQuery, app: Services, say: Say, tap: Tap) -> None:
    await say.turn_into(tap.message_id, "text", text_data(frozen(await life.freeze(app), None)), was=ASKED)


async def thaw(_message: Message, command: CommandObject, app: Services, say: Say) -> None:
    await say.text(thawed(await life.thaw(app, id=one_or_all(command))))


async def tap_thaw(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await life.thaw(app, id=callback_data.id)
    await _shows(say, tap, callback_data.id)


async def tap_thaw_all(_query: CallbackQuery, app: Services, say: Say, tap: Tap) -> None:
    await say.turn_into(tap.message_id, "text", text_data(thawed(await life.thaw(app))), was=ASKED)


async def tap_restore(_query: CallbackQuery, app: Services, tap: Tap) -> None:
    await tap.answer("Bringing them back …")
    # The alert itself says how it went: the guardian writes it anew.
    await life.restore(app)


async def tap_fresh(_query: CallbackQuery, callback_data: AgentTap, app: Services, say: Say, tap: Tap) -> None:
    await agent.start(app, id=callback_data.id, fresh=True)
    await tap.tell(f"{callback_data.id} is starting with a new conversation.", say)


def frozen(done: Mapping[str, Any], name: str | None) -> Text | str:
    """What to say of those that were frozen, and how they go on; `name` is the one that was named, if one was."""
    said = held(done, "❄️", "is held where it is", "are held where they are", "No agent runs.")
    return Text(said, "\n", back(name)) if done["agents"] else said


def thawed(done: Mapping[str, Any]) -> str:
    return held(done, "🟢", "goes on", "go on", "No agent is frozen.")


def back(name: str | None) -> Text:
    """What undoes it."""
    if name is None:
        return tappable("To let them go on: /thaw")
    return Text("To let it go on: ", Code(f"/thaw {name}"))


def held(done: Mapping[str, Any], mark: str, one: str, many: str, none: str) -> str:
    """What to say of agents that were frozen or thawed, and of those that could not be."""
    names = sorted(done["agents"], key=natural)
    lines = [f"{mark} {', '.join(names)} {one if len(names) == 1 else many}."] if names else []
    lines += [f"⚠️ {why}" for why in done["refused"].values()]
    return "\n".join(lines) or none

"""What one agent is told: a text to it, and that it stop its turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message

from bot.agents.delivery.text import normalise
from bot.errors import MAX_NAME, WrongUsage
from bot.excerpt import clipped
from bot.notices.shown import Shown
from bot.operations import Services, agent
from bot.store.audit import fingerprint, note
from bot.telegram.callbacks import AgentTap
from bot.telegram.people import Person
from handlers.commands import WhichAgent, command, one_agent
from handlers.replies import ReplyTo, is_prompt_file, written
from handlers.say import TOO_OLD, Say, Tap


def router() -> Router:
    routes = Router(name="prompts")
    hear, press = routes.message.register, routes.callback_query.register
    hear(send, command("send"), flags={"needs": "send"})
    hear(sent, ReplyTo("ask-send"), flags={"needs": "send"})
    hear(interrupt, command("interrupt"), flags={"needs": "interrupt"})
    hear(
        file, is_prompt_file, (F.chat.type == "private") | F.reply_to_message.from_user.is_bot, flags={"needs": "send"}
    )
    press(give, AgentTap.filter(F.verb == "give"), flags={"needs": "send"})
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
    name, text = str(notice.data["agent"]), await written(message)
    await agent.send_and_tell(app, actor=person.name, id=name, text=text, chat_id=say.chat_id)


async def file(message: Message, app: Services, person: Person, say: Say) -> None:
    """A file is a prompt for the agent that the message it replies to is about; else it is asked whom it is for."""
    text = await written(message)
    normalise(text)
    name = await _about(message, app, say)
    if name is not None:
        await agent.send_and_tell(app, actor=person.name, id=name, text=text, chat_id=say.chat_id)
        return
    title = clipped((message.document and message.document.file_name) or "a file", MAX_NAME)
    await say.card("whom", {"ask": "give", "text": text, "file": title}, live=True)


async def _about(message: Message, app: Services, say: Say) -> str | None:
    """The one agent that the message which was replied to is about."""
    replied = message.reply_to_message
    notice = await say.shown(replied.message_id) if replied is not None else None
    if notice is None:
        return None
    if notice.kind == "delivery":
        return (await app.deliveries.get(str(notice.data["delivery"]))).agent
    name = notice.data.get("agent")
    return name if isinstance(name, str) else None


async def give(
    _query: CallbackQuery, callback_data: AgentTap, app: Services, person: Person, say: Say, tap: Tap
) -> None:
    """The text of a file goes to the agent that was chosen; the question becomes the message that follows it."""
    notice = await say.shown(tap.message_id)
    if notice is None or notice.kind != "whom" or "text" not in notice.data:
        await tap.answer(TOO_OLD, alert=True)
        return
    name, text = callback_data.id, str(notice.data["text"])
    note(file=notice.data["file"], **fingerprint(text))
    await agent.send_and_tell(app, actor=person.name, id=name, text=text, chat_id=say.chat_id, asked=notice.key)


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

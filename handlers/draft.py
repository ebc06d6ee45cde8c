"""Buttons under a draft and under its report, and replies that edit a prompt."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message

from bot.broadcast.drafts import Drafts
from bot.broadcast.ledger import DraftChanged, DraftRefused
from bot.broadcast.model import Draft
from bot.errors import Refused
from bot.notices.shown import Shown
from bot.operations import Services
from bot.store.audit import fingerprint
from bot.telegram.callbacks import DraftTap, ItemTap, ReportTap, SwapTap
from bot.telegram.people import Person
from handlers.cards.draft import page_head
from handlers.replies import ReplyTo, written
from handlers.say import Say, Tap


def router() -> Router:
    routes = Router(name="draft")
    press = routes.callback_query.register
    press(send, DraftTap.filter(F.verb == "send"), flags={"needs": "draft.send"})
    press(look, DraftTap.filter(F.verb.in_({"look", "all"})), flags={"needs": "agents"})
    press(cancel, DraftTap.filter(F.verb == "cancel"), flags={"needs": "draft.cancel"})
    press(fresh, DraftTap.filter(F.verb == "fresh"), flags={"needs": "broadcast-targeted"})
    press(reopen, DraftTap.filter(F.verb == "reopen"), flags={"needs": "draft.edit"})
    press(show_item, ItemTap.filter(F.verb == "show"), flags={"needs": "agents"})
    press(send_item, ItemTap.filter(F.verb == "send"), flags={"needs": "draft.send"})
    press(ask_edit, ItemTap.filter(F.verb == "edit"), flags={"needs": "draft.edit"})
    press(skip_item, ItemTap.filter(F.verb.in_({"skip", "back"})), flags={"needs": "draft.edit"})
    press(ask_swap, ItemTap.filter(F.verb == "swap"), flags={"needs": "draft.edit"})
    press(swap, SwapTap.filter(), flags={"needs": "draft.edit"})
    press(retry, ReportTap.filter(F.verb == "retry"), flags={"needs": "draft.send"})
    routes.message.register(edited, ReplyTo("edit", "draft"), flags={"needs": "draft.edit"})
    return routes


async def current(tapped: DraftTap | ItemTap | SwapTap, app: Services, say: Say, tap: Tap) -> Draft:
    """The draft behind a button. When the button is stale its message is rendered anew, and the error says why."""
    try:
        return await app.drafts.check(tapped.draft, tapped.version)
    except DraftRefused:
        await turn(say, tap)
        raise


async def turn(say: Say, tap: Tap, **to: int) -> None:
    """What the message under the button shows: the whole draft, `page=N` for one item, `swap=N` for whom to give it."""
    await say.refresh(tap.message_id, **{"page": None, "swap": None, **to})


async def send(
    _query: CallbackQuery, callback_data: DraftTap, app: Services, person: Person, say: Say, tap: Tap
) -> None:
    await current(callback_data, app, say, tap)
    draft = await app.apply.apply(callback_data.draft, callback_data.version, person.name)
    count = sum(i.status == "intended" for i in draft.items)
    await tap.answer(f"Sending {count}.")


async def look(_query: CallbackQuery, callback_data: DraftTap, app: Services, say: Say, tap: Tap) -> None:
    await current(callback_data, app, say, tap)
    await (turn(say, tap, page=0) if callback_data.verb == "look" else turn(say, tap))


async def cancel(
    _query: CallbackQuery, callback_data: DraftTap, app: Services, person: Person, say: Say, tap: Tap
) -> None:
    await current(callback_data, app, say, tap)
    await app.drafts.cancel(callback_data.draft, person.name, version=callback_data.version)
    await tap.answer("Discarded.")


async def fresh(_query: CallbackQuery, callback_data: DraftTap, drafts: Drafts, person: Person) -> None:
    old = await drafts.get(callback_data.draft)
    await drafts.draft(
        person.name,
        only=old.options.get("only", ()),
        idle_only=bool(old.options.get("idle")),
        text=old.options.get("text"),
        chat_id=old.chat_id,
    )


async def reopen(_query: CallbackQuery, callback_data: DraftTap, app: Services, person: Person, tap: Tap) -> None:
    await app.drafts.reopen(callback_data.draft, person.name, version=callback_data.version)
    await tap.answer("Here it is again.")


async def show_item(_query: CallbackQuery, callback_data: ItemTap, app: Services, say: Say, tap: Tap) -> None:
    at(await current(callback_data, app, say, tap), callback_data.pos)
    await turn(say, tap, page=callback_data.pos)


async def send_item(
    _query: CallbackQuery, callback_data: ItemTap, app: Services, person: Person, say: Say, tap: Tap
) -> None:
    draft = await current(callback_data, app, say, tap)
    agent = at(draft, callback_data.pos)
    await app.apply.apply(draft.id, draft.version, person.name, items=[agent])
    await tap.answer(f"Sending to {agent}.")


async def skip_item(
    _query: CallbackQuery, callback_data: ItemTap, app: Services, person: Person, say: Say, tap: Tap
) -> None:
    draft = await current(callback_data, app, say, tap)
    change = app.drafts.skip_item if callback_data.verb == "skip" else app.drafts.take_back_item
    await change(draft.id, at(draft, callback_data.pos), person.name, version=draft.version)


async def ask_swap(_query: CallbackQuery, callback_data: ItemTap, app: Services, say: Say, tap: Tap) -> None:
    at(await current(callback_data, app, say, tap), callback_data.pos)
    await turn(say, tap, swap=callback_data.pos)


async def swap(
    _query: CallbackQuery, callback_data: SwapTap, app: Services, person: Person, say: Say, tap: Tap
) -> None:
    draft = await current(callback_data, app, say, tap)
    agent = at(draft, callback_data.pos)
    await app.drafts.swap_item(draft.id, agent, callback_data.agent, person.name, version=draft.version)
    await turn(say, tap, page=callback_data.pos)


async def ask_edit(_query: CallbackQuery, callback_data: ItemTap, app: Services, say: Say, tap: Tap) -> None:
    draft = await current(callback_data, app, say, tap)
    agent = at(draft, callback_data.pos)
    await say.card("edit", {"draft": draft.id, "agent": agent})


async def edited(message: Message, notice: Shown, app: Services, person: Person, say: Say) -> None:
    """The reply is the new prompt of that item."""
    draft = await app.drafts.get(str(notice.data["draft"]))
    agent = notice.data.get("agent")
    if agent is None and isinstance(notice.data.get("page"), int):
        agent = on_page(draft, notice.data["page"], message)
    if agent is None:
        raise Refused("Which agent's prompt is this?", hint="Tap “Look at each”, then reply to that page.")
    changed = await app.drafts.edit_item(draft.id, str(agent), await written(message), person.name)
    item = changed.item(str(agent))
    text = {"draft": draft.id, "agent": item.agent, "notes": item.reason.partition("; ")[2], **fingerprint(item.prompt)}
    await say.card("edited", text, key=draft.key_of_edit(item.agent), below=True)


def on_page(draft: Draft, page: int, reply: Message) -> str:
    """The agent whose page was replied to. Raises Refused where the person saw another page than is to stand there:
    somebody turned it, and its message has not followed yet."""
    agent = at(draft, page)
    seen = (reply.reply_to_message.text or "") if reply.reply_to_message else ""
    if not seen.startswith(f"{page_head(draft, page)} ·"):
        raise Refused("That page was turned while you wrote, so nothing was changed.", hint="Reply to it once more.")
    return agent


async def retry(_query: CallbackQuery, callback_data: ReportTap, app: Services, person: Person, tap: Tap) -> None:
    await app.apply.retry_failed(callback_data.draft, person.name)
    await tap.answer("Trying again.")


def at(draft: Draft, position: int) -> str:
    """The agent at that place of the draft."""
    if not 0 <= position < len(draft.items):
        raise DraftChanged
    return draft.items[position].agent

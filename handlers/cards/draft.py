"""The live message of a draft: what would be sent, then what was, and in between one page per item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

from aiogram.utils.formatting import Bold, ExpandableBlockQuote, Text, as_list

from bot.agents.delivery.model import FAILED
from bot.broadcast import ledger, views
from bot.broadcast.drafts import SWAPPABLE
from bot.broadcast.model import Draft, Item
from bot.broadcast.report import draft_lines, item_lines, work
from bot.store import Transaction
from bot.store.audit import fingerprint
from bot.telegram.callbacks import DraftTap, ItemTap, SwapTap
from bot.telegram.card import Message, RenderContext
from bot.telegram.keyboards import Button, in_rows
from bot.telegram.text import legible, units
from handlers.cards.report import decisions, report, unconfirmed_buttons
from handlers.wording import counted

FIRST_LINES = 4
# Units. Telegram takes 4,096; the rest of a page is short.
MAX_SHOWN = 3300


async def draft_card(data: Mapping[str, Any], context: RenderContext) -> Message:
    """data: {"draft": ID}, and "page": N for one item or "swap": N for whom to give it to, while it is pending."""
    async with context.store.begin() as tx:
        draft = await ledger.read(tx, str(data["draft"]))
    if draft.status == "pending" and draft.expires_at > context.now:
        return noted(pending(draft, data, context.zone), draft, data, context.now)
    if draft.sent:
        return report(draft, context.now, context.zone)
    return closed(draft, context.now)


def pending(draft: Draft, data: Mapping[str, Any], zone: tzinfo) -> Message:
    """The draft, one of its pages, or whom to give an item to."""
    if _position(draft, data, "swap") is not None:
        return swap_page(draft, data["swap"])
    if _position(draft, data, "page") is not None:
        return item_page(draft, data["page"], zone)
    return whole(draft, zone)


def noted(message: Message, draft: Draft, data: Mapping[str, Any], now: datetime) -> Message:
    """The message, with what is noted once its chat was shown it: the prompts that stand on it."""
    if _position(draft, data, "swap") is not None:
        return message
    page = _position(draft, data, "page")
    items = draft.items if page is None else draft.items[page : page + 1]

    async def shown(tx: Transaction, chat_id: int) -> None:
        await views.note(tx, chat_id, draft, items, now)

    return replace(message, shown=shown)


def _position(draft: Draft, data: Mapping[str, Any], name: str) -> int | None:
    at = data.get(name)
    return at if isinstance(at, int) and 0 <= at < len(draft.items) else None


def whole(draft: Draft, zone: tzinfo) -> Message:
    """All items, and the buttons to send them."""
    count = len(draft.sendable)
    same = draft.options.get("text")
    kind = "same text for all" if same else f"pack {draft.pack}"
    lines: list[Text | str] = [Text(Bold(f"📝 Draft {draft.id}"), f" · {counted(count, 'prompt')} · {kind}")]
    if same:
        lines.append(ExpandableBlockQuote(shortened(str(same), MAX_SHOWN)))
    for item in draft.items:
        lines.extend(draft_lines(item))
    lines.extend(f"ℹ️ {note}" for note in draft.options.get("notes", []))
    lines.append(f"Good until {_clock(draft.expires_at, zone)}." if count else "Nothing to send.")
    return Message(as_list(*lines), _whole_keyboard(draft, count))


def _whole_keyboard(draft: Draft, count: int) -> list[list[Button]]:
    def tap(verb: str) -> DraftTap:
        return DraftTap(draft=draft.id, version=draft.version, verb=verb)

    rows = decisions(draft)  # about what was sent of it alone
    if not count:
        return [*rows, [Button("↻ Fresh draft", tap("fresh")), Button("✖ Close", tap("cancel"))]]
    return [
        *rows,
        [Button(f"✅ Send {count}", tap("send"), style="success"), Button("👀 Look at each", tap("look"))],
        [Button("✖ Cancel", tap("cancel"))],
    ]


def page_head(draft: Draft, page: int) -> str:
    """`2/4 · w2`: which page it is, and whose prompt stands on it."""
    return f"{page + 1}/{len(draft.items)} · {draft.items[page].agent}"


def item_page(draft: Draft, page: int, zone: tzinfo) -> Message:
    """One item with its whole prompt, its first lines open."""
    item = draft.items[page]
    what = f"{item.action} {item.bead}" if item.bead else work(item)
    size = f" · {len(item.prompt):,} characters" if item.prompt else ""
    lines: list[Text | str] = [Text(Bold(page_head(draft, page)), f" · {what}{size}")]
    if item.prompt:
        head, rest = _parted(item.prompt)
        lines.append(head)
        if rest:
            lines.append(ExpandableBlockQuote(rest))
    if item.status not in {"drafted", "skipped"}:
        lines.extend(item_lines(item, zone))
    elif item.status == "skipped":
        lines.append(f"– not sent: {item.reason or 'skipped'}")
    elif item.reason:
        lines.append(f"why: {item.reason}")
    return Message(as_list(*lines), _item_keyboard(draft, page, item))


def _item_keyboard(draft: Draft, page: int, item: Item) -> list[list[Button]]:
    def tap(verb: str, at: int = page) -> ItemTap:
        return ItemTap(draft=draft.id, version=draft.version, pos=at, verb=verb)

    rows: list[list[Button]] = []
    if item.delivery is not None and item.delivery.undecided:
        rows.append(unconfirmed_buttons(item.delivery.id, item.agent))
    if item.status == "drafted":
        rows.append([Button("✅ Send this", tap("send"), style="success"), Button("✏️ Edit", tap("edit"))])
        second = [Button("⤵ Skip", tap("skip"))]
        if item.action in SWAPPABLE and len(draft.items) > 1:
            second.append(Button("🔁 Other agent", tap("swap")))
        rows.append(second)
    elif item.status == "skipped" and item.prompt:
        rows.append([Button("⤴ Take back in", tap("back"))])
    last = len(draft.items) - 1
    turn = [
        Button("◀", tap("show", page - 1 if page else last)),
        Button("▲ All", DraftTap(draft=draft.id, version=draft.version, verb="all")),
        Button("▶", tap("show", page + 1 if page < last else 0)),
    ]
    return [*rows, turn]


async def edit_card(data: Mapping[str, Any], context: RenderContext) -> Message:
    """data: {"draft": ID, "agent": ID}: a message to reply to."""
    async with context.store.begin() as tx:
        draft = await ledger.read(tx, str(data["draft"]))
    item = draft.item(str(data["agent"]))
    ask = f"✏️ Reply to this message with the new prompt for {item.agent}. Now it is:"
    return Message(as_list(ask, ExpandableBlockQuote(shortened(item.prompt, MAX_SHOWN) or "(nothing)")))


async def edited_card(data: Mapping[str, Any], context: RenderContext) -> Message:
    """data: {"draft": ID, "agent": ID, "sha256", "characters", "notes"}: what became of a text that a person wrote."""
    async with context.store.begin() as tx:
        draft = await ledger.read(tx, str(data["draft"]))
    return Message(Text(edited_text(draft, data, context.now)))


def edited_text(draft: Draft, data: Mapping[str, Any], now: datetime) -> str:
    """`data` as above. Pure."""
    item = draft.item(str(data["agent"]))
    yours = f"your text in draft {draft.id}"
    if fingerprint(item.prompt)["sha256"] != data["sha256"]:
        return f"✏️ {item.agent}: {yours} was replaced since."
    if item.status in FAILED:
        return f"✏️ {item.agent}: {yours} was not sent: {item.delivery.reason if item.delivery else item.reason}"
    if item.delivery is not None or item.status == "intended":
        return f"✏️ {item.agent}: {yours} was sent off; its report says what became of it."
    if item.status == "skipped":
        return f"✏️ {item.agent}: {yours} is left out."
    try:
        ledger.refuse_closed(draft, now)
    except ledger.DraftRefused as error:
        return f"✏️ {item.agent}: {yours} was not sent. {error.message}"
    said = f"✏️ {item.agent} gets {yours} ({data['characters']:,} characters). Not sent yet."
    return f"{said}\nℹ️ {data['notes']}." if data["notes"] else said


def swap_page(draft: Draft, page: int) -> Message:
    """Who could take this item over."""
    item = draft.items[page]
    others = [
        other
        for other in draft.items
        if other.agent != item.agent
        and other.status in {"drafted", "skipped"}
        and (other.action in SWAPPABLE or not other.prompt)
    ]
    buttons = [
        Button(
            other.agent + (f" ⇄ {other.bead}" if other.bead else ""),
            SwapTap(draft=draft.id, version=draft.version, pos=page, agent=other.agent),
        )
        for other in others
    ]
    back = Button("◀ Back", ItemTap(draft=draft.id, version=draft.version, pos=page, verb="show"))
    question = f"Who gets {item.bead or 'this'} instead of {item.agent}?"
    if not others:
        question = f"Nobody else in this draft can take {item.bead or 'this'}."
    return Message(Text(question), [*in_rows(buttons, width=3), [back]])


def closed(draft: Draft, now: datetime) -> Message:
    """A draft of which nothing was sent and nothing will be."""
    try:
        ledger.refuse_closed(draft, now)
        said = f"Draft {draft.id} is closed."
    except ledger.DraftRefused as error:
        said = error.message
    fresh = Button("↻ Fresh draft", DraftTap(draft=draft.id, version=draft.version, verb="fresh"))
    again = Button("↩ Take it up again", DraftTap(draft=draft.id, version=draft.version, verb="reopen"))
    row = [again] if _may_be_missed(draft, now) else []
    row += [] if draft.status == "superseded" else [fresh]
    return Message(Text("📝 ", said), [row] if row else [])


def _may_be_missed(draft: Draft, now: datetime) -> bool:
    """Whether a touch may have closed it that was not meant so, and a person's work with it: only what nobody changed
    is had again by drafting anew."""
    changed = draft.status == "cancelled" or "changed" in draft.options
    return changed and draft.status in ledger.REOPENED and draft.expires_at > now


def _parted(prompt: str) -> tuple[str, str]:
    """Its first lines, and the rest as far as there is room."""
    lines = prompt.split("\n")
    head, length = legible("\n".join(lines[:FIRST_LINES]), MAX_SHOWN // 2)
    return head, shortened(prompt[length:].removeprefix("\n"), MAX_SHOWN - units(head))


def shortened(prompt: str, room: int) -> str:
    """The prompt in at most `room` units, readable, and how much more of it there is."""
    shown, length = legible(prompt, room)
    more = len(prompt) - length
    return f"{shown}\n… {more:,} more characters are sent too" if more else shown


def _clock(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"

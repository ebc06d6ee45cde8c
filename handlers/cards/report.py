"""What became of a draft that was sent, and of a prompt sent to one agent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from aiogram.utils.formatting import Bold, Text, as_list

from bot.agents.delivery.model import FAILED, Delivery
from bot.agents.delivery.rows import delivery_of, sent_again
from bot.broadcast.model import Draft
from bot.broadcast.report import MARKS, NOT_CONFIRMED, count, headline, item_lines, queued_until
from bot.store.tables import DeliveryRow
from bot.telegram.callbacks import DeliveryTap, DraftTap, ReportTap
from bot.telegram.card import Message, RenderContext
from bot.telegram.keyboards import Button

# So many unconfirmed prompts get their own row of buttons at once; the next ones follow when these are settled.
MAX_OPEN = 4
_WHY_NOT = {
    "cancelled": "{who} cancelled it",
    "expired": "its time was up",
    "superseded": "draft {newer} took its place",
}


def report(draft: Draft, now: datetime, zone: tzinfo) -> Message:
    """The report of a draft, as far as it has come."""
    lines: list[Text | str] = [Text(Bold("📨 ", headline(draft, now)))]
    for item in draft.items:
        lines.extend(item_lines(item, zone))
    if draft.sendable and draft.status in _WHY_NOT:
        why = _WHY_NOT[draft.status].format(
            who=draft.options.get("closed_by", "somebody"), newer=draft.options.get("superseded_by", "a newer one")
        )
        lines.append(f"The rest was not sent: {why}.")
    return Message(as_list(*lines), _keyboard(draft))


def _keyboard(draft: Draft) -> list[list[Button]]:
    rows = decisions(draft)
    queued = [i.delivery for i in draft.items if i.delivery and i.delivery.may_be_called_off]
    rows += [[call_off_button(delivery)] for delivery in queued[:MAX_OPEN]]
    counts = count(draft.items)
    if counts.settled and any(i.status in FAILED for i in draft.items):
        rows.append([Button(f"↻ Retry failed ({counts.failed})", ReportTap(draft=draft.id, verb="retry"))])
    if draft.status == "pending" and draft.sendable:
        tap = DraftTap(draft=draft.id, version=draft.version, verb="look")
        rows.append([Button(f"👀 {len(draft.sendable)} more to send", tap)])
    return rows


def decisions(draft: Draft) -> list[list[Button]]:
    """A row of buttons for each prompt that a person has to decide about."""
    undecided = [item.delivery for item in draft.items if item.delivery and item.delivery.undecided]
    return [unconfirmed_buttons(delivery.id, delivery.agent) for delivery in undecided[:MAX_OPEN]]


def unconfirmed_buttons(delivery: str, agent: str) -> list[Button]:
    """What a person may decide about a prompt that was typed and not proven."""
    return [
        Button(f"👁 Show {agent}", DeliveryTap(id=delivery, verb="screen")),
        Button("⏎ Press Enter", DeliveryTap(id=delivery, verb="enter")),
        Button("↻ Send again", DeliveryTap(id=delivery, verb="resend")),
        Button("✓ Leave", DeliveryTap(id=delivery, verb="leave")),
    ]


def call_off_button(delivery: Delivery) -> Button:
    """For one that waits for its agent."""
    return Button(f"✖ Don't send to {delivery.agent}", DeliveryTap(id=delivery.id, verb="off"))


async def delivery_card(data: Mapping[str, Any], context: RenderContext) -> Message | None:
    """data: {"delivery": ID, "why": words for one that no person sent}: one prompt to one agent, edited until it is
    settled. Where a person had it sent again, what became of that; a refused one only as long as nothing is to be
    decided about the one before."""
    async with context.store.begin() as tx:
        row = await tx.get(DeliveryRow, str(data["delivery"]))
        if row is None:
            return None
        tries = [*await sent_again(tx, row), row]
    shown = next((one for one in tries if one.status != "refused" and one.decision != "resent"), tries[0])
    return one_delivery(delivery_of(shown), context.zone, why=str(data.get("why", "")))


def one_delivery(delivery: Delivery, zone: tzinfo, *, why: str = "") -> Message:
    at = delivery.started_at if delivery.status == "started" else delivery.evidence.at if delivery.evidence else None
    when = f" {at.astimezone(zone):%H:%M:%S}" if at else ""
    words = {"unconfirmed": NOT_CONFIRMED, "queued": queued_until(delivery, zone)}
    status = words.get(delivery.status, delivery.status)
    lines: list[Text | str] = [Text(MARKS[delivery.status], " ", Bold(delivery.agent), f" · prompt {status}{when}")]
    lines += [line for line in (why, delivery.reason) if line]
    lines.extend(f"ℹ️ {note}" for note in delivery.notes)
    buttons = [unconfirmed_buttons(delivery.id, delivery.agent)] if delivery.undecided else []
    buttons += [[call_off_button(delivery)]] if delivery.may_be_called_off else []
    return Message(as_list(*lines), buttons)

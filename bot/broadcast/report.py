"""How a draft and its sending read: counts and short lines. Pure; the cards only dress them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.agents.delivery.model import FAILED, PROVEN, Delivery
from bot.broadcast.model import SETTLED, Draft, Item
from bot.excerpt import clipped

# Delivery marks, always the same ones (the words of the product).
MARKS = {
    "drafted": "○",
    "intended": "○",
    "typed": "◔",
    "submitted": "◑",
    "started": "●",
    "unconfirmed": "⚠",
    "refused": "✕",
    "failed": "✕",
    "queued": "⧗",
    "skipped": "–",
}
WIDTH = 41  # the bubble of a phone 390 px wide
NOT_CONFIRMED = "typed, not confirmed"
SAME = "same text"  # a broadcast to all is of no bead


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items of a draft stand where; `total` counts those that were sent at all."""

    total: int
    taken: int
    queued: int
    moving: int
    unconfirmed: int
    failed: int

    @property
    def settled(self) -> bool:
        return self.queued == 0 and self.moving == 0


def count(items: Sequence[Item]) -> Counts:
    """Where the prompts of one broadcast stand; items that were never to be sent are not counted."""
    statuses = [i.status for i in items if i.status not in {"drafted", "skipped"}]
    return Counts(
        total=len(statuses),
        taken=sum(s in PROVEN for s in statuses),
        queued=statuses.count("queued"),
        moving=sum(s not in SETTLED and s != "queued" for s in statuses),
        unconfirmed=statuses.count("unconfirmed"),
        failed=sum(s in FAILED for s in statuses),
    )


def duration(seconds: float) -> str:
    """`6 s`, `4 min`, `2 h 05 min`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def headline(draft: Draft, now: datetime) -> str:
    """`k7q2 · 2 of 4 taken · 6 s`; once settled the time it took is left out and the failures are counted."""
    counts = count(draft.items)
    parts = [draft.id, f"{counts.taken} of {counts.total} taken"]
    if not counts.settled and draft.applied_at:
        parts.append(duration((now - draft.applied_at).total_seconds()))
    if counts.settled and counts.failed:
        parts.append(f"{counts.failed} failed")
    if counts.settled and counts.unconfirmed:
        parts.append(f"{counts.unconfirmed} not confirmed")
    return " · ".join(parts)


def item_lines(item: Item, zone: tzinfo) -> list[str]:
    """The lines of one item in the report: mark, agent, bead, what happened; a reason on a line of its own."""
    if item.status == "skipped":
        what = f" {item.bead}" if item.bead else ""
        return [f"{MARKS['skipped']} {item.agent}{what}   {clipped(item.reason or 'skipped', 90)}"]
    head = f"{MARKS.get(item.status, '?')} {item.agent} {work(item)}"
    return [f"{head}   {_happened(item, zone)}", *(f"   {clipped(r, 90)}" for r in _why(item))]


def _happened(item: Item, zone: tzinfo) -> str:
    delivery = item.delivery
    if item.status in PROVEN and delivery is not None:
        at = delivery.started_at if item.status == "started" else delivery.evidence.at if delivery.evidence else None
        clock = f" {at.astimezone(zone):%H:%M:%S}" if at else ""
        return f"{item.status}{clock}"
    return {
        "drafted": "not sent",
        "intended": "sending",
        "typed": "typed, waiting for proof",
        "queued": queued_until(delivery, zone),
        "unconfirmed": NOT_CONFIRMED,
    }.get(item.status, item.status)


def queued_until(delivery: Delivery | None, zone: tzinfo) -> str:
    """`queued, sent when it is free, until 14:35`."""
    ends = delivery.expires_at if delivery is not None else None
    return f"queued, sent when it is free{f', until {ends.astimezone(zone):%H:%M}' if ends else ''}"


def _why(item: Item) -> list[str]:
    """What went wrong or is waited for, and what was changed in the text."""
    delivery = item.delivery
    lines = []
    if item.status in FAILED | {"unconfirmed", "queued", "typed"}:
        lines.append(delivery.reason if delivery else item.reason)
    elif delivery is not None and item.status in PROVEN:
        lines.append(delivery.reason)  # its limit was met, or the text arrived changed
    notes = delivery.notes if delivery and item.status not in FAILED else ()
    return [line for line in (*lines, *(f"ℹ️ {note}" for note in notes)) if line]


def draft_lines(item: Item) -> list[str]:
    """The lines of one item in the draft: `w1  → shop-41  Cart totals wrong` and the reason under it."""
    if item.status == "skipped":
        mark = "✕" if item.action == "skip" else "–"
        return [f"{item.agent}  {mark}  {clipped(item.reason or 'skipped', 2 * WIDTH)}"]
    if item.status != "drafted":
        reasons = [f"    {clipped(reason, 90)}" for reason in _why(item)]
        return [f"{item.agent}  {MARKS.get(item.status, '?')} {work(item)}  {item.status}", *reasons]
    return [f"{item.agent}  → {assignment(item)}", *([f"    {clipped(item.reason, 90)}"] if item.reason else [])]


def work(item: Item) -> str:
    """What an agent works on, in a word: its bead, or what it does."""
    return item.bead or (SAME if item.action == "assist" else item.action)


def assignment(item: Item) -> str:
    """What an agent gets, short: `shop-17  resume: Payment retries`."""
    prefix = "" if item.action in {"assign", "assist"} else f"{item.action}: "
    room = WIDTH - len(item.agent) - 5 - len(item.bead or "")
    title = clipped(prefix + (item.title or ("" if item.bead else SAME)), max(12, room))
    return f"{item.bead}  {title}".strip() if item.bead else title

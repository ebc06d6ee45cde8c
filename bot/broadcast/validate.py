"""What may have changed between a draft and the tap that sends it. Pure."""

from __future__ import annotations

from bot.beads.model import DONE, Bead
from bot.broadcast.ledger import Item
from bot.broadcast.model import Headroom
from bot.broadcast.survey import AWAY, Situation


def objection(item: Item, situation: Situation, bead: Bead | None) -> str:
    """Why this item cannot be sent any more, in a few words; empty if it can.

    `bead` is the item's bead as Beads has it now, None if it is gone. The composer, the dialog and the process of the
    agent are looked at by the delivery itself, right before it types.
    """
    found = [a for a in situation.agents if a.id == item.agent]
    if not found:
        return "this agent is gone"
    agent = found[0]
    if agent.state in AWAY:
        return f"{agent.id} {AWAY[agent.state]}"
    headroom = situation.headroom.get(agent.profile or "")
    if headroom is not None and not headroom.usable:
        return _no_quota(headroom)
    return _bead_objection(item, situation, bead) if item.bead else ""


def _bead_objection(item: Item, situation: Situation, bead: Bead | None) -> str:
    if bead is None or bead.status in DONE:
        return f"{item.bead} is closed"
    holder = next((c.agent for c in situation.claims if c.bead == item.bead and c.repo == bead.repo), "")
    if holder == item.agent or item.action not in {"assign", "resume"}:
        return ""
    if holder or bead.assignee not in {"", item.agent}:
        return f"{item.bead} went to {holder or bead.assignee}"
    if item.action == "assign" and bead.blocked_by:
        return f"{item.bead} waits for {bead.blocked_by[0]}"
    if item.action == "assign" and bead.status != "open":
        return f"{item.bead} is {bead.status.replace('_', ' ')}"
    return ""


def _no_quota(headroom: Headroom) -> str:
    used = f" is at {headroom.used_percent:.0f} %" if headroom.used_percent is not None else " has no quota left"
    return f"{headroom.profile} {headroom.why}" if headroom.why else f"{headroom.profile}{used}"

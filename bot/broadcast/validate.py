"""What may have changed between a draft and the tap that sends it. Pure."""

from __future__ import annotations

from bot.beads.model import DONE, Bead
from bot.broadcast.model import Headroom, Item
from bot.broadcast.situation import AWAY, Situation


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
    holder = holder or (bead.assignee if bead.status != "open" else "")
    if item.action == "assign":
        return _not_free(item, bead, holder)
    if item.action == "resume":
        return _not_in_hand(item, bead, holder)
    still, over = {
        "review": (bead.in_review, "waits for no review any more"),
        "commit": (bead.to_commit, "does not wait to be committed any more"),
        "assist": (bead.wants_help and bool(holder), "wants no help any more"),
    }[item.action]
    return "" if still else f"{bead.id} {over}"


def _not_free(item: Item, bead: Bead, holder: str) -> str:
    if holder == item.agent:  # claimed for it just before a crash, or by itself meanwhile
        return ""
    if holder or bead.assignee not in {"", item.agent}:
        return f"{bead.id} went to {holder or bead.assignee}"
    if bead.blocked_by:
        return f"{bead.id} waits for {bead.blocked_by[0]}"
    if bead.status != "open" or bead.in_review or bead.to_commit:
        return f"{bead.id} is {_stage(bead)}"
    return ""


def _not_in_hand(item: Item, bead: Bead, holder: str) -> str:
    if holder != item.agent:
        return f"{bead.id} went to {holder}" if holder else f"{item.agent} holds {bead.id} no more"
    if bead.blocked_by:
        return f"{bead.id} waits for {bead.blocked_by[0]}"
    return f"{bead.id} is {_stage(bead)}" if bead.in_review or bead.to_commit else ""


def _stage(bead: Bead) -> str:
    if bead.to_commit:
        return "approved already"
    return "in review" if bead.in_review else bead.status.replace("_", " ")


def _no_quota(headroom: Headroom) -> str:
    used = f" is at {headroom.used_percent:.0f} %" if headroom.used_percent is not None else " has no quota left"
    return f"{headroom.profile} {headroom.why}" if headroom.why else f"{headroom.profile}{used}"

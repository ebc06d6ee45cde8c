"""The first items of a draft: what is written down for each agent. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.beads.model import Bead
from bot.broadcast.model import ItemPlan, NewItem, PlanAgent
from bot.broadcast.situation import Situation
from bot.packs import Pack
from bot.packs.render import render_prompt


def holder(bead: Bead, situation: Situation) -> str:
    """Whose work it is, for the agent that reviews, commits or helps."""
    return next((c.agent for c in situation.claims if (c.bead, c.repo) == (bead.id, bead.repo)), bead.assignee)


def planned(item: ItemPlan, agent: PlanAgent, pack: Pack) -> NewItem:
    """One line of a plan, with its prompt."""
    sends = item.status == "drafted"
    prompt = render_prompt(pack, agent, item.bead, item.action, item.context) if sends else ""
    return NewItem(
        agent=item.agent,
        action=str(item.action),
        bead=item.bead.id if item.bead else None,
        title=item.title,
        prompt=prompt,
        reason=item.reason,
        status=item.status,
    )


def same_text(situation: Situation, prompt: str, *, only: Sequence[str], idle_only: bool) -> list[NewItem]:
    """The same prompt for all; who cannot take it is left out, with the reason."""
    items = []
    for agent in situation.agents:
        if only and agent.id not in only:
            continue
        away = situation.away(agent, idle_only=idle_only)
        if away:
            items.append(NewItem(agent.id, "skip", reason=away, status="skipped"))
        else:
            items.append(NewItem(agent.id, "assist", title="", prompt=prompt))
    return items

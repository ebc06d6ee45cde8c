"""What the bot is going to do by itself, does, or did; one message from the announcement to the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiogram.utils.formatting import Bold, Text, as_list

from bot.clis.homes import HOMES
from bot.errors import NotFound
from bot.excerpt import clipped
from bot.fleet.self_action import COME_BACK, GO_ON, MOVE, NOTICE, RESTART, SelfAction
from bot.operations import Services
from bot.quota.lines import clock
from bot.telegram.callbacks import AgentTap, SelfTap
from bot.telegram.card import Card, Message, RenderContext
from bot.telegram.keyboards import Button
from handlers.cards.life import restarted, restoring, should_run
from handlers.cards.quota import mark

LONGEST_WHY = 300


def cards(app: Services) -> dict[str, Card]:
    async def card(data: Mapping[str, Any], context: RenderContext) -> Message | None:
        """data: {"self": ID, "agent": its agent, if it is about one}."""
        try:
            action = await app.actions.get(int(data["self"]))
        except NotFound:
            return None
        if action.kind == GO_ON:
            return going_on(action, context, await _target(app, action))
        if action.kind == MOVE:
            return moving(action, context, app.actions.lead)
        if action.kind == COME_BACK:
            return coming_back(action)
        return restarting(action) if action.kind == RESTART else restoring(action, await should_run(app))

    return {NOTICE: card}


async def _target(app: Services, action: SelfAction) -> str | None:
    """Where the agent could be moved instead of waiting; None: nowhere, or it is on its way already."""
    if action.ended_at is not None or action.status == "begun" or action.data["moved_to"]:
        return None
    try:
        agent = await app.registry.get(action.agent)
    except NotFound:
        return None
    if agent.kind not in HOMES or agent.profile is None or agent.adopted:
        return None
    await app.quota.fresh()
    return app.accounts.target(agent).profile


@dataclass(frozen=True, slots=True)
class _Times:
    """Times as they stand in a message."""

    context: RenderContext

    def at(self, moment: datetime | float | None) -> str:
        seconds = moment.timestamp() if isinstance(moment, datetime) else moment
        return clock(seconds, self.context.zone, self.context.now.timestamp())


def going_on(action: SelfAction, context: RenderContext, target: str | None) -> Message:
    """An agent at its usage limit: when it goes on, and with what."""
    data, times = action.data, _Times(context)
    work = f"with {data['bead']}" if data["bead"] else "where it stopped"
    since = "its limit is over" if data["resets_at"] else "its limit may be over"
    since = f"runs on {data['moved_to']} now" if data["moved_to"] else since
    if action.status == "done":
        return Message(Text("▶️ ", Bold(action.agent), f" · {since}; I had it go on {work}."))
    if action.status == "failed":
        return Message(
            Text("⚠️ ", Bold(action.agent), f" · was to go on {work}: {clipped(action.outcome, LONGEST_WHY)}.")
        )
    if action.status == "begun":
        return Message(Text("▶️ ", Bold(action.agent), f" · {since}; having it go on {work} …"))
    if action.status == "dropped":
        return Message(Text("⏳ ", Bold(action.agent), f" · {_why_dropped(action)}"))
    resets = f"resets {times.at(data['resets_at'])}" if data["resets_at"] else "nobody says when it resets"
    lines: list[Text | str] = [Text("⏳ ", Bold(action.agent), f" hit its limit, {resets}")]
    if action.declined:
        return Message(as_list(*lines, _declined(action, "it is not told to go on")), [_again(action, target)])
    if data["moved_to"]:
        lines.append(f"goes on {work} by itself, on {data['moved_to']}")
    elif data["own_way"]:
        lines.append(f"goes on {work} then; if it does not by itself, I tell it to")
    else:
        lines.append(f"goes on {work} by itself {'then' if data['resets_at'] else 'once its account has room'}")
    return Message(as_list(*lines), [_dont(action, target)])


def _why_dropped(action: SelfAction) -> str:
    known = {"by itself": "went on by itself.", "gone": "was stopped; it is not told to go on."}
    return known.get(action.outcome, f"is not told to go on: {clipped(action.outcome, LONGEST_WHY)}.")


def moving(action: SelfAction, context: RenderContext, lead: timedelta) -> Message:
    """An agent that is going to be moved to another account."""
    data, name = action.data, Bold(action.agent)
    where = f" to {data['target']}" if data["target"] else f" off {data['source']}"
    why = clipped(action.outcome, LONGEST_WHY)
    over = {
        "done": f"🔄 {action.agent} runs on {data.get('moved_to')} now.",
        "failed": f"⚠️ {action.agent} was not moved{where}: {why}",
        "begun": f"🔄 {action.agent} is being moved{where} …",
        "dropped": f"🔄 {action.agent} is not moved{where}: {why}.",
    }
    if action.status in over:
        return Message(Text(over[action.status]))
    if action.declined:
        again = [_again(action, None)] if action.ended_at is None else []
        said = Text("🔄 ", name, f" stays on {data['source']}")
        return Message(as_list(said, _declined(action, "it is not moved")), again)
    lines = [str(data["why"])]
    if not action.asked_by:
        lines.append(f"by itself, not before {_Times(context).at((action.told_at or context.now) + lead)}")
        if not data.get("home"):
            lines[-1] += "; if that fails, to the next with room"
    return Message(as_list(Text("🔄 ", name, f" moves{where} when idle"), *lines), [_dont(action, None)])


def coming_back(action: SelfAction) -> Message:
    """An agent that was on its way to another account when the bot ended. Once it is back, the message about the move
    stands here."""
    name, source, target = Bold(action.agent), action.data["source"], action.data["target"]
    if action.status in ("failed", "dropped"):
        return Message(Text("⚠️ ", name, f" did not come back to {source}: {clipped(action.outcome, LONGEST_WHY)}"))
    return Message(
        as_list(Text("🔄 ", name, f" is coming back to {source} …"), f"I was restarted while it moved to {target}.")
    )


def restarting(action: SelfAction) -> Message:
    """An agent that crashed and is started again."""
    data, name = action.data, Bold(action.agent)
    how = f" ({data['how']})" if data.get("how") else ""
    if action.status == "done":
        return restarted(action.agent, data)
    if action.status == "failed":
        return Message(Text("💥 ", name, f" crashed{how} and could not be started again."))
    if action.status == "dropped":
        return Message(Text("💥 ", name, f" crashed{how}. {clipped(action.outcome, LONGEST_WHY)}"))
    if action.declined:
        start = Button("▶ Start", AgentTap(id=action.agent, verb="start"))
        said = Text("⏹ ", name, f" crashed{how} and stays stopped")
        return Message(as_list(said, _declined(action, "it is not started again")), [[start]])
    if action.status == "begun":
        return Message(Text("🔄 ", name, f" crashed{how} and is being started again …"))
    soon = f"starts again by itself in {data['pause']:.0f} s"
    return Message(as_list(Text("💥 ", name, f" crashed{how}"), soon), [_dont(action, None)])


def _declined(action: SelfAction, what: str) -> str:
    return f"{action.declined_by} declined: {what}"


def _dont(action: SelfAction, target: str | None) -> list[Button]:
    return [Button("✖ Don't", SelfTap(id=action.id, verb="decline")), *_move(action, target)]


def _again(action: SelfAction, target: str | None) -> list[Button]:
    return [Button("▶ Let it", SelfTap(id=action.id, verb="allow")), *_move(action, target)]


def _move(action: SelfAction, target: str | None) -> list[Button]:
    if target is None:
        return []
    return [Button(f"🔄 Move to {target}", SelfTap(id=action.id, verb="move", profile=mark(target)))]

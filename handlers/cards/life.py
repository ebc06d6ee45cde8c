"""What is told about the end of agents: one that crashed or left, and a whole fleet with its tmux server."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from aiogram.utils.formatting import Bold, Text, as_list

from bot.broadcast.report import duration
from bot.clis.model import State
from bot.excerpt import clipped
from bot.fleet.self_action import SelfAction
from bot.operations import Services
from bot.telegram.callbacks import AgentTap, SelfTap
from bot.telegram.card import Card, Message, RenderContext
from bot.telegram.keyboards import Button, in_rows
from handlers.wording import counted

MOST_NAMES = 30
MOST_STOPS, SHORT_NAME = 12, 10  # buttons; characters of a name of which three make a row


def cards(app: Services) -> dict[str, Card]:
    async def fleet(data: Mapping[str, Any], _context: RenderContext) -> Message:
        """As `fleet_card`; with the id of the restore that the bot began by itself as "self"."""
        return fleet_card(data, await should_run(app))

    return {"ended": ended, "fleet": fleet, "sure": sure, "sure-all": sure_all, "cli-version": cli_version}


async def should_run(app: Services) -> frozenset[str]:
    return frozenset(agent.id for agent in await app.registry.all() if agent.desired == "running")


async def cli_version(data: Mapping[str, Any], _context: RenderContext) -> Message:
    """data: {"kind": of a CLI, "version": installed, "known": versions whose screens are known}."""
    known = " and ".join(str(one) for one in data["known"])
    return Message(
        as_list(
            Text("🆕 ", Bold(f"{data['kind']} {data['version']}"), " is a version that I was not tried with."),
            f"I know the screens of {known}. If a state looks wrong, look at the screen itself.",
        )
    )


async def sure(data: Mapping[str, Any], context: RenderContext) -> Message:
    """data: {"agent", "verb": stop|restart, "state", "since", "text": in its composer, "beads": ids}."""
    name, verb = str(data["agent"]), str(data["verb"])
    beads = f" on {', '.join(data['beads'])}" if data["beads"] else ""
    ago = duration((context.now - datetime.fromisoformat(str(data["since"]))).total_seconds())
    at = {
        State.WORKING: f"has worked {ago}{beads}",
        State.WAITING: f"asks something since {ago}, in the middle of its turn",
        State.FROZEN: f"is frozen since {ago}, maybe in the middle of its turn",
        State.UNKNOWN: "cannot be seen at the moment",
    }.get(State(data["state"]), "")
    text = f"has text in its composer: “{clipped(str(data['text']), 60)}”" if data["text"] else ""
    yes, ends = (
        ("⏹ Stop it", "That ends now.") if verb == "stop" else ("↻ Restart it", "That ends, and it starts again.")
    )
    lines = [Text(Bold(name), f" {' and '.join(filter(None, (at, text)))}."), ends]
    buttons = [
        Button(yes, AgentTap(id=name, verb=f"sure-{verb}"), style="danger"),
        Button("Leave it", AgentTap(id=name, verb="leave")),
    ]
    return Message(as_list(*lines), [buttons, [Button("👁 Screen", AgentTap(id=name, verb="screen"))]])


async def ended(data: Mapping[str, Any], _context: RenderContext) -> Message:
    """data: {"agent", "state": failed|given up|left, "how", "times", "minutes", "why"}."""
    name, state = str(data["agent"]), data["state"]
    how = f" ({data['how']})" if data.get("how") else ""
    screen = Button("👁 Screen", AgentTap(id=name, verb="screen"))
    start = Button("▶ Start", AgentTap(id=name, verb="start"))
    fresh = Button("▶ New conversation", AgentTap(id=name, verb="fresh"))
    if state == "left":
        return Message(Text("⏹ ", Bold(name), " has left by itself. It stays stopped."), [[start]])
    if state == "failed":
        why = clipped(str(data.get("why", "")), 400)
        return Message(
            as_list(Text("💥 ", Bold(name), f" crashed{how} and cannot be started again:"), why), [[screen, start]]
        )
    times = "once" if data.get("times") == 1 else f"{data.get('times')} times within {data.get('minutes')} min"
    text = f" crashed {times}{how}. I have stopped restarting it."
    return Message(
        as_list(Text("💥 ", Bold(name), text), "Look at its screen; then start it again."), [[screen], [start, fresh]]
    )


def restarted(name: str, data: Mapping[str, Any]) -> Message:
    """data: {"how", "resumed", "profile_reason"}: it crashed, and runs again."""
    how = f" ({data['how']})" if data.get("how") else ""
    back = "with its conversation" if data.get("resumed") else "with a new conversation"
    lines: list[Text | str] = [Text("🔄 ", Bold(name), f" crashed{how} and was started again, {back}.")]
    lines += [clipped(str(why), 200)] if (why := data.get("profile_reason")) else []
    return Message(as_list(*lines), [[Button("👁 Screen", AgentTap(id=name, verb="screen"))]])


def restoring(action: SelfAction, running: Collection[str]) -> Message:
    """Agents that the bot starts by itself, or has: at once, and whoever is stopped here stays so. `action.data`:
    {"agents": ids}, and then what `fleet_card` has of those that are back. `running`: who should run now."""
    data, names = action.data, list(action.data["agents"])
    stopped = [name for name in names if name not in running]
    buttons = stops(action.id, [name for name in names if name in running])
    lines: list[Text | str] = [f"⏹ Stopped since: {_names(stopped)}"] if stopped else []
    if data.get("back") or data.get("failed"):
        said = _back(data)
        return Message(as_list(said.content, *lines), [*said.keyboard, *buttons])
    if action.status in ("announced", "begun"):
        head = Bold(f"🔄 Bringing back {counted(len(names), 'agent')} …")
        return Message(as_list(head, _names(names), *lines), buttons)
    why = action.outcome or ("they were stopped" if stopped else "none was missing")
    return Message(Text(f"🔄 {counted(len(names), 'agent')} not brought back: {why}."))


def stops(action: int, names: Sequence[str]) -> list[list[Button]]:
    """A button for each that the bot has brought back by itself, and one for all."""
    each = [Button(f"⏹ {name}", AgentTap(id=name, verb="stop")) for name in names[:MOST_STOPS]]
    every = [[Button(f"⏹ All {len(names)}", SelfTap(id=action, verb="stop"))]] if len(names) > 1 else []
    return [*in_rows(each, width=3 if all(len(name) <= SHORT_NAME for name in names) else 2), *every]


async def sure_all(data: Mapping[str, Any], _context: RenderContext) -> Message:
    """data: {"self": the id of what brought them back, "agents": ids}."""
    names, action = list(data["agents"]), int(data["self"])
    yes = Button(f"⏹ Stop {len(names)}", SelfTap(id=action, verb="sure-stop"), style="danger")
    return Message(
        as_list(Bold(f"Stop {counted(len(names), 'agent')}?"), _names(names), "What they are at ends now."),
        [[yes, Button("Leave them", SelfTap(id=action, verb="leave"))]],
    )


def fleet_card(data: Mapping[str, Any], running: Collection[str]) -> Message:
    """data: {"state": lost|back, "coming": bool, "lost": ids, "back": ids, "failed": {id: why}, "moved": {id: profile
    that it runs on now}, "self": of the bot's own doing}."""
    own = int(data["self"]) if data.get("self") else None
    if data["state"] == "lost":
        lost = list(data["lost"])
        head = f"💥 tmux has ended, and with it {counted(len(lost), 'agent')}."
        if data.get("coming"):
            stop = stops(own, [name for name in lost if name in running]) if own else []
            return Message(as_list(Bold(head), _names(lost), "🔄 I am bringing them back …"), stop)
        body = "Bring them back here, or with maf up: those whose conversation is known go on with it."
        again = Button("▶ Bring them back", AgentTap(id="all", verb="restore"))
        return Message(as_list(Bold(head), _names(lost), body), [[again]])
    said = _back(data)
    stop = stops(own, [name for name in data["back"] if name in running]) if own else []
    return Message(said.content, [*said.keyboard, *stop])


def _back(data: Mapping[str, Any]) -> Message:
    back, failed = list(data["back"]), dict(data["failed"])
    lines: list[Text | str] = []
    if back:
        lines += [Bold(f"🟢 {counted(len(back), 'agent')} {'is' if len(back) == 1 else 'are'} back."), _names(back)]
    lines += [f"{name} runs on {profile} now" for name, profile in dict(data.get("moved") or {}).items()]
    lines += [f"⚠️ {name}: {clipped(str(why), 200)}" for name, why in failed.items()]
    again = Button("▶ Try again", AgentTap(id="all", verb="restore"))
    return Message(as_list(*lines), [[again]] if failed else [])


def _names(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more

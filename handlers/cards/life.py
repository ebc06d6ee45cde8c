"""What is told about the end of agents: one that crashed or left, and a whole fleet with its tmux server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiogram.utils.formatting import Bold, Text, as_list

from bot.broadcast.report import duration
from bot.clis.model import State
from bot.excerpt import clipped
from bot.operations import Services
from bot.telegram.callbacks import AgentTap
from bot.telegram.card import Card, Message, RenderContext
from bot.telegram.keyboards import Button
from handlers.wording import counted

MOST_NAMES = 30


def cards(_app: Services) -> dict[str, Card]:
    return {"ended": ended, "fleet": fleet, "sure": sure, "cli-version": cli_version}


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


def restoring(data: Mapping[str, Any], status: str, outcome: str) -> Message:
    """data: {"agents": ids, and then what `fleet` has of those that are back}: the bot starts them, or has."""
    if data.get("back") or data.get("failed"):
        return _back(data)
    names = list(data["agents"])
    if status == "begun":
        return Message(as_list(Bold(f"🔄 Bringing back {counted(len(names), 'agent')} …"), _names(names)))
    return Message(Text(f"🔄 {counted(len(names), 'agent')} not brought back: {outcome or 'none was missing'}."))


async def fleet(data: Mapping[str, Any], _context: RenderContext) -> Message:
    """data: {"state": lost|back, "coming": bool, "lost": ids, "back": ids, "failed": {id: why}, "moved": {id: profile
    that it runs on now}}."""
    if data["state"] == "lost":
        lost = list(data["lost"])
        head = f"💥 tmux has ended, and with it {counted(len(lost), 'agent')}."
        if data.get("coming"):
            return Message(as_list(Bold(head), _names(lost), "🔄 I am bringing them back …"))
        body = "Bring them back here, or with maf up: those whose conversation is known go on with it."
        again = Button("▶ Bring them back", AgentTap(id="all", verb="restore"))
        return Message(as_list(Bold(head), _names(lost), body), [[again]])
    return _back(data)


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

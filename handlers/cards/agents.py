"""Agents on a phone: the board, one agent, its screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiogram.utils.formatting import Bold, Code, Pre, Text, as_list

from bot.agents.model import AgentView
from bot.broadcast.report import clipped, duration
from bot.clis.model import State
from bot.errors import MafError
from bot.operations import Services, agent
from bot.telegram.callbacks import AgentTap, BoardTap
from bot.telegram.card import Card, Message, RenderContext
from bot.telegram.keyboards import Button

MARKS = {
    State.STARTING: "🔄",
    State.IDLE: "🟢",
    State.WORKING: "⚙️",
    State.WAITING: "✋",
    State.LIMITED: "⏳",
    State.COMPOSING: "✍️",
    State.FROZEN: "❄️",
    State.STOPPED: "⏹",
    State.DEAD: "💥",
    State.ERROR: "⚠️",
    State.UNKNOWN: "❔",
}
# Who needs a person stands first.
ORDER = [
    State.WAITING,
    State.DEAD,
    State.ERROR,
    State.LIMITED,
    State.COMPOSING,
    State.IDLE,
    State.UNKNOWN,
    State.STARTING,
    State.WORKING,
    State.FROZEN,
    State.STOPPED,
]
NEEDS_YOU = frozenset({State.WAITING, State.DEAD, State.ERROR})
SHORT_BOARD = 12
MAX_SCREEN = 3500


def cards(app: Services) -> dict[str, Card]:
    async def board(data: Mapping[str, Any], context: RenderContext) -> Message:
        """data: {} or {"all": true}."""
        held = {claim.agent: claim.bead for claim in await app.claims.all_open()}
        return board_of(app.watch.views(), held, context.now, context, everybody=bool(data.get("all")))

    async def one(data: Mapping[str, Any], context: RenderContext) -> Message:
        """data: {"agent": ID}."""
        view = await app.watch.fresh(str(data["agent"]))
        held = [claim.bead for claim in await app.claims.of(view.id)]
        return one_agent(view, held, context.now)

    async def capture(data: Mapping[str, Any], _context: RenderContext) -> Message:
        """data: {"agent": ID, "lines": of history}."""
        name = str(data["agent"])
        try:
            shown = await agent.capture(app, id=name, lines=int(data.get("lines", 0)))
        except MafError as error:
            return Message(Text(f"{error.message}\n{error.hint}".strip()))
        text = shown["text"].strip("\n")[-MAX_SCREEN:] or "(empty screen)"
        again = [
            Button("↻ Screen", AgentTap(id=name, verb="screen")),
            Button("⎋ Interrupt", AgentTap(id=name, verb="interrupt")),
        ]
        return Message(as_list(Bold(f"👁 {name}"), Pre(text)), [again])

    return {"agents": board, "agent": one, "capture": capture}


def board_of(
    views: list[AgentView], held: Mapping[str, str], now: datetime, context: RenderContext, *, everybody: bool
) -> Message:
    """One line per agent, sorted by who needs a person."""
    if not views:
        return Message(Text("There are no agents yet.\nMake one: /new claude-worker"))
    ranked = sorted(views, key=lambda v: ORDER.index(v.state))
    needy = sum(v.state in NEEDS_YOU for v in views)
    head = f"🗂 {len(views)} agents"
    if needy:
        head += f" · {needy} need you" if needy > 1 else " · 1 needs you"
    lines: list[Text | str] = [Bold(f"{head} · {now.astimezone(context.zone):%H:%M}")]
    shown = ranked if everybody else ranked[:SHORT_BOARD]
    for view in shown:
        age = duration((now - view.since).total_seconds())
        lines.append(f"{MARKS[view.state]} {view.id}  {age}  {held.get(view.id) or '–'}{_says(view)}")
    if len(ranked) > len(shown):
        lines.append(f"… {len(ranked) - len(shown)} more")
    first = next((v for v in ranked if v.state in NEEDS_YOU), None)
    row = [Button("↻", BoardTap(verb="refresh"))]
    if len(ranked) > len(shown):
        row.insert(0, Button("All", BoardTap(verb="all")))
    if first is not None:
        row.insert(0, Button(f"✋ Show {first.id}", AgentTap(id=first.id, verb="screen")))
    return Message(as_list(*lines), [row])


def _says(view: AgentView) -> str:
    if view.state is State.WAITING and view.reading and view.reading.dialog:
        return f"  {clipped(view.reading.dialog.title, 24)}"
    says = view.reading.says if view.reading and view.state is State.WORKING else ""
    return f'  "{clipped(says, 24)}"' if says else ""


def one_agent(view: AgentView, held: list[str], now: datetime) -> Message:
    """What there is to know about one agent, and what can be done with it."""
    a = view.agent
    lines: list[Text | str] = [
        Text(Bold(f"{MARKS[view.state]} {a.id}"), f" · {view.state} {duration((now - view.since).total_seconds())}"),
        f"{a.type} · {a.role}" + (f" · profile {a.profile}" if a.profile else ""),
        Text("in ", Code(str(a.workdir))),
    ]
    if held:
        lines.append("holds " + ", ".join(held))
    if a.labels:
        lines.append("labels " + ", ".join(a.labels))
    if view.draft:
        lines.append(f"in its composer: {clipped(view.draft, 60)}")
    if view.reading and view.reading.dialog:
        lines.append(f"asks: {clipped(view.reading.dialog.title, 80)}")
    if a.restarts or a.errors:
        lines.append(f"restarts {a.restarts} · errors {a.errors}")
    return Message(as_list(*lines), _agent_buttons(view))


def _agent_buttons(view: AgentView) -> list[list[Button]]:
    def tap(label: str, verb: str) -> Button:
        return Button(label, AgentTap(id=view.id, verb=verb))

    if view.state in {State.STOPPED, State.DEAD}:
        return [[tap("▶ Start", "start")]]
    return [
        [tap("👁 Screen", "screen"), tap("⎋ Interrupt", "interrupt")],
        [tap("↻ Restart", "restart"), tap("⏹ Stop", "stop")],
    ]

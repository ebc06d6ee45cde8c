"""One agent in full."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot.agents.model import AgentView
from bot.agents.resources.usage import Usage
from bot.broadcast.report import duration
from bot.clis.model import State
from bot.excerpt import clipped
from bot.operations import Services
from bot.operations.board import context_of
from bot.telegram.callbacks import AgentTap, DialogTap
from bot.telegram.card import Card, Message, RenderContext
from bot.telegram.keyboards import Button
from handlers.cards import screen
from handlers.cards.board import MARKS, board
from handlers.wording import counted

STRAIN = {"cpu": "much CPU for minutes", "memory": "much memory", "processes": "very many processes"}


def cards(app: Services) -> dict[str, Card]:
    async def agents(data: Mapping[str, Any], context: RenderContext) -> Message:
        return await board(app, data, context)

    async def one(data: Mapping[str, Any], context: RenderContext) -> Message:
        """data: {"agent": ID}."""
        view = await app.watch.fresh(str(data["agent"]))
        held = [claim.bead for claim in await app.claims.of(view.id)]
        card = next((ask.card for ask in app.permissions.open() if ask.agent == view.id), "")
        usage, stats = app.watch.resources.of(view.id), (await app.statistics.now([view]))[view.id]
        full = context_of(app, view.id)
        new = app.versions.unknown(view.agent.kind)
        return one_agent(view, held, context.now, context=full, usage=usage, stats=stats, question=card, untried=new)

    return {"agents": agents, "agent": one, "strain": strain_card, **screen.cards(app)}


async def strain_card(data: Mapping[str, Any], _context: RenderContext) -> Message:
    """data: {"agent": ID, "over": which of cpu, memory and processes, "usage": Usage.as_dict()}."""
    name, usage = str(data["agent"]), data["usage"]
    cpu = f"cpu {usage['cpu_percent']:.0f} % · " if usage["cpu_percent"] is not None else ""
    now = f"{cpu}{usage['rss_mb']:,.0f} MB · {counted(usage['processes'], 'process', 'processes')}"
    if not data["over"]:
        return Message(as_list(f"🌡 {name} takes a normal part of the machine again.", now))
    what = " and ".join(STRAIN[over] for over in data["over"])
    buttons = [Button(f"👁 Show {name}", AgentTap(id=name, verb="show"))]
    return Message(as_list(Text(Bold(f"🌡 {name}"), f" takes {what}."), now), [buttons])


def one_agent(
    view: AgentView,
    held: list[str],
    now: datetime,
    *,
    context: int | None = None,
    usage: Usage | None = None,
    stats: Mapping[str, Any] | None = None,
    question: str = "",
    untried: str = "",
) -> Message:
    """What there is to know about one agent, and what can be done with it. `question`: the card of what it asks.
    `untried`: the version of its CLI, where its screens are not known."""
    a = view.agent
    lines: list[Text | str] = [
        Text(Bold(f"{MARKS[view.state]} {a.id}"), f" · {view.state} {duration((now - view.since).total_seconds())}"),
        f"{a.type} · {a.role}" + (f" · profile {a.profile}" if a.profile else ""),
        Text("in ", Code(str(a.workdir))),
    ]
    if untried:
        lines.append(f"🆕 {a.kind} {untried}, not tried with maf")
    if held:
        lines.append("holds " + ", ".join(held))
    if a.labels:
        lines.append("labels " + ", ".join(a.labels))
    if context is not None:
        lines.append(f"context {context} % used")
    if usage is not None:
        lines.append(taken(usage))
    if view.draft:
        lines.append(f"in its composer: {clipped(view.draft, 60)}")
    if view.reading and view.reading.dialog:
        lines.append(f"asks: {clipped(view.reading.dialog.title, 80)}")
    elif view.says:
        lines.append(f"“{clipped(view.says, 120)}”")
    troubles = [f"{name} {count}" for name, count in (("restarts", a.restarts), ("errors", a.errors)) if count]
    if troubles:
        lines.append(" · ".join(troubles))
    if stats and (spent := spent_of(stats)):
        lines.append(spent)
    answer = [Button("✋ Its question", DialogTap(card=question, mark="-", verb="show"))] if question else []
    return Message(as_list(*lines), [answer, *agent_buttons(view)] if answer else agent_buttons(view))


def spent_of(stats: Mapping[str, Any]) -> str:
    """`1 task · 12 prompts · worked 2 h 05 min`, as far as there is something to tell."""
    done = [(int(stats.get(f"{one}s", 0)), one) for one in ("task", "prompt")]
    parts = [counted(count, one) for count, one in done if count]
    worked, waited = float(stats.get("working_s", 0)), float(stats.get("waiting_s", 0))
    parts += [f"worked {duration(worked)}"] if worked >= 60 else []
    parts += [f"waited {duration(waited)}"] if waited >= 60 else []
    return " · ".join(parts)


def taken(usage: Usage) -> str:
    """`cpu 12 % · 340 MB · 4 processes · up 2 h 05 min`."""
    cpu = "" if usage.cpu is None else f"cpu {usage.cpu:.0f} % · "
    processes = counted(usage.processes, "process", "processes")
    return f"{cpu}{usage.rss / 1024**2:,.0f} MB · {processes} · up {duration(usage.age)}"


def agent_buttons(view: AgentView) -> list[list[Button]]:
    """What can be done with it in the state that it is in."""

    def tap(label: str, verb: str) -> Button:
        return Button(label, AgentTap(id=view.id, verb=verb))

    if view.state in {State.STOPPED, State.DEAD}:
        return [[tap("▶ Start", "start"), tap("💬 Last answer", "said")]]
    if view.state is State.FROZEN:
        return [[tap("☀️ Thaw", "thaw"), tap("👁 Screen", "screen")]]
    third = [tap("↻ Restart", "restart"), tap("⏹ Stop", "stop"), tap("❄️ Freeze", "freeze")]
    second = [tap("✉️ Send", "ask-send"), tap("💬 Last answer", "said")]
    if view.state is State.WORKING:
        second.append(tap("⎋ Interrupt", "interrupt"))
    return [
        [tap("👁 Screen", "screen"), tap("🖼 Picture", "picture"), tap("📺 Watch", "watch")],
        second,
        third,
    ]

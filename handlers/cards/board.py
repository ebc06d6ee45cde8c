"""The board of agents on a phone: one line each, no longer than a phone is wide where that can be helped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from aiogram.utils.formatting import Bold, Text, as_list

from bot.clis.model import State
from bot.excerpt import clipped
from bot.operations import Services
from bot.operations.board import Row, read, signature
from bot.telegram.access import command_of
from bot.telegram.callbacks import AgentTap, BoardTap
from bot.telegram.card import Message, RenderContext
from bot.telegram.keyboards import Button, in_rows
from bot.telegram.links import tappable
from handlers.wording import counted

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
WIDTH = 38
FEWEST = 14  # characters of somebody's words that still say something
SHORT, BUTTONS = 10, 8
MAX_ROWS = 80  # a message holds 4,096 units
_LINKABLE = re.compile(r"[a-z][a-z0-9_]*")


async def board(app: Services, data: Mapping[str, Any], context: RenderContext) -> Message:
    """data: {} or {"all": true}."""
    rows = await read(app)
    app.live.rendered(context.key, signature(rows), app.clock.monotonic())
    return board_of(rows, context.now, context.zone, everybody=bool(data.get("all")))


def board_of(rows: Sequence[Row], now: datetime, zone: tzinfo, *, everybody: bool = False) -> Message:
    """The rows, which stand in their order already; beyond the first ones only how many there are of what."""
    if not rows:
        return Message(tappable("There are no agents yet.\nMake one: /new claude-worker"))
    needy = sum(row.needs_person for row in rows)
    need = f" · {needy} need{'s' if needy == 1 else ''} you" if needy else ""
    shown = rows[:MAX_ROWS] if everybody else rows[: max(SHORT, min(needy, MAX_ROWS))]
    if len(rows) == len(shown) + 1 and not everybody:
        shown = rows  # "1 more" takes the line that it saves
    lines: list[Text | str] = [Bold(f"🗂 {counted(len(rows), 'agent')}{need} · {now.astimezone(zone):%H:%M}")]
    lines += [line(row, now, zone) for row in shown]
    if rest := rows[len(shown) :]:
        lines.append(f"… {_more(rest)}")
    return Message(as_list(*lines), _keyboard(rows, shown, everybody=everybody))


def line(row: Row, now: datetime, zone: tzinfo) -> Text:
    """One agent: mark, id as a link, age or question, bead, profile, context, and as much of its words as there is
    room for.

    The words of one who asks, and of one that works, stand even where the line gets longer: they are why one looks.
    """
    who = f"{MARKS[row.state]} {link(row.id)} "
    parts = [_state(row, now, zone), *(word for word in (row.bead, row.profile) if word)]
    parts += [f"{row.context}%"] if row.context is not None else []
    what = " ".join(parts)
    room = WIDTH - len(who) - len(what) - 3
    wanted = row.asks or row.state is State.WORKING
    if row.says and (room >= FEWEST or wanted):
        what += f" “{clipped(row.says, max(room, FEWEST))}”"
    return Text(tappable(who), what)


def _state(row: Row, now: datetime, zone: tzinfo) -> str:
    seconds = max(0, int((now - row.since).total_seconds()))
    if row.until is not None:
        return f"asks here until {row.until.astimezone(zone):%H:%M:%S}"
    if row.state is State.WAITING:
        return f"asks {seconds // 3600}:{seconds // 60 % 60:02d} h" if seconds >= 3600 else f"asks {clock(seconds)}"
    word = "" if row.state in (State.WORKING, State.IDLE) else f"{row.state} "
    return word + age(seconds)


def clock(seconds: float) -> str:
    """`0:14`, minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def age(seconds: float) -> str:
    """`now`, `4 min`, `2 h`, `3 d`: coarse, so that a line does not change all the time."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds) // size} {unit}"
    return "now"


def link(agent_id: str) -> str:
    """The id so that a tap on it in the chat opens the agent's card."""
    if not _LINKABLE.fullmatch(agent_id):
        return agent_id  # Telegram ends a command at a dash
    return f"/agent_{agent_id}" if command_of(agent_id) else f"/{agent_id}"


def _more(rest: Sequence[Row]) -> str:
    """`8 more working`, or `9 more: 7 working, 2 stopped`."""
    counts: dict[str, int] = {}
    for row in rest:
        counts[row.state] = counts.get(row.state, 0) + 1
    if len(counts) == 1:
        return f"{len(rest)} more {next(iter(counts))}"
    return f"{len(rest)} more: " + ", ".join(f"{count} {state}" for state, count in counts.items())


def _keyboard(rows: Sequence[Row], shown: Sequence[Row], *, everybody: bool) -> list[list[Button]]:
    first = [Button("↻", BoardTap(verb="refresh")), Button("📌", BoardTap(verb="pin"))]
    if everybody:
        first.insert(0, Button("Fewer", BoardTap(verb="fewer")))
    elif len(rows) > len(shown):
        first.insert(0, Button("All", BoardTap(verb="all")))
    if any(row.needs_person for row in rows):
        first.insert(0, Button("✋ Next that needs me", BoardTap(verb="next")))
    agents = [Button(f"{MARKS[row.state]} {row.id}", AgentTap(id=row.id, verb="show")) for row in shown[:BUTTONS]]
    return [first, *in_rows(agents, width=4)]

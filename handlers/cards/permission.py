"""What an agent asks, on a phone: who, the exact command, where, how risky, and the CLI's own choices as buttons."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from aiogram.utils.formatting import Bold, Code, Pre, Text, as_list

from bot.agents.permissions.asking import DIFFERS
from bot.agents.permissions.question import Choice
from bot.agents.permissions.rows import Ask, asks_named, asks_of_card, mark
from bot.agents.seeing.picture import png
from bot.excerpt import clipped, visible
from bot.operations import Services
from bot.telegram.callbacks import AgentTap, DialogTap
from bot.telegram.card import Card, Document, Message, RenderContext
from bot.telegram.keyboards import Button, in_rows
from bot.telegram.links import tappable
from bot.telegram.tenure import lasts
from handlers.cards.board import age

MAX_LINES = 8
MAX_CHARACTERS = 500
MAX_LABEL = 60
MAX_TITLE = 200
MAX_RISK = 160
MAX_GATHERED = 8
STARTUP = {  # of one agent, and of several
    "trust": ("is asked whether to trust its folder", "are asked whether to trust their folder"),
    "hooks": ("wants its hooks reviewed", "want their hooks reviewed"),
    "apikey": ("asks about an API key", "ask about an API key"),
    "login": ("is not logged in", "are not logged in"),
    "update": ("offers an update", "offer an update"),
}
_TOOLS = {
    "Bash": "wants to run",
    "Edit": "wants to edit",
    "MultiEdit": "wants to edit",
    "NotebookEdit": "wants to edit",
    "apply_patch": "wants to edit",
    "Write": "wants to write",
    "WebFetch": "wants to fetch",
    "Fetch": "wants to fetch",
    "ExitPlanMode": "has a plan",
}
_OF_MANY = {"wants": "want", "has": "have"}
_DOCUMENTS = {"Bash": "command.sh.txt", "ExitPlanMode": "plan.md", "": "question.txt"}  # by tool; else a change


def cards(app: Services) -> dict[str, Card]:
    async def permission(data: Mapping[str, Any], context: RenderContext) -> Message | None:
        """data: {"card": ID}, and {"confirm": OPTION, "confirm_of": TENURE} between the two taps of a lasting grant."""
        async with context.store.begin() as tx:
            asks = await asks_of_card(tx, str(data["card"]))
            confirm = data.get("confirm") if await lasts(tx, data.get("confirm_of")) else None
        beads = {ask.agent: ", ".join(c.bead for c in await app.claims.of(ask.agent)) for ask in asks}
        waiting = [ask for ask in asks if ask.status == "open"]
        if not waiting:
            return await _pictured(ended(asks, context.zone), *asks[:1]) if context.editing else None
        card = asked(waiting, asks, beads, context.zone, confirm if isinstance(confirm, int) else None)
        return await _pictured(card, waiting[0])

    async def reminder(data: Mapping[str, Any], context: RenderContext) -> Message | None:
        """data: {"card": ID}: sent once, when nobody answered."""
        async with context.store.begin() as tx:
            waiting = [ask for ask in await asks_of_card(tx, str(data["card"])) if ask.status == "open"]
        return remind(waiting, context) if waiting else None

    async def digest(data: Mapping[str, Any], context: RenderContext) -> Message | None:
        """data: {"asks": [ID, …]}: what nobody answered after its reminder, and still has not."""
        async with context.store.begin() as tx:
            waiting = [ask for ask in await asks_named(tx, list(data["asks"])) if ask.status == "open"]
        return gathered(waiting, context.now) if waiting else None

    async def whole(data: Mapping[str, Any], context: RenderContext) -> Message | None:
        """data: {"card": ID}: the command or diff in full, as a file."""
        async with context.store.begin() as tx:
            asks = await asks_of_card(tx, str(data["card"]))
        if not asks:
            return None
        name = _DOCUMENTS.get(asks[0].tool, "change.diff")
        return Message(Text(f"{asks[0].agent}: all of it"), document=Document(name, visible(asks[0].command).encode()))

    async def tell(data: Mapping[str, Any], _context: RenderContext) -> Message:
        """data: {"card", "mark", "option", "agents"}: a message to reply to."""
        return Message(Text(f"✏️ Reply to this message with what {data['agents']} shall do instead."))

    return {
        "permission": permission,
        "permission_reminder": reminder,
        "permission_digest": digest,
        "permission_text": whole,
        "permission_tell": tell,
    }


async def _pictured(card: Message, *asks: Ask) -> Message:
    """With the screen as a picture, where that is all there is of the question: drawn from the very words that a key is
    bound to."""
    if not asks or asks[0].kind != "unknown":
        return card
    text = visible(asks[0].command)
    width = max(map(len, text.split("\n")))
    return replace(card, photo=await asyncio.to_thread(png, text, width))


def asked(
    waiting: Sequence[Ask], all_of: Sequence[Ask], beads: Mapping[str, str], zone: tzinfo, confirm: int | None
) -> Message:
    """The open questions of one card, which all ask the same."""
    ask = waiting[0]
    lines: list[Text | str] = [head(waiting, beads, zone)]
    lines += body(waiting)
    lines += dict.fromkeys(note for one in waiting if (note := one.note))
    lines += [outcome(one, zone) for one in all_of if one.status != "open"]
    if ask.held_until is not None:
        at = f"{ask.held_until.astimezone(zone):%H:%M:%S}"
        lines.append(f"Answer here until {at}; then it asks in its pane too.")
    if len(ask.choices) < 2:  # words to type, or several answers to tick
        lines.append(Text("Answer it at a terminal: ", Code(f"maf agent attach {ask.agent}")))
    if confirm is not None and 0 <= confirm < len(ask.choices):
        label = ask.choices[confirm].label
        means = "Nobody knows what this does: " if ask.kind == "unknown" else "This lasts: "
        lines.append(Text(means, Bold(f"{label}{for_many(waiting)}"), ". Sure?"))
        return Message(as_list(*lines), _confirm(waiting, confirm))
    return Message(as_list(*lines), keyboard(waiting))


def head(waiting: Sequence[Ask], beads: Mapping[str, str], zone: tzinfo) -> Text:
    ask = waiting[0]
    names = names_of(waiting)
    since = f"{ask.created_at.astimezone(zone):%H:%M}"
    bead = f" · {beads[ask.agent]}" if len(waiting) == 1 and beads.get(ask.agent) else ""
    return Text("✋ ", Bold(f"{names} {what(ask, many=len(waiting) > 1)}"), f"{bead} · since {since}")


def names_of(asks: Sequence[Ask]) -> str:
    """In the order of their numbers, whoever asked first."""
    return ", ".join(sorted((ask.agent for ask in asks), key=lambda name: (len(name), name)))


def what(ask: Ask, *, many: bool = False) -> str:
    if ask.kind in STARTUP:
        return STARTUP[ask.kind][many]
    if ask.kind == "unknown":
        return "shows something that I do not know"
    if ask.kind != "permission":
        return f"asks: {clipped(ask.title, MAX_TITLE)}"
    used = clipped(ask.tool or ask.title, 40)
    verb, rest = _TOOLS.get(ask.tool, f"wants to use {used}" if used else "wants a permission").split(" ", 1)
    return f"{_OF_MANY[verb] if many else verb} {rest}"


def body(waiting: Sequence[Ask]) -> list[Text | str]:
    """The command as it is, cut for the phone; where; how risky."""
    ask = waiting[0]
    cut = "" if ask.kind == "unknown" else visible(shown(ask.command))  # a picture shows it
    prompt = "$ " if ask.tool == "Bash" else ""
    lines: list[Text | str] = [Pre(f"{prompt}{cut}")] if cut else []
    where = Text("in ", Code(ask.workdir))
    if ask.kind == "permission":
        lines.append(where)
        lines.append(f"{'⚠️ ' if ask.dangerous else ''}{clipped(ask.risk, MAX_RISK)}")
    else:
        lines.append(Text(where, f" · profile {ask.profile}" if ask.profile else ""))
    return lines


def shown(text: str) -> str:
    """The first lines of a long text, and how much more there is."""
    text = text.rstrip("\n")
    cut = "\n".join(text.split("\n")[:MAX_LINES])[:MAX_CHARACTERS]
    rest = len(text) - len(cut)
    return f"{cut}\n… {rest:,} more character{'s' if rest > 1 else ''}" if rest else cut


def for_many(waiting: Sequence[Ask]) -> str:
    return f" for {len(waiting)} agents" if len(waiting) > 1 else ""


def keyboard(waiting: Sequence[Ask]) -> list[list[Button]]:
    ask, bound = waiting[0], mark(waiting)
    many = for_many(waiting)
    rows: list[list[Button]] = []
    short: list[Button] = []  # those that share rows
    below: list[list[Button]] = []
    width = 2 if many else 3
    for number, choice in enumerate(ask.choices):
        tap = DialogTap(card=ask.card, mark=bound, verb=f"o{number}")
        if choice.grant == "lasting" or choice.tells or len(choice.label) > 30:
            wide = _own_rows(choice, ask, bound, number, many)
            if ask.kind == "permission":
                below += wide  # apart from what counts once
            else:
                rows += [*in_rows(short, width=width), *wide]  # in the order of the CLI
                short = []
        else:
            short.append(Button(clipped(choice.name, MAX_LABEL) + many, tap))
            if choice.grant == "no" and ask.kind == "permission":
                short.append(Button("No, and tell it…", DialogTap(card=ask.card, mark=bound, verb=f"t{number}")))
    return [*rows, *in_rows(short, width=width), *below, *_looks(waiting, bound)]


def _own_rows(choice: Choice, ask: Ask, bound: str, number: int, many: str) -> list[list[Button]]:
    label = clipped(choice.name, MAX_LABEL) + many
    if choice.tells:  # the CLI's own words for "no, and here is what to do instead"
        no = Button("No" + many, DialogTap(card=ask.card, mark=bound, verb=f"o{number}"))
        return [[no], [Button(label, DialogTap(card=ask.card, mark=bound, verb=f"t{number}"))]]
    return [[Button(label, DialogTap(card=ask.card, mark=bound, verb=f"o{number}"))]]


def _looks(waiting: Sequence[Ask], bound: str) -> list[list[Button]]:
    ask = waiting[0]
    row = [Button("👁 Screen", AgentTap(id=ask.agent, verb="screen"))]
    if shown(ask.command) != ask.command.rstrip("\n"):
        row.append(Button("📄 Show all", DialogTap(card=ask.card, mark=bound, verb="all")))
    if len(waiting) > 1:
        row.append(Button("Look at each", DialogTap(card=ask.card, mark=bound, verb="each")))
    if ask.held_until is not None or ask.note == DIFFERS:
        row.append(Button("⋯ More choices", DialogTap(card=ask.card, mark=bound, verb="own")))
    return [row]


def _confirm(waiting: Sequence[Ask], number: int) -> list[list[Button]]:
    ask, bound = waiting[0], mark(waiting)
    label = clipped(ask.choices[number].label, MAX_LABEL) + for_many(waiting)
    return [
        [Button(f"✔ {label}", DialogTap(card=ask.card, mark=bound, verb=f"c{number}"), style="danger")],
        [Button("Back", DialogTap(card=ask.card, mark=bound, verb="back"))],
    ]


def outcome(ask: Ask, zone: tzinfo) -> str:
    """One line: how a question ended."""
    at = f" {ask.answered_at.astimezone(zone):%H:%M}" if ask.answered_at else ""
    if ask.status == "gone":
        return f"⏹ {ask.agent}: nothing to answer any more{at}. {ask.note}".rstrip()
    if ask.via == "pane":
        return f"↩ {ask.agent}: answered in its pane{at}"
    noes = [choice.label for choice in ask.choices if choice.grant == "no"]
    no = any(ask.answer == said or ask.answer.startswith(f"{said}: ") for said in noes)
    sign = "✖" if no else "✅"
    return f"{sign} {ask.agent}: {clipped(ask.answer, 80)} – {ask.answered_by}{at}"


def ended(asks: Sequence[Ask], zone: tzinfo) -> Message:
    if not asks:
        return Message(Text("These questions are shown one by one now."))
    ask = asks[0]
    head = f"{ask.agent} showed something that I do not know" if ask.kind == "unknown" else in_short(ask, 120)
    return Message(as_list(Code(head), *(outcome(one, zone) for one in asks)))


def remind(waiting: Sequence[Ask], context: RenderContext) -> Message:
    ask = waiting[0]
    names = names_of(waiting)
    verb = "waits" if len(waiting) == 1 else "wait"
    lines = [Bold(f"⏰ {names} still {verb} for you, {_waited(ask, context.now)}"), Code(in_short(ask, 120))]
    where = f"in {Path(ask.workdir).name}"
    return Message(as_list(*lines, where), [[_show("✋ Show it", ask)]])


def gathered(waiting: Sequence[Ask], now: datetime) -> Message:
    """All that is open after its reminder: a line and a button for each of its cards."""
    cards: dict[str, list[Ask]] = {}
    for ask in waiting:
        cards.setdefault(ask.card, []).append(ask)
    many = "1 question still waits" if len(cards) == 1 else f"{len(cards)} questions still wait"
    lines: list[Text | str] = [Bold(f"📋 {many} for you")]
    buttons = []
    for asks in list(cards.values())[:MAX_GATHERED]:
        names = names_of(asks)
        lines.append(Text(Bold(names), f" · {_waited(asks[0], now)} · ", Code(in_short(asks[0], 60))))
        buttons.append(_show(f"✋ {clipped(names, 24)}", asks[0]))
    if (rest := len(cards) - MAX_GATHERED) > 0:
        lines.append(tappable(f"… {rest} more: /agents"))
    return Message(as_list(*lines), in_rows(buttons, width=2))


def in_short(ask: Ask, width: int) -> str:
    """What is asked, in a line."""
    return clipped(visible(ask.asked), width)


def _waited(ask: Ask, now: datetime) -> str:
    return age((now - ask.created_at).total_seconds())


def _show(label: str, ask: Ask) -> Button:
    return Button(label, DialogTap(card=ask.card, mark="-", verb="show"))

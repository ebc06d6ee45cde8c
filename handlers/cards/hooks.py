"""May our hooks stand in a home that was the person's before? Asked once, and then the answer."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot.agents.hooks.consent import KIND, Wish, wish_of
from bot.operations import Services
from bot.telegram.callbacks import ConfirmTap
from bot.telegram.card import Card, Message, RenderContext
from bot.telegram.keyboards import Button

CLIS = {"codex": "Codex", "claude": "Claude Code"}


def cards(_app: Services) -> dict[str, Card]:
    async def question(data: Mapping[str, Any], context: RenderContext) -> Message:
        """data: {"id"}."""
        async with context.store.begin() as tx:
            wish = await wish_of(tx, str(data["id"]))
        return answered(wish) if wish.answer else asked(wish)

    return {KIND: question}


def asked(wish: Wish) -> Message:
    lines: list[Text | str] = [
        Text("🪝 ", Bold(f"May I add my hooks to {CLIS[wish.kind]}?")),
        Text(f"{wish.agent} runs in your own ", Code(_short(wish.home)), "."),
        "With them I know at once when it asks or ends, and your answers need no keys.",
        "What you have there stays as it is.",
    ]
    yes = Button("Yes, add them", ConfirmTap(id=wish.id, verb="yes"))
    no = Button("No", ConfirmTap(id=wish.id, verb="no"))
    return Message(as_list(*lines), [[yes, no]])


def answered(wish: Wish) -> Message:
    by = f" – {wish.by}" if wish.by else ""
    home = Code(_short(wish.home))
    if wish.answer == "yes":
        who = f"{wish.agent} uses them after its" if wish.agent else "Agents use them after their"
        return Message(as_list(Text("✅ My hooks stand in ", home, by), f"{who} next start."))
    how = Code(f"maf hooks install --path {shlex.quote(wish.home)} --kind {wish.kind}")
    return Message(as_list(Text("✖ No hooks in ", home, by), Text("If you change your mind, on the machine: ", how)))


def _short(home: str) -> str:
    try:
        return f"~/{Path(home).relative_to(Path.home())}"
    except ValueError:
        return home

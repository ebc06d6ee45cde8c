"""The question whether a long text is whole: an app may have cut it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiogram.utils.formatting import Text, as_list

from bot.telegram.callbacks import RestTap
from bot.telegram.card import Card, Message, RenderContext
from bot.telegram.keyboards import Button


def cards() -> dict[str, Card]:
    return {"rest": rest}


async def rest(data: Mapping[str, Any], _context: RenderContext) -> Message:
    """data: {"first": id of an update, "size": units, "late": whether it waited over a restart}."""
    lines: list[Text | str] = [f"✂️ Is that all of your text? It has {data['size']:,} characters."]
    if data.get("late"):
        lines[0] = "⏸ Shall I still act on your text? I was not running when it came."
    lines.append("Nothing was done with it yet.")
    if not data.get("late"):
        lines.append("If an app cut it, reply to this message with the rest.")
    yes = Button("✅ Go on" if data.get("late") else "✅ That is all", RestTap(first=data["first"], verb="all"))
    return Message(as_list(*lines), [[yes, Button("✖ Drop it", RestTap(first=data["first"], verb="drop"))]])

"""What an agent shows and says: its screen as text, as a picture, live for a while; its last answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

from aiogram.utils.formatting import Bold, ExpandableBlockQuote, Pre, Text, as_list

from bot.agents.seeing.answers import last_answer
from bot.clis.model import State
from bot.errors import MafError
from bot.excerpt import clipped
from bot.operations import Services, agent
from bot.operations.board import watched
from bot.telegram.callbacks import AgentTap
from bot.telegram.card import Card, Document, Message, RenderContext
from bot.telegram.keyboards import Button
from bot.telegram.text import units
from handlers.cards.board import MARKS, clock
from handlers.wording import told

MAX_TEXT = 3500
WATCHED_LINES, WATCHED_WIDTH = 22, 80
# Telegram makes photos smaller than this; a larger picture goes as a file, which keeps its sharpness.
MAX_PHOTO = 2560
# Rules over the whole terminal would wrap into several lines on a phone.
RULE_WIDTH = 30
_EMPTY = re.compile(r"\n(?:[ \t]*\n){2,}")
_RULE = re.compile(r"([─━═╌_-])\1{30,}")


def cards(app: Services) -> dict[str, Card]:
    async def capture(data: Mapping[str, Any], _context: RenderContext) -> Message:
        """data: {"agent": ID, "lines": of history, "as": "text", "picture" or "file"}."""
        return await capture_card(app, data)

    async def watch(data: Mapping[str, Any], context: RenderContext) -> Message:
        """data: {"agent": ID, "until": ISO time, "over": whether it ended}."""
        return await watch_card(app, data, context)

    async def said(data: Mapping[str, Any], _context: RenderContext) -> Message:
        """data: {"agent": ID, "as": "file"?}."""
        return await said_card(app, data)

    return {"capture": capture, "watch": watch, "said": said, "ask-send": ask_send}


async def capture_card(app: Services, data: Mapping[str, Any]) -> Message:
    name, form = str(data["agent"]), data.get("as", "text")
    try:
        shown = await agent.capture(app, id=name, lines=int(data.get("lines", 0)))
    except MafError as error:
        return Message(told(error))
    buttons = [_tap("↻ Screen", name, "screen"), _tap("🖼 Picture", name, "picture"), _tap("📺 Watch", name, "watch")]
    if form == "picture":
        return _picture(name, *await asyncio.to_thread(draw, shown), buttons)
    if form == "file":
        return Message(Text(f"The screen of {name}"), document=Document(f"{name}.txt", shown["text"].encode()))
    text = _short_rules(_close_up(shown["text"])) or "(empty screen)"
    if (end := whole_lines(text)) != text:
        buttons[1:1] = [_tap("⬇ All", name, "file")]
    return Message(as_list(Bold(f"👁 {name}"), Pre(end)), [buttons])


def whole_lines(text: str) -> str:
    """The end of a text that fits a message, from the beginning of a line on where there is one."""
    kept: list[str] = []
    room = MAX_TEXT + 1
    for line in reversed(text.split("\n")):
        room -= units(line) + 1
        if room < 0:
            break
        kept.append(line)
    if kept:
        return "\n".join(reversed(kept))
    while (over := units(text) - MAX_TEXT) > 0:
        text = text[(over + 1) // 2 :]
    return text


def draw(shown: Mapping[str, Any]) -> tuple[bytes, bool]:
    """The PNG of a screen as `capture` gives it, and whether Telegram would show it in its full size. Blocking."""
    from PIL import Image

    from bot.agents.seeing.picture import png

    content = png(shown["ansi"], shown["width"], cursor=shown["cursor"])
    with Image.open(BytesIO(content)) as image:
        return content, max(image.size) <= MAX_PHOTO


def _picture(name: str, content: bytes, small: bool, buttons: list[Button]) -> Message:
    caption = Text(f"🖼 {name}")
    if small:
        return Message(caption, [buttons], photo=content)
    return Message(caption, [buttons], document=Document(f"{name}.png", content))


async def watch_card(app: Services, data: Mapping[str, Any], context: RenderContext) -> Message:
    name = str(data["agent"])
    try:
        view = app.watch.view(name)
    except MafError as error:
        return Message(Text(error.message))
    look = app.watch.last(name)
    left = (datetime.fromisoformat(str(data["until"])) - context.now).total_seconds()
    over = bool(data.get("over")) or left <= 0
    head = Text(Bold(f"{'👁' if over else '📺'} {name}"), f" · {MARKS[view.state]} {view.state}")
    app.live.rendered(context.key, watched(look), app.clock.monotonic())
    shown = screen_tail(look.screen.plain if look is not None and look.screen is not None else "")
    foot = "Not live any more." if over else f"live, {clock(left)} left"
    again = [_tap("📺 Again", name, "watch"), _tap("↻ Screen", name, "screen")]
    going = [_tap("⏹ Stop watching", name, "unwatch")]
    if view.state is State.WORKING:
        going.append(_tap("⎋ Interrupt", name, "interrupt"))
    return Message(as_list(head, Pre(shown), foot), [again if over else going])


def screen_tail(text: str) -> str:
    """The last lines of a screen, each cut to a width that still can be read."""
    lines = _close_up(text).split("\n")[-WATCHED_LINES:]
    lines = _short_rules("\n".join(lines)).split("\n")
    cut = [line.rstrip() if len(line) <= WATCHED_WIDTH else line[: WATCHED_WIDTH - 1] + "…" for line in lines]
    return "\n".join(cut) or "(empty screen)"


def _close_up(text: str) -> str:
    """A screen without empty lines at either end, and one in place of several: between a short conversation and the
    composer stands most of a terminal's height."""
    return _EMPTY.sub("\n\n", text.rstrip().lstrip("\n"))


def _short_rules(text: str) -> str:
    return _RULE.sub(lambda rule: rule[0][:RULE_WIDTH], text)


async def said_card(app: Services, data: Mapping[str, Any]) -> Message:
    name = str(data["agent"])
    known = await app.registry.get(name)
    look = app.watch.last(name)
    path = look.files.path if look is not None else known.transcript
    answer = await asyncio.to_thread(last_answer, known.kind, path) if path is not None else None
    if answer is None:
        return Message(Text(f"{name} has not answered anything yet."))
    if data.get("as") == "file":
        return Message(Text(f"The last answer of {name}"), document=Document(f"{name}-answer.md", answer.text.encode()))
    text = answer.text
    buttons = [_tap("⬇ Show all", name, "answer-file")] if len(text) > MAX_TEXT else []
    quote = ExpandableBlockQuote(text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…")
    size = f" · {len(text):,} characters" if len(text) > MAX_TEXT else ""
    before = " · to an earlier prompt; the newest has no answer yet" if answer.before else ""
    return Message(as_list(Text(Bold(f"💬 {name}"), size, before), quote), [buttons])


async def ask_send(data: Mapping[str, Any], _context: RenderContext) -> Message:
    """data: {"agent": ID}: a message to reply to."""
    return Message(Text(f"✉️ Reply to this message with the text for {clipped(str(data['agent']), 40)}."))


def _tap(label: str, name: str, verb: str) -> Button:
    return Button(label, AgentTap(id=name, verb=verb))

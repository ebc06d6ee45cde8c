"""What the audit trail holds of a command, a reply or a tap. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message, TelegramObject

from bot.notices.shown import Shown
from bot.store.audit import fingerprint
from bot.telegram.access import ROLES, command_of

LONGEST = 200  # characters of a target
# Commands that end with a text for agents, and how many words stand before it: the text is kept as hash and length.
PROMPTS = {"send": 1, "broadcast": 0, "reviewer": 0, "review": 1}
# What a message that is replied to may be about.
ABOUT = ("agent", "agents", "draft", "page", "card")


def said(event: TelegramObject, data: Mapping[str, Any], needs: str) -> dict[str, Any]:
    """{"target", "detail"} of its row. `data`: what the filters found, `needs`: the flag of the handler."""
    if isinstance(event, CallbackQuery):
        return {"target": event.data or "", "detail": {}}
    # A pair code is a secret for as long as it lives.
    if not isinstance(event, Message) or needs == "pair" or needs not in ROLES:
        return {"target": "", "detail": {}}
    notice, text = data.get("notice"), event.text or ""
    if isinstance(notice, Shown):
        return _of_reply(notice, text)
    command = data.get("command")
    return _of_command(command, text) if isinstance(command, CommandObject) else _plain(text)


def _of_reply(notice: Shown, text: str) -> dict[str, Any]:
    """Its own words are a prompt, or go with an answer."""
    about = {name: notice.data[name] for name in ABOUT if name in notice.data}
    target = str(about.get("agent") or about.get("agents") or about.get("draft") or "")
    words = fingerprint(text) if text else {}  # of a file they are noted when it has been read
    return {"target": target[:LONGEST], "detail": {"reply_to": notice.kind, **about, **words}}


def _of_command(command: CommandObject, text: str) -> dict[str, Any]:
    known = command_of(command.command)
    before = PROMPTS.get(known.name) if known is not None else None
    words = (command.args or "").split(maxsplit=before) if before is not None else []
    if before is None or len(words) <= before:
        return _plain(text)
    return {"target": f"/{command.command} {' '.join(words[:before])}".rstrip(), "detail": fingerprint(words[before])}


def _plain(text: str) -> dict[str, Any]:
    return {"target": text[:LONGEST], "detail": {}}

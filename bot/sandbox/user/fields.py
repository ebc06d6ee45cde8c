"""What came with a call of the person's side, read strictly: a wrong field is named, with what would be right."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.foreign import read_json
from bot.sandbox.answers import ApiError
from bot.sandbox.world import Chat, Entry, World


@dataclass(frozen=True, slots=True)
class Fields:
    """The JSON object of a body, or a query. Every method raises ApiError 400 for a value that does not fit."""

    values: dict[str, Any]

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if not isinstance(value, str | None):
            raise ApiError(400, f"{name} is a text")
        return (value or "").strip()

    def number(self, name: str, default: int = 0) -> int:
        value = self.values.get(name)
        return default if value is None else _whole(name, value)

    def numbers(self, name: str) -> list[int]:
        value = self.values.get(name)
        if not isinstance(value, list | None):
            raise ApiError(400, f"{name} is a list of whole numbers")
        return [_whole(name, one) for one in value or []]

    def seconds(self, name: str, default: float, most: float) -> float:
        """A number of seconds that is not negative, cut at `most`. Raises ApiError for anything else."""
        given = self.values.get(name)
        try:
            value = default if given is None else float(given)
        except (TypeError, ValueError):
            value = math.nan
        if not value >= 0:
            raise ApiError(400, f"{name} is a number of seconds")
        return min(value, most)

    def fields(self, name: str) -> Fields | None:
        """An object in this one; None where it is missing."""
        value = self.values.get(name)
        if not isinstance(value, dict | None):
            raise ApiError(400, f"{name} is an object")
        return None if value is None else Fields(value)

    def content(self) -> bytes:
        """The bytes of a file: `base64`, or `text` as UTF-8."""
        held = self.values.get("text")
        if isinstance(held, str):
            return held.encode()
        try:
            return base64.b64decode(self.text("base64"), validate=True)
        except ValueError:
            raise ApiError(400, "base64 is base64") from None

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise ApiError(400, f"{name} is true or false")
        return value


async def body_of(request: web.Request) -> Fields:
    """The body. Raises ApiError 400 unless it is a JSON object."""
    try:
        body = read_json(await request.read())
    except ValueError:
        raise ApiError(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise ApiError(400, "the body is not a JSON object")
    return Fields(body)


def query_of(request: web.Request) -> Fields:
    return Fields({name: value for name, value in request.query.items() if value})


def chat_of(world: World, given: str) -> Chat:
    """The chat with that id. Raises ApiError 404."""
    chat = world.chats.get(int(given)) if _is_whole(given) else None
    if chat is None:
        raise ApiError(404, f"no chat {given}")
    return chat


def entry_of(world: World, chat: Chat, number: str) -> Entry:
    """A message of the chat, also a deleted one. Raises ApiError 404."""
    found = world.entries[chat.id].get(int(number)) if _is_whole(number) else None
    if found is None:
        raise ApiError(404, f"no message {number} in this chat")
    return found


def member_of(world: World, chat: Chat, user_id: int) -> dict[str, Any]:
    """A user of the chat, as a User of the Bot API. Raises ApiError 404 for nobody, 403 for one who is not in it."""
    user = world.users.get(user_id)
    if user is None:
        raise ApiError(404, f"no user {user_id}")
    if user["id"] not in chat.members:
        raise ApiError(403, f"{user['first_name']} is not in this chat")
    return user


def _is_whole(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 18


def _whole(name: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _is_whole(value):
        return int(value)
    raise ApiError(400, f"{name} is a whole number")

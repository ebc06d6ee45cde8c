"""What a card gives to the outbox: the message as it is to stand in the chat right now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiogram.types import MessageEntity
from aiogram.utils.formatting import Text

from bot.store import Store, Transaction
from bot.telegram.keyboards import Button


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What a card may look at: the moment, the person's zone, the store, and where the message stands."""

    now: datetime
    zone: ZoneInfo
    store: Store
    chat_id: int
    key: str | None = None
    editing: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A file to send."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered message. With a photo or document the content is its caption; over 1,024 units it follows as text.

    `shown` is called once it stands in the chat, in the transaction that writes that down, with the chat's id.
    """

    content: Text
    keyboard: Sequence[Sequence[Button]] = ()
    photo: bytes | None = None
    document: Document | None = None
    shown: Callable[[Transaction, int], Awaitable[None]] | None = None


# A card returns None when there is nothing (left) to say: the row then counts as done.
Card = Callable[[Mapping[str, Any], RenderContext], Awaitable[Message | None]]


def text_data(content: Text | str, keyboard: Sequence[Sequence[Button]] = ()) -> dict[str, Any]:
    """`content` and `keyboard` as the data of a notice of kind "text"."""
    text, entities = content.render() if isinstance(content, Text) else (content, [])
    return {
        "text": text,
        "entities": [e.model_dump(mode="json", exclude_none=True, exclude_defaults=True) for e in entities],
        "keyboard": [[button.as_dict() for button in row] for row in keyboard],
    }


async def text_card(data: Mapping[str, Any], context: RenderContext) -> Message:
    """The built-in card: a plain reply, prepared by whoever posted it."""
    entities = [MessageEntity.model_validate(e) for e in data.get("entities") or ()]
    content = Text.from_entities(str(data["text"]), entities) if entities else Text(str(data["text"]))
    return Message(content, [[Button(**button) for button in row] for row in data.get("keyboard") or ()])

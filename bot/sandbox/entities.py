"""Entities as the server treats them: checked when a bot sends them, found by itself in plain text. Pure.

Patterns and texts follow tdlib (MessageEntity.cpp: match_bot_commands and its neighbours), as of Bot API 10.
"""

from __future__ import annotations

import re
from typing import Any

from bot.sandbox.answers import ApiError

Entity = dict[str, Any]

KINDS = {
    "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
    "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
    "custom_emoji", "date_time",
}  # fmt: skip
_FOUND = (
    ("bot_command", re.compile(r"(?<![\w/<>])/[a-zA-Z0-9_]{1,64}(?:@[a-zA-Z0-9_]{3,32})?(?![\w/<>])")),
    ("mention", re.compile(r"(?<![\w@/])@[a-zA-Z0-9_]{3,32}")),
    ("url", re.compile(r"https?://[^\s<>\"]+")),
)
# Inside these nothing else is marked.
_OPAQUE = {"code", "pre", "text_link"}


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def slice_units(text: str, offset: int, length: int) -> str:
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[offset * 2 : (offset + length) * 2].decode("utf-16-le", "replace")


def trim(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """White space around a message is not shown; entities move with the text."""
    lead = units(text) - units(text.lstrip())
    stripped = text.strip()
    end = units(stripped)
    moved = []
    for entity in entities:
        first = max(entity["offset"] - lead, 0)
        last = min(entity["offset"] + entity["length"] - lead, end)
        if last > first:
            moved.append({**entity, "offset": first, "length": last - first})
    return stripped, moved


def checked(text: str, entities: Any) -> list[Entity]:
    """The entities that a bot gave. Raises ApiError 400 for a shape, kind or bound that the server would refuse."""
    if not isinstance(entities, list):
        raise ApiError(400, "Bad Request: can't parse entities: expected an Array of MessageEntity")
    size, result = units(text), []
    for entity in entities:
        if not isinstance(entity, dict) or str(entity.get("type")) not in KINDS:
            raise ApiError(400, "Bad Request: can't parse MessageEntity: unsupported type specified")
        offset, length = entity.get("offset"), entity.get("length")
        if not isinstance(offset, int) or not isinstance(length, int) or offset < 0 or length <= 0:
            raise ApiError(400, "Bad Request: can't parse MessageEntity: wrong offset or length")
        if offset + length > size:
            raise ApiError(
                400,
                f"Bad Request: entity beginning at UTF-16 offset {offset} ends after the end of the text "
                f"at UTF-16 offset {offset + length}",
            )
        for edge in (offset, offset + length):
            if _halves_a_character(text, edge):
                raise ApiError(400, f"Bad Request: entity begins or ends in a middle of a UTF-16 symbol at {edge}")
        result.append(entity)
    return result[:100]


def with_found(text: str, entities: list[Entity]) -> list[Entity]:
    """The given entities and what the server finds by itself: commands, mentions, addresses."""
    covered = [(e["offset"], e["offset"] + e["length"]) for e in entities if e["type"] in _OPAQUE]
    found = list(entities)
    for kind, pattern in _FOUND:
        for match in pattern.finditer(text):
            first = units(text[: match.start()])
            last = first + units(match.group())
            if any(first < b and a < last for a, b in covered):
                continue
            covered.append((first, last))
            found.append({"type": kind, "offset": first, "length": last - first})
    return sorted(found, key=lambda e: (e["offset"], -e["length"]))


def _halves_a_character(text: str, edge: int) -> bool:
    raw = text.encode("utf-16-le", "surrogatepass")
    return 0 < edge * 2 < len(raw) and 0xDC <= raw[edge * 2 + 1] <= 0xDF

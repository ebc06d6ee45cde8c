"""Texts with a parse_mode, and inline keyboards, as strictly as the server takes them. Pure."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

from bot.sandbox.answers import ApiError
from bot.sandbox.entities import Entity, units

_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre",
    "blockquote": "blockquote", "tg-spoiler": "spoiler", "a": "text_link",
}  # fmt: skip
STYLES = {"danger", "success", "primary"}


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.entities: list[Entity] = []
        self.open: list[tuple[str, int, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise ApiError(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
        self.open.append((tag, units(self.text), dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag and note its entity, in UTF-16 units. Raises ApiError for another tag than that."""
        if not self.open or self.open[-1][0] != tag:
            raise ApiError(400, f'Bad Request: can\'t parse entities: Unexpected end tag "{tag}"')
        name, begin, attributes = self.open.pop()
        length = units(self.text) - begin
        if not length:
            return
        entity: Entity = {"type": _TAGS[name], "offset": begin, "length": length}
        if name == "a":
            entity["url"] = attributes.get("href") or ""
        if name == "blockquote" and "expandable" in attributes:
            entity["type"] = "expandable_blockquote"
        self.entities.append(entity)

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(text: str, parse_mode: str) -> tuple[str, list[Entity]]:
    """Text and entities of a text with parse_mode HTML. Raises ApiError; Markdown is not offered here."""
    if parse_mode.lower() != "html":
        raise ApiError(400, "Bad Request: unsupported parse_mode")
    parser = _Html()
    parser.feed(text)
    parser.close()
    if parser.open:
        tag = parser.open[-1][0]
        said = f"can't parse entities: Can't find end tag corresponding to start tag \"{tag}\""
        raise ApiError(400, f"Bad Request: {said}")
    return parser.text, sorted(parser.entities, key=lambda e: (e["offset"], -e["length"]))


def keyboard(value: Any) -> dict[str, Any] | None:
    """The inline keyboard of `reply_markup`, checked; None for none. Other markups are taken and not shown."""
    if value in (None, "", {}):
        return None
    if not isinstance(value, dict):
        raise ApiError(400, "Bad Request: object expected as reply markup")
    rows = value.get("inline_keyboard")
    if rows is None:
        return None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ApiError(400, 'Bad Request: field "inline_keyboard" must be of type Array of Array')
    buttons = [[_button(button) for button in row] for row in rows]
    if sum(map(len, buttons)) > 100:
        raise ApiError(400, "Bad Request: REPLY_MARKUP_TOO_LONG")
    return {"inline_keyboard": [row for row in buttons if row]} if any(buttons) else None


def _button(button: Any) -> dict[str, Any]:
    if not isinstance(button, dict) or not str(button.get("text") or "").strip():
        raise ApiError(400, 'Bad Request: can\'t parse inline keyboard button: field "text" must be of type String')
    kinds = [
        k for k in ("callback_data", "copy_text", "url", "web_app", "disabled", "switch_inline_query") if k in button
    ]
    if len(kinds) != 1:
        raise ApiError(
            400, "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    data = button.get("callback_data")
    if "callback_data" in button and not (isinstance(data, str) and 1 <= len(data.encode()) <= 64):
        raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
    if "copy_text" in button and not _can_be_copied(button["copy_text"]):
        raise ApiError(400, "Bad Request: BUTTON_COPY_TEXT_INVALID")
    if button.get("style") is not None and str(button["style"]) not in STYLES:
        raise ApiError(400, "Bad Request: can't parse inline keyboard button: unsupported button style")
    return button


def _can_be_copied(button: Any) -> bool:
    return isinstance(button, dict) and 1 <= units(str(button.get("text", ""))) <= 256


def same(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    """Are the two keyboards (or any two parts of messages) the same?"""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

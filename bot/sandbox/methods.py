"""Methods of the Bot API that write messages: their checks, limits and error texts."""

from __future__ import annotations

import re
import time
from typing import Any

from bot.sandbox import files, markup
from bot.sandbox.answers import ApiError, Params
from bot.sandbox.entities import checked, trim, units, with_found
from bot.sandbox.world import Chat, Entry, World

MAX_TEXT, MAX_CAPTION = 4096, 1024
GENERAL = "General"
_CHAT_ID = re.compile(r"-?[0-9]{1,18}")
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)


class MessageMethods:
    """sendX, editX, deleteX. Each method takes the parameters and returns `result`, or raises ApiError."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def sendmessage(self, params: Params) -> Any:
        chat = self.writable(params)
        text, entities = self._text(params, "text")
        return self._say(chat, params, {"text": text, "entities": entities or None})

    async def sendrichmessage(self, params: Params) -> Any:
        chat = self.writable(params)
        rich = params.object("rich_message")
        text = str(rich.get("markdown") or rich.get("html") or "")
        if not text.strip():
            raise ApiError(400, "Bad Request: message text is empty")
        return self._say(chat, params, {"text": text})

    async def sendphoto(self, params: Params) -> Any:
        chat = self.writable(params, "photos")
        return self._say(chat, params, files.photo(self.world, params.upload("photo")) | self._caption(params))

    async def senddocument(self, params: Params) -> Any:
        chat = self.writable(params, "documents")
        return self._say(chat, params, files.document(self.world, params.upload("document")) | self._caption(params))

    async def editmessagetext(self, params: Params) -> Any:
        entry = self._own(params)
        if "text" not in entry.message:
            raise ApiError(400, "Bad Request: there is no text in the message to edit")
        text, entities = self._text(params, "text", too_long="MESSAGE_TOO_LONG")
        return self._edit(entry, params, {"text": text, "entities": entities or None})

    async def editmessagecaption(self, params: Params) -> Any:
        return self._edit(self._own(params), params, self._caption(params))

    async def editmessagereplymarkup(self, params: Params) -> Any:
        return self._edit(self._own(params), params, {})

    async def editmessagemedia(self, params: Params) -> Any:
        entry = self._own(params)
        media = params.nested("media")
        if not isinstance(media, dict) or media.get("type") not in ("photo", "document"):
            raise ApiError(400, "Bad Request: can't parse media: unsupported type specified")
        inner = Params(media, params.files)
        upload = inner.upload("media")
        kind = files.photo if media["type"] == "photo" else files.document
        content = kind(self.world, upload)
        cleared = {"photo": None, "document": None, "text": None, "entities": None}
        return self._edit(entry, params, cleared | content | self._caption(inner))

    async def deletemessage(self, params: Params) -> Any:
        entry = self.world.entries[self.chat(params).id].get(params.number("message_id"))
        if entry is None or entry.deleted:
            raise ApiError(400, "Bad Request: message to delete not found")
        self._remove(entry)
        return True

    async def deletemessages(self, params: Params) -> Any:
        chat = self.chat(params)
        numbers = params.array("message_ids")
        if not 1 <= len(numbers) <= 100 or not all(isinstance(n, int) for n in numbers):
            raise ApiError(400, "Bad Request: message identifiers are not specified")
        for number in numbers:
            entry = self.world.entries[chat.id].get(number)
            if entry is not None and not entry.deleted:
                self._remove(entry)
        return True

    def chat(self, params: Params) -> Chat:
        """The chat of `chat_id`. Raises ApiError 400 if there is none."""
        given = params.text("chat_id").strip()
        if not given:
            raise ApiError(400, "Bad Request: chat_id is empty")
        chat = self.world.chats.get(int(given)) if _CHAT_ID.fullmatch(given) else None
        if chat is None:
            raise ApiError(400, "Bad Request: chat not found")
        return chat

    def writable(self, params: Params, what: str = "text messages") -> Chat:
        """The chat, if the bot may write this there and the topic exists."""
        chat = self.chat(params)
        if chat.upgraded_to:
            said = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, said, migrate_to_chat_id=chat.upgraded_to)
        if chat.blocked:
            kind = chat.telegram()["type"]
            kicked = "bot was blocked by the user" if kind == "private" else f"bot was kicked from the {kind} chat"
            raise ApiError(403, f"Forbidden: {kicked}")
        if not chat.begun:
            raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
        thread = params.text("message_thread_id")
        if thread and thread not in chat.topics:
            raise ApiError(400, "Bad Request: message thread not found")
        if what in chat.forbids:
            raise ApiError(400, f"Bad Request: not enough rights to send {what} to the chat")
        if not chat.topics[thread]["open"] if thread else GENERAL in chat.forbids and what != "topics":
            raise ApiError(400, "Bad Request: TOPIC_CLOSED")  # as for a bot that may not manage topics
        return chat

    def entry(self, params: Params, missing: str) -> Entry:
        """The message of `chat_id` and `message_id`. Raises ApiError 400 with `missing`."""
        found = self.world.entries[self.chat(params).id].get(params.number("message_id"))
        if found is None or found.deleted:
            raise ApiError(400, f"Bad Request: {missing}")
        return found

    def _say(self, chat: Chat, params: Params, content: dict[str, Any]) -> dict[str, Any]:
        content["reply_markup"] = markup.keyboard(params.nested("reply_markup"))
        content["reply_to_message"] = self._replied(chat, params)
        if params.text("message_thread_id"):
            content |= {"message_thread_id": params.number("message_thread_id"), "is_topic_message": True}
        chat.typing_until, chat.draft = 0.0, None
        return self.world.add_message(chat, self.world.bot, content).message

    def _replied(self, chat: Chat, params: Params) -> dict[str, Any] | None:
        reply = params.object("reply_parameters")
        number = Params(reply).number("message_id") or params.number("reply_to_message_id")
        if not number:
            return None
        entry = self.world.entries[chat.id].get(number)
        if entry is None or entry.deleted:
            if reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply"):
                return None
            raise ApiError(400, "Bad Request: message to be replied not found")
        return {k: v for k, v in entry.message.items() if k != "reply_to_message"}

    def _own(self, params: Params) -> Entry:
        entry = self.entry(params, "message to edit not found")
        if entry.message["from"]["id"] != self.world.bot["id"]:
            raise ApiError(400, "Bad Request: message can't be edited")
        return entry

    def _edit(self, entry: Entry, params: Params, content: dict[str, Any]) -> dict[str, Any]:
        content["reply_markup"] = markup.keyboard(params.nested("reply_markup"))
        if all(markup.same(entry.message.get(name), value) for name, value in content.items()):
            raise ApiError(400, NOT_MODIFIED)
        entry.message = {k: v for k, v in (entry.message | content).items() if v is not None}
        entry.message["edit_date"] = int(time.time())
        entry.edits += 1
        self.world.remember_buttons(entry)
        self.world.touch(entry)
        return entry.message

    def _remove(self, entry: Entry) -> None:
        entry.deleted = True
        chat, number = self.world.chats[entry.message["chat"]["id"]], entry.message["message_id"]
        chat.pinned = [n for n in chat.pinned if n != number]
        self.world.touch(entry)

    def _text(
        self, params: Params, name: str, *, too_long: str = "message is too long"
    ) -> tuple[str, list[dict[str, Any]]]:
        text, given = params.text(name), params.nested("entities")
        if params.text("parse_mode"):
            text, given = markup.parsed(text, params.text("parse_mode"))
        text, entities = trim(text, checked(text, given or []))
        if not text:
            raise ApiError(400, "Bad Request: message text is empty")
        if units(text) > MAX_TEXT:
            raise ApiError(400, f"Bad Request: {too_long}")
        return text, with_found(text, entities)

    @staticmethod
    def _caption(params: Params) -> dict[str, Any]:
        text, given = params.text("caption"), params.nested("caption_entities")
        if params.text("parse_mode"):
            text, given = markup.parsed(text, params.text("parse_mode"))
        text, entities = trim(text, checked(text, given or []))
        if units(text) > MAX_CAPTION:
            raise ApiError(400, "Bad Request: message caption is too long")
        return {"caption": text or None, "caption_entities": with_found(text, entities) or None}

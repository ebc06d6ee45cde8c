"""Messages as a person reads and writes them, and the files in them."""

from __future__ import annotations

import asyncio
import mimetypes
import time
from typing import Any

from aiohttp import web

from bot.sandbox import files
from bot.sandbox.answers import ApiError, Upload
from bot.sandbox.entities import slice_units, trim, units, with_found
from bot.sandbox.methods import MAX_CAPTION, MAX_TEXT
from bot.sandbox.updates import Updates
from bot.sandbox.user.fields import Fields, body_of, chat_of, entry_of, member_of, query_of
from bot.sandbox.world import Chat, Entry, World

MAX_WAIT_S = 60.0


class Messages:
    """Handlers around messages."""

    def __init__(self, world: World, updates: Updates) -> None:
        self.world = world
        self.updates = updates

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sandbox/chats/{chat}/messages", self.read),
            web.post("/sandbox/chats/{chat}/messages", self.write),
            web.post("/sandbox/chats/{chat}/messages/{message}/edit", self.edit),
            web.get("/sandbox/files/{file_id}", self.file),
        ]

    async def read(self, request: web.Request) -> web.Response:
        """What changed after ?after=, waiting up to ?wait= seconds for something."""
        chat, query = chat_of(self.world, request.match_info["chat"]), query_of(request)
        after, wait = query.number("after"), query.seconds("wait", 0.0, MAX_WAIT_S)
        if after > self.world.seq:
            after = 0  # from before a restart that began anew: everything is news
        loop = asyncio.get_running_loop()
        until, seen = loop.time() + wait, _signs(chat)
        while not (fresh := self._since(chat, after)) and loop.time() < until and _signs(chat) == seen:
            await self.world.wait_for_change(min(until - loop.time(), 1.0))
        typing, draft, pinned = _signs(chat)
        body = {
            "seq": max([after, *(e.seq for e in fresh)]),
            "messages": [shown(e, chat) for e in fresh],
            "typing": typing,
            "draft": draft,
            "pinned": pinned,
        }
        return web.json_response(body)

    async def write(self, request: web.Request) -> web.Response:
        """A person writes, or sends a file; the bot gets it as an update.

        {"from", "text"} or {"from", "document": {"name", "text" | "base64", "mime"?} | "photo": {"base64"}, "caption"?,
        "media_group"?: one word for all of an album}; "reply_to"? with both.
        """
        chat, body = chat_of(self.world, request.match_info["chat"]), await body_of(request)
        sender = member_of(self.world, chat, body.number("from"))
        if chat.upgraded_to:
            raise ApiError(403, f"this group is a supergroup now: chat {chat.upgraded_to}")
        content = self._file(body) or written(body)
        if number := body.number("reply_to"):
            replied = entry_of(self.world, chat, str(number))
            if replied.deleted:
                raise ApiError(404, "the message to reply to is gone")
            content["reply_to_message"] = {k: v for k, v in replied.message.items() if k != "reply_to_message"}
            content |= {k: replied.message.get(k) for k in ("message_thread_id", "is_topic_message")}  # the same topic
        chat.begun = True
        entry = self.world.add_message(chat, sender, content)
        if chat.type == "private" or self._for_bot(entry.message):
            self.updates.add("message", entry.message)
        return web.json_response(entry.message)

    async def edit(self, request: web.Request) -> web.Response:
        """A person changes the text of a message of theirs: {"from", "text"}."""
        chat, body = chat_of(self.world, request.match_info["chat"]), await body_of(request)
        sender, entry = (
            member_of(self.world, chat, body.number("from")),
            entry_of(self.world, chat, request.match_info["message"]),
        )
        if entry.deleted or entry.message["from"]["id"] != sender["id"] or "text" not in entry.message:
            raise ApiError(403, "only a text of one's own can be edited")
        changed = entry.message | written(body) | {"edit_date": int(time.time())}
        entry.message = {k: v for k, v in changed.items() if v is not None}
        entry.edits += 1
        self.world.touch(entry)
        if chat.type == "private" or self._for_bot(entry.message):
            self.updates.add("edited_message", entry.message)
        return web.json_response(entry.message)

    def _file(self, body: Fields) -> dict[str, Any] | None:
        """The part of a message that holds a file, with its caption; None for a message of text."""
        document, photo = body.fields("document"), body.fields("photo")
        if document is not None:
            mime = document.text("mime") or mimetypes.guess_type(document.text("name"))[0] or "application/octet-stream"
            content = files.document(self.world, Upload(document.text("name") or "file", document.content(), mime))
        elif photo is not None:
            content = files.photo(self.world, Upload("photo.jpg", photo.content(), "image/jpeg"))
        else:
            return None
        caption, _none = trim(body.text("caption"), [])
        if units(caption) > MAX_CAPTION:
            raise ApiError(400, f"a caption has at most {MAX_CAPTION} characters")
        named = {"caption": caption or None, "caption_entities": with_found(caption, []) or None}
        return content | named | {"media_group_id": body.text("media_group") or None}

    async def file(self, request: web.Request) -> web.Response:
        found = self.world.files.get(request.match_info["file_id"])
        if found is None:
            raise ApiError(404, "no such file")
        # Never shown in place as anything but bytes: the page makes a picture of it where it wants one.
        headers = {"Content-Disposition": "attachment"}
        return web.Response(body=found.content, content_type="application/octet-stream", headers=headers)

    def _since(self, chat: Chat, after: int) -> list[Entry]:
        entries = self.world.entries[chat.id].values()
        return sorted((e for e in entries if e.seq > after), key=lambda e: e.message["message_id"])

    def _for_bot(self, message: dict[str, Any]) -> bool:
        """Privacy mode: in a group a bot sees commands, replies to it, and its name."""
        me, text = self.world.bot, message.get("text", message.get("caption", ""))
        if message.get("reply_to_message", {}).get("from", {}).get("id") == me["id"]:
            return True
        name = "@" + str(me["username"]).lower()
        for entity in message.get("entities", message.get("caption_entities", [])):
            word = slice_units(text, entity["offset"], entity["length"]).lower()
            if entity["type"] == "bot_command" and ("@" not in word or word.endswith(name)):
                return True
            if entity["type"] == "mention" and word == name:
                return True
        return False


def written(body: Fields) -> dict[str, Any]:
    """The part of a message that holds its text. Raises ApiError for none, and for more than a message takes."""
    text, _none = trim(body.text("text"), [])
    if not text:
        raise ApiError(400, "a message needs a text")
    if units(text) > MAX_TEXT:
        raise ApiError(400, f"a message has at most {MAX_TEXT} characters; a Telegram app would send several")
    return {"text": text, "entities": with_found(text, []) or None}


def shown(entry: Entry, chat: Chat) -> dict[str, Any]:
    """A message as the chat page takes it."""
    message = entry.message
    topic = chat.topics.get(str(message.get("message_thread_id")), {})
    rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
    photo, document = (message.get("photo") or [None])[-1], message.get("document")
    return {
        "message_id": message["message_id"],
        "seq": entry.seq,
        "date": message["date"],
        "from": message["from"],
        "text": message.get("text", message.get("caption", "")),
        "entities": message.get("entities", message.get("caption_entities", [])),
        "buttons": [[_button(b) for b in row] for row in rows],
        "photo": photo and {**photo, "url": f"/sandbox/files/{photo['file_id']}"},
        "document": document and {**document, "url": f"/sandbox/files/{document['file_id']}"},
        "topic": topic.get("name"),
        "reply_to": message.get("reply_to_message", {}).get("message_id"),
        "reactions": entry.reactions,
        "edits": entry.edits,
        "deleted": entry.deleted,
    }


def _signs(chat: Chat) -> tuple[bool, str | None, list[int]]:
    """What changes without a message: the typing sign, a text that is still being written, what is pinned."""
    now, draft = time.monotonic(), chat.draft
    return chat.typing_until > now, draft["text"] if draft and draft["until"] > now else None, list(chat.pinned)


def _button(button: dict[str, Any]) -> dict[str, Any]:
    held = {"label": button["text"], "data": button.get("callback_data"), "style": button.get("style")}
    if "copy_text" in button:
        held["copy"] = button["copy_text"]["text"]
    if "url" in button:
        held["url"] = button["url"]
    return held | ({"disabled": True} if "disabled" in button else {})

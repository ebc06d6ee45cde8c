"""The person's side: what a Telegram app does, as JSON over HTTP (contract.md section 6)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from bot.sandbox.answers import ApiError
from bot.sandbox.callbacks import Callbacks
from bot.sandbox.entities import slice_units, trim, units, with_found
from bot.sandbox.methods import MAX_TEXT
from bot.sandbox.updates import Updates
from bot.sandbox.world import Chat, Entry, Fault, World

FAULTS = {"429", "500", "timeout", "drop", "duplicate", "conflict", "blocked"}
ANSWER_WAIT_S = 10.0
MAX_WAIT_S = 60.0
PanesCallback = Callable[[], Awaitable[list[dict[str, Any]]]]


class UserApi:
    """Handlers of /sandbox/*. Errors are {"error": {"code", "message"}} with the HTTP status that fits."""

    def __init__(self, world: World, updates: Updates, callbacks: Callbacks, panes: PanesCallback | None) -> None:
        self.world = world
        self.updates = updates
        self.callbacks = callbacks
        self.panes = panes

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sandbox/state", self.state),
            web.get("/sandbox/commands", self.commands),
            web.get("/sandbox/panes", self.show_panes),
            web.get("/sandbox/calls", self.calls),
            web.get("/sandbox/files/{file_id}", self.file),
            web.post("/sandbox/users", self.add_user),
            web.post("/sandbox/chats", self.add_chat),
            web.post("/sandbox/faults", self.add_fault),
            web.get("/sandbox/chats/{chat}/messages", self.messages),
            web.post("/sandbox/chats/{chat}/messages", self.write),
            web.post("/sandbox/chats/{chat}/block", self.block),
            web.post("/sandbox/chats/{chat}/messages/{message}/press", self.press),
        ]

    async def state(self, _request: web.Request) -> web.Response:
        users = [{"id": u["id"], "name": u["first_name"]} for u in self.world.users.values()]
        chats = [
            {"id": c.id, "type": c.type, "title": c.title, "members": c.members} for c in self.world.chats.values()
        ]
        return web.json_response({"bot": self.world.bot, "users": users, "chats": chats})

    async def commands(self, request: web.Request) -> web.Response:
        """The menu as the app shows it for ?chat=: the narrowest scope that the bot published."""
        chat = self._chat(request.query.get("chat", ""))
        kind = "all_private_chats" if chat.type == "private" else "all_group_chats"
        for scope in (f"chat:{chat.id}::", f"{kind}:::", "default:::"):
            if scope in self.world.commands:
                return web.json_response(self.world.commands[scope])
        return web.json_response([])

    async def show_panes(self, _request: web.Request) -> web.Response:
        return web.json_response(await self.panes() if self.panes is not None else [])

    async def calls(self, request: web.Request) -> web.Response:
        wanted = request.query.get("method", "").lower()
        return web.json_response([c for c in self.world.calls if wanted in {"", c["method"].lower()}])

    async def file(self, request: web.Request) -> web.Response:
        found = self.world.files.get(request.match_info["file_id"])
        if found is None:
            raise ApiError(404, "no such file")
        # Never shown in place as anything but bytes: the page makes a picture of it where it wants one.
        headers = {"Content-Disposition": "attachment"}
        return web.Response(body=found.content, content_type="application/octet-stream", headers=headers)

    async def add_user(self, request: web.Request) -> web.Response:
        body = await _body(request)
        name = str(body.get("name") or "").strip()
        if not name:
            raise ApiError(400, "a user needs a name")
        chat = self.world.add_user(name)
        self.world.notify()
        return web.json_response({"id": chat.id, "name": name})

    async def add_chat(self, request: web.Request) -> web.Response:
        body = await _body(request)
        members = [int(m) for m in body.get("members") or []]
        unknown = [m for m in members if m not in self.world.users]
        if unknown:
            raise ApiError(404, f"no user {unknown[0]}")
        if body.get("type") == "private":
            if len(members) != 1:
                raise ApiError(400, "a private chat has one member")
            chat = self.world.chats[members[0]]
        elif body.get("type") in {"group", "supergroup"}:
            chat = self.world.add_group(str(body.get("title") or "Group"), members)
            chat.forum = body.get("forum") is True
            self._joined(chat)
        else:
            raise ApiError(400, 'type is "private" or "group"')
        self.world.notify()
        return web.json_response({"id": chat.id, "type": chat.type, "title": chat.title})

    async def add_fault(self, request: web.Request) -> web.Response:
        body = await _body(request)
        kind = str(body.get("kind"))
        if kind not in FAULTS:
            raise ApiError(400, f"kind is one of: {', '.join(sorted(FAULTS))}")
        method = str(body.get("method") or ("getUpdates" if kind == "conflict" else ""))
        count, after = int(body.get("count") or 1), int(body.get("retry_after") or 1)
        self.world.faults.append(Fault(kind, method, count, after, bool(body.get("carried_out"))))
        return web.json_response({"kind": kind, "method": method, "count": count, "retry_after": after})

    async def block(self, request: web.Request) -> web.Response:
        """The person blocks the bot, or takes it back: {"from", "blocked"}."""
        chat, body = self._chat(request.match_info["chat"]), await _body(request)
        sender = self._member(chat, body.get("from", chat.id))
        was, chat.blocked = chat.blocked, bool(body.get("blocked", True))
        self._membership(chat, sender, _status(chat, was), _status(chat, chat.blocked))
        return web.json_response({"blocked": chat.blocked})

    async def messages(self, request: web.Request) -> web.Response:
        chat = self._chat(request.match_info["chat"])
        after, wait = _number(request, "after"), min(_number(request, "wait"), MAX_WAIT_S)
        if after > self.world.seq:
            after = 0  # from before a restart that began anew: everything is news
        loop = asyncio.get_running_loop()
        until, seen = loop.time() + wait, self._signs(chat)
        while not (fresh := self._since(chat, after)) and loop.time() < until and self._signs(chat) == seen:
            await self.world.wait_for_change(min(until - loop.time(), 1.0))
        seq = max([after, *(e.seq for e in fresh)])
        typing, draft = self._signs(chat)
        body = {
            "seq": seq,
            "messages": [shown(e) for e in fresh],
            "typing": typing,
            "draft": draft,
            "pinned": chat.pinned,
        }
        return web.json_response(body)

    async def write(self, request: web.Request) -> web.Response:
        """A person writes; the bot gets it as an update."""
        chat, body = self._chat(request.match_info["chat"]), await _body(request)
        sender = self._member(chat, body.get("from"))
        text, _none = trim(str(body.get("text") or ""), [])
        if not text:
            raise ApiError(400, "a message needs a text")
        if units(text) > MAX_TEXT:
            raise ApiError(400, f"a message has at most {MAX_TEXT} characters; a Telegram app would send several")
        content: dict[str, Any] = {"text": text, "entities": with_found(text, []) or None}
        if body.get("reply_to"):
            replied = self.world.entries[chat.id].get(int(body["reply_to"]))
            if replied is None or replied.deleted:
                raise ApiError(404, "the message to reply to is gone")
            content["reply_to_message"] = {k: v for k, v in replied.message.items() if k != "reply_to_message"}
        chat.begun = True
        entry = self.world.add_message(chat, sender, content)
        if chat.type == "private" or self._for_bot(entry.message):
            self.updates.add("message", entry.message)
        return web.json_response(entry.message)

    async def press(self, request: web.Request) -> web.Response:
        """A tap on a button, also on one that the message no longer has (the person's app was behind)."""
        chat, body = self._chat(request.match_info["chat"]), await _body(request)
        sender = self._member(chat, body.get("from"))
        number = request.match_info["message"]
        entry = self.world.entries[chat.id].get(int(number)) if number.isdigit() else None
        if entry is None:
            raise ApiError(404, f"no message {number} in this chat")
        button = str(body.get("button") or "")
        copied = _copied(entry, button)
        if copied is not None:
            return web.json_response({"answer": None, "copied": copied})
        query, answer = self.callbacks.new()
        sent = self.updates.add(
            "callback_query",
            {
                "id": query,
                "from": sender,
                "message": entry.message,
                "chat_instance": str(abs(hash((self.world.bot["id"], chat.id)))),
                "data": _data_of(entry, button),
            },
        )
        result: dict[str, Any] | None = None
        if sent:
            with suppress(TimeoutError):
                result = await asyncio.wait_for(answer, min(float(body.get("wait", ANSWER_WAIT_S)), MAX_WAIT_S))
        return web.json_response({"answer": result})

    def _since(self, chat: Chat, after: int) -> list[Entry]:
        entries = self.world.entries[chat.id].values()
        return sorted((e for e in entries if e.seq > after), key=lambda e: e.message["message_id"])

    @staticmethod
    def _signs(chat: Chat) -> tuple[bool, str | None]:
        """What shows for a moment only: the typing sign, a text that is still being written."""
        now, draft = time.monotonic(), chat.draft
        return chat.typing_until > now, draft["text"] if draft and draft["until"] > now else None

    def _for_bot(self, message: dict[str, Any]) -> bool:
        """Privacy mode: in a group a bot sees commands, replies to it, and its name."""
        me, text = self.world.bot, message["text"]
        if message.get("reply_to_message", {}).get("from", {}).get("id") == me["id"]:
            return True
        name = "@" + str(me["username"]).lower()
        for entity in message.get("entities", []):
            word = slice_units(text, entity["offset"], entity["length"]).lower()
            if entity["type"] == "bot_command" and ("@" not in word or word.endswith(name)):
                return True
            if entity["type"] == "mention" and word == name:
                return True
        return False

    def _joined(self, chat: Chat) -> None:
        adder = self.world.users[chat.members[0] if chat.members else next(iter(self.world.users))]
        self._membership(chat, adder, "left", "member")

    def _membership(self, chat: Chat, sender: dict[str, Any], old: str, new: str) -> None:
        who = {"user": self.world.bot}
        change = {"chat": chat.telegram(), "from": sender, "date": int(time.time())}
        members = {"old_chat_member": _member(who, old), "new_chat_member": _member(who, new)}
        self.updates.add("my_chat_member", change | members)

    def _chat(self, given: str) -> Chat:
        chat = self.world.chats.get(int(given)) if given.lstrip("-").isdigit() else None
        if chat is None:
            raise ApiError(404, f"no chat {given}")
        return chat

    def _member(self, chat: Chat, given: Any) -> dict[str, Any]:
        user = self.world.users.get(int(given)) if str(given).isdigit() else None
        if user is None:
            raise ApiError(404, f"no user {given}")
        if user["id"] not in chat.members:
            raise ApiError(403, f"{user['first_name']} is not in this chat")
        return user


def shown(entry: Entry) -> dict[str, Any]:
    """A message as the chat page takes it."""
    message = entry.message
    rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
    photo, document = (message.get("photo") or [None])[-1], message.get("document")
    return {
        "message_id": message["message_id"],
        "seq": entry.seq,
        "date": message["date"],
        "from": message["from"],
        "text": message.get("text", message.get("caption", "")),
        "entities": message.get("entities", message.get("caption_entities", [])),
        "buttons": [[_shown_button(b) for b in row] for row in rows],
        "photo": photo and {**photo, "url": f"/sandbox/files/{photo['file_id']}"},
        "document": document and {**document, "url": f"/sandbox/files/{document['file_id']}"},
        "reply_to": message.get("reply_to_message", {}).get("message_id"),
        "reactions": entry.reactions,
        "edits": entry.edits,
        "deleted": entry.deleted,
    }


def _shown_button(button: dict[str, Any]) -> dict[str, Any]:
    held = {"label": button["text"], "data": button.get("callback_data"), "style": button.get("style")}
    if "copy_text" in button:
        held["copy"] = button["copy_text"]["text"]
    if "url" in button:
        held["url"] = button["url"]
    return held | ({"disabled": True} if "disabled" in button else {})


def _data_of(entry: Entry, button: str) -> str:
    """The data behind a label or a callback_data: of the message as it is, else as it last was."""
    rows = (entry.message.get("reply_markup") or {}).get("inline_keyboard", [])
    now = [(b["text"], b["callback_data"]) for row in rows for b in row if "callback_data" in b]
    once = [(label, data) for label, data in reversed(entry.known)]
    for pairs in (now, once):
        for label, data in pairs:
            if button in {label, data}:
                return str(data)
    names = ", ".join(label for label, _data in now) or "none"
    raise ApiError(404, f"no button {button!r} on this message; it has: {names}")


def _copied(entry: Entry, button: str) -> str | None:
    rows = (entry.message.get("reply_markup") or {}).get("inline_keyboard", [])
    return next(
        (str(b["copy_text"]["text"]) for r in rows for b in r if "copy_text" in b and b["text"] == button), None
    )


def _status(chat: Chat, blocked: bool) -> str:
    return "kicked" if blocked else "member"


def _member(who: dict[str, Any], status: str) -> dict[str, Any]:
    return {**who, "status": status} | ({"until_date": 0} if status == "kicked" else {})


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        raise ApiError(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise ApiError(400, "the body is not a JSON object")
    return body


def _number(request: web.Request, name: str) -> int:
    given = request.query.get(name, "0") or "0"
    try:
        return max(int(float(given)), 0)
    except ValueError:
        raise ApiError(400, f"{name} is a number") from None

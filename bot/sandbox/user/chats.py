"""People and the chats they are in: made, shown, blocked, turned into a supergroup; the command menu of a chat."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from bot.sandbox.answers import ApiError
from bot.sandbox.updates import Updates
from bot.sandbox.user.fields import body_of, chat_of, member_of
from bot.sandbox.world import Chat, World

TEXT = "text messages"
RESTRICTED: dict[str, Any] = {"is_member": True, "until_date": 0} | {
    f"can_{what}": False
    for what in (
        "send_messages",
        "send_audios",
        "send_documents",
        "send_photos",
        "send_videos",
        "send_video_notes",
        "send_voice_notes",
        "send_polls",
        "send_other_messages",
        "add_web_page_previews",
        "change_info",
        "invite_users",
        "pin_messages",
        "manage_topics",
        "react_to_messages",
        "edit_tag",
    )
}


class Chats:
    """Handlers around users and chats."""

    def __init__(self, world: World, updates: Updates) -> None:
        self.world = world
        self.updates = updates

    def routes(self) -> list[web.RouteDef]:
        """The people's side that makes users and chats, below `/sandbox/`."""
        return [
            web.get("/sandbox/state", self.state),
            web.get("/sandbox/commands", self.commands),
            web.post("/sandbox/users", self.add_user),
            web.post("/sandbox/chats", self.add_chat),
            web.post("/sandbox/chats/{chat}/block", self.block),
            web.post("/sandbox/chats/{chat}/restrict", self.restrict),
            web.post("/sandbox/chats/{chat}/upgrade", self.upgrade),
        ]

    async def state(self, _request: web.Request) -> web.Response:
        users = [{"id": u["id"], "name": u["first_name"]} for u in self.world.users.values()]
        chats = [_shown(chat) | {"members": chat.members} for chat in self.world.chats.values() if not chat.upgraded_to]
        return web.json_response({"bot": self.world.bot, "users": users, "chats": chats})

    async def commands(self, request: web.Request) -> web.Response:
        """The menu as the app shows it for ?chat=: the narrowest scope that the bot published."""
        chat = chat_of(self.world, request.query.get("chat", ""))
        kind = "all_private_chats" if chat.type == "private" else "all_group_chats"
        for scope in (f"chat:{chat.id}::", f"{kind}:::", "default:::"):
            if scope in self.world.commands:
                return web.json_response(self.world.commands[scope])
        return web.json_response([])

    async def add_user(self, request: web.Request) -> web.Response:
        name = (await body_of(request)).text("name")
        if not name:
            raise ApiError(400, "a user needs a name")
        chat = self.world.add_user(name)
        self.world.notify()
        return web.json_response({"id": chat.id, "name": name})

    async def add_chat(self, request: web.Request) -> web.Response:
        """{"type","title","members"} -> {"id","type","title"}; a private chat is its member's. Raises ApiError."""
        body = await body_of(request)
        members, kind = body.numbers("members"), body.text("type")
        unknown = [m for m in members if m not in self.world.users]
        if unknown:
            raise ApiError(404, f"no user {unknown[0]}")
        if kind == "private":
            if len(members) != 1:
                raise ApiError(400, "a private chat has one member")
            chat = self.world.chats[members[0]]
        elif kind in {"group", "supergroup"}:
            chat = self.world.add_group(body.text("title") or "Group", members)
            chat.type, chat.forum = kind, body.flag("forum")
            adder = self.world.users[members[0] if members else next(iter(self.world.users))]
            self._membership(chat, adder, "left", "member")
        else:
            raise ApiError(400, 'type is "private" or "group"')
        self.world.notify()
        return web.json_response(_shown(chat))

    async def block(self, request: web.Request) -> web.Response:
        """The person blocks the bot (or takes it out of the group), or takes that back: {"from", "blocked"}."""
        chat, body = chat_of(self.world, request.match_info["chat"]), await body_of(request)
        sender = member_of(self.world, chat, body.number("from", chat.id))
        was, chat.blocked = chat.blocked, body.flag("blocked", default=True)
        self._membership(chat, sender, _status(was), _status(chat.blocked))
        return web.json_response({"blocked": chat.blocked})

    async def restrict(self, request: web.Request) -> web.Response:
        """What the bot may not send into a group: {"from", "forbids": "text messages, photos, documents, General"}, or
        some of these. It is told of its own rights, as by Telegram, and not of the topic."""
        chat, body = chat_of(self.world, request.match_info["chat"]), await body_of(request)
        sender = member_of(self.world, chat, body.number("from", chat.id))
        was, chat.forbids = chat.forbids, [what.strip() for what in body.text("forbids").split(",") if what.strip()]
        muted = [TEXT in was, TEXT in chat.forbids]
        if muted[0] != muted[1]:
            self._membership(chat, sender, *("restricted" if one else "member" for one in muted))
        return web.json_response({"forbids": chat.forbids})

    async def upgrade(self, request: web.Request) -> web.Response:
        """The group becomes a supergroup: a new chat with a new id, and the old one only tells of it."""
        old = chat_of(self.world, request.match_info["chat"])
        if old.type != "group" or old.upgraded_to:
            raise ApiError(400, "only a group becomes a supergroup, once")
        new = self.world.add_group(old.title, old.members)
        new.type, old.upgraded_to = "supergroup", new.id
        self.world.notify()
        return web.json_response(_shown(new))

    def _membership(self, chat: Chat, sender: dict[str, Any], old: str, new: str) -> None:
        change = {"chat": chat.telegram(), "from": sender, "date": int(time.time())}
        members = {"old_chat_member": self._bot_as(old), "new_chat_member": self._bot_as(new)}
        self.updates.add("my_chat_member", change | members)

    def _bot_as(self, status: str) -> dict[str, Any]:
        more = {"kicked": {"until_date": 0}, "restricted": RESTRICTED}
        return {"user": self.world.bot, "status": status} | more.get(status, {})


def _shown(chat: Chat) -> dict[str, Any]:
    return {"id": chat.id, "type": chat.type, "title": chat.title}


def _status(blocked: bool) -> str:
    return "kicked" if blocked else "member"

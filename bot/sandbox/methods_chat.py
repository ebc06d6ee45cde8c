"""Methods of the Bot API around messages: the bot itself, commands, callbacks, chats, topics, files."""

from __future__ import annotations

import re
import time
from typing import Any

from bot.sandbox.answers import ApiError, Params
from bot.sandbox.callbacks import Callbacks
from bot.sandbox.methods import MessageMethods
from bot.sandbox.updates import Updates
from bot.sandbox.world import World

# Bot API 10.3, sendChatAction
ACTIONS = {
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
}  # fmt: skip
# Bot API 10.3, BotCommandScope: its types, and what each of them names.
SCOPES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("default", "all_private_chats", "all_group_chats", "all_chat_administrators"), ()),
    **dict.fromkeys(("chat", "chat_administrators"), ("chat_id",)),
    "chat_member": ("chat_id", "user_id"),
}
COMMAND = re.compile(r"[a-z0-9_]{1,32}")
TYPING_S = 5.0
DRAFT_S = 30.0
MAX_DOWNLOAD = 20 * 1024 * 1024


class Methods(MessageMethods):
    """Every method by its lower-case name; see `BotApi` for how it is called."""

    def __init__(self, world: World, updates: Updates, callbacks: Callbacks) -> None:
        super().__init__(world)
        self.updates = updates
        self.callbacks = callbacks

    async def getme(self, _params: Params) -> Any:
        can = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return self.world.bot | can | {"has_topics_enabled": False}

    async def getupdates(self, params: Params) -> Any:
        return await self.updates.get(params)

    async def setwebhook(self, params: Params) -> Any:
        return await self.updates.set_webhook(params)

    async def deletewebhook(self, params: Params) -> Any:
        return await self.updates.set_webhook(Params({**params.values, "url": ""}))

    async def getwebhookinfo(self, _params: Params) -> Any:
        return self.updates.info()

    async def answercallbackquery(self, params: Params) -> Any:
        return self.callbacks.answer(params)

    async def sendchataction(self, params: Params) -> Any:
        chat = self.writable(params)
        if params.text("action") not in ACTIONS:
            raise ApiError(400, "Bad Request: wrong parameter action in request")
        chat.typing_until = time.monotonic() + TYPING_S
        self.world.notify()
        return True

    async def sendmessagedraft(self, params: Params) -> Any:
        chat = self.writable(params)
        if chat.type != "private" or not params.number("draft_id"):
            raise ApiError(400, "Bad Request: draft_id must be non-zero, in a private chat")
        text = params.text("text")
        chat.draft = {"text": text, "until": time.monotonic() + DRAFT_S, "can_stop": params.flag("can_stop")}
        self.world.notify()
        return True

    async def setmycommands(self, params: Params) -> Any:
        commands = params.array("commands")
        if len(commands) > 100 or not all(isinstance(command, dict) for command in commands):
            raise ApiError(400, "Bad Request: can't parse commands: expected an Array of BotCommand")
        for command in commands:
            if not COMMAND.fullmatch(str(command.get("command", ""))):
                raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
            if not command.get("description"):
                raise ApiError(400, "Bad Request: command description must be non-empty")
            if len(str(command["description"])) > 256:
                raise ApiError(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self.world.commands[self._scope(params)] = commands
        self.world.notify()
        return True

    async def getmycommands(self, params: Params) -> Any:
        return self.world.commands.get(self._scope(params), [])

    async def deletemycommands(self, params: Params) -> Any:
        self.world.commands.pop(self._scope(params), None)
        self.world.notify()
        return True

    async def getchat(self, params: Params) -> Any:
        chat = self.chat(params)
        more: dict[str, Any] = {"accent_color_id": 0, "max_reaction_count": 11}
        more["accepted_gift_types"] = dict.fromkeys(
            ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
        )
        if chat.pinned:
            more["pinned_message"] = self.world.entries[chat.id][chat.pinned[-1]].message
        return chat.telegram() | more

    async def getchatmember(self, params: Params) -> Any:
        chat, user = self.chat(params), self.world.users.get(params.number("user_id"))
        if user is None:
            raise ApiError(400, "Bad Request: member not found")
        return {"status": "member" if user["id"] in chat.members else "left", "user": user}

    async def getchatmembercount(self, params: Params) -> Any:
        return len(self.chat(params).members) + 1

    async def leavechat(self, params: Params) -> Any:
        chat = self.chat(params)
        if chat.type == "private":
            raise ApiError(400, "Bad Request: chat member status can't be changed in private chats")
        chat.blocked = True
        return True

    async def pinchatmessage(self, params: Params) -> Any:
        entry, chat = self.entry(params, "message to pin not found"), self.chat(params)
        chat.pinned = [n for n in chat.pinned if n != entry.message["message_id"]] + [entry.message["message_id"]]
        self.world.touch(entry)
        return True

    async def unpinchatmessage(self, params: Params) -> Any:
        chat = self.chat(params)
        number = params.number("message_id") or (chat.pinned[-1] if chat.pinned else 0)
        if number not in chat.pinned:
            raise ApiError(400, "Bad Request: message to unpin not found")
        chat.pinned.remove(number)
        self.world.touch(self.world.entries[chat.id][number])
        return True

    async def unpinallchatmessages(self, params: Params) -> Any:
        self.chat(params).pinned.clear()
        self.world.notify()
        return True

    async def setmessagereaction(self, params: Params) -> Any:
        entry = self.entry(params, "message to react not found")
        reactions = params.array("reaction")
        if len(reactions) > 1:
            raise ApiError(400, "Bad Request: REACTIONS_TOO_MANY")
        entry.reactions = reactions
        self.world.touch(entry)
        return True

    async def createforumtopic(self, params: Params) -> Any:
        chat, name = self.writable(params, "topics"), params.text("name")
        if chat.type != "private" and not chat.forum:
            raise ApiError(400, "Bad Request: the chat is not a forum")
        if not 1 <= len(name) <= 128:
            raise ApiError(400, "Bad Request: TOPIC_TITLE_INVALID")
        number = self.world.next(f"message {chat.id}")
        topic = {"message_thread_id": number, "name": name, "icon_color": 7322096}
        chat.topics[str(number)] = topic | {"open": True}
        self.world.notify()
        return topic

    async def editforumtopic(self, params: Params) -> Any:
        topic = self._topic(params)
        topic["name"] = params.text("name") or topic["name"]
        self.world.notify()
        return True

    async def closeforumtopic(self, params: Params) -> Any:
        self._topic(params)["open"] = False
        self.world.notify()
        return True

    async def reopenforumtopic(self, params: Params) -> Any:
        self._topic(params)["open"] = True
        self.world.notify()
        return True

    async def getfile(self, params: Params) -> Any:
        file = self.world.files.get(params.text("file_id"))
        if file is None:
            raise ApiError(400, "Bad Request: invalid file_id")
        if len(file.content) > MAX_DOWNLOAD:
            raise ApiError(400, "Bad Request: file is too big")
        file_id = params.text("file_id")
        named = {"file_id": file_id, "file_unique_id": file_id[:12], "file_size": len(file.content)}
        return named | {"file_path": f"files/{file_id}"}

    async def setchatmenubutton(self, _params: Params) -> Any:
        return True

    async def getchatmenubutton(self, _params: Params) -> Any:
        return {"type": "commands"}

    async def close(self, _params: Params) -> Any:
        return True

    def _topic(self, params: Params) -> dict[str, Any]:
        topic = self.chat(params).topics.get(params.text("message_thread_id"))
        if topic is None:
            raise ApiError(400, "Bad Request: message thread not found")
        return topic

    def _scope(self, params: Params) -> str:
        """For whom a list of commands is. Raises ApiError for a scope that the server could not read."""
        scope = params.object("scope") or {"type": "default"}
        kind, wrong = str(scope.get("type")), "Bad Request: can't parse BotCommandScope: "
        if kind not in SCOPES:
            raise ApiError(400, wrong + "Unsupported type specified")
        for name in SCOPES[kind]:
            if name not in scope:
                raise ApiError(400, f'{wrong}Can\'t find field "{name}"')
        inner = Params(scope)
        chat = self.chat(inner).id if "chat_id" in SCOPES[kind] else ""
        user = inner.number("user_id") if "user_id" in SCOPES[kind] else ""
        return f"{kind}:{chat}:{user}:{params.text('language_code')}"

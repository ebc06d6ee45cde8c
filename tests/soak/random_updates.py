"""Updates as Telegram might send them, and as it never would: commands, replies, forged presses, odd shapes."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiogram.filters.callback_data import CallbackData

from bot.telegram import callbacks
from bot.telegram.access import COMMANDS

TAPS: list[type[CallbackData]] = [
    one for one in vars(callbacks).values() if isinstance(one, type) and one.__module__ == callbacks.__name__
]
VERBS = (
    "send look all cancel fresh show edit skip back swap retry screen enter resend leave watch "
    "unwatch start stop restart interrupt freeze thaw sure said answer-file picture file ask-send "
    "restore use chart rotate mute unmute refresh alerts dark light next fewer pin yes no o0 o1 o2 c0 "
    "c1 c2 t1 own each drop goon decline move dont"
).split()
FIT = ["w1", "w2", "all", "general", "hello"]
WORDS = [
    *(
        "w1",
        "w2",
        "w9",
        "all",
        "auto",
        "idle",
        "only",
        "w1,w2",
        "demo",
        "picture",
        "40",
        "-1",
        "9" * 30,
        "general",
        "error",
    ),
    *(
        "",
        "  ",
        "\n",
        "é",
        "李",
        "🧪",
        "\u202eabc",
        "\x00",
        "a" * 300,
        "../../etc/passwd",
        "$(id)",
        "`id`",
        "%s{0}",
        "<b>x",
        "@",
    ),
    *("ABCDE-FGHJK", "/help", "!rm -rf x", "exit", "shop-41", "claude-plus"),
]
SENSIBLE = [
    *(
        "/send w1 hello",
        "/send w2 SHELL `make`",
        "/freeze w1",
        "/freeze all",
        "/thaw all",
        "/interrupt w1",
        "/watch w2",
    ),
    *("/broadcast_targeted", "/broadcast_targeted auto", "/broadcast hello", "/broadcast_apply", "/broadcast_cancel"),
    *("/broadcast_pack general", "/broadcast_pack release", "/new demo", "/stop w2", "/restart w2", "/claim w1"),
    *("/agents", "/capture w1 picture", "/tasks", "/quota", "/w1", "/agent w2", "/help", "/audit", "/logs", "/health"),
]
TEXTS = [
    "hello",
    "run the cart tests",
    "/",
    "//",
    "/ agents",
    "/agents\n/stop w1",
    "@maf_sandbox_bot /agents",
    "SHELL `ls`",
]


@dataclass
class Seen:
    """What the bot showed, from which presses and replies are made: (chat, message id, data of its buttons)."""

    messages: list[tuple[int, int, Sequence[str]]] = field(default_factory=list)


class RandomUpdates:
    """A stream of raw updates from a seed. `heavy`: commands that start programs come too."""

    def __init__(self, rng: random.Random, bot: dict[str, Any], first_id: int, seen: Seen) -> None:
        self.rng = rng
        self.bot = bot
        self.seen = seen
        self._id = first_id

    def next(self, user: int, chats: Sequence[int]) -> dict[str, Any]:
        """One update of this user in one of these chats."""
        rng, chat = self.rng, self.rng.choice(chats)
        self._id += 1
        kinds: list[tuple[int, Callable[[int, int], dict[str, Any]]]] = [
            (40, self.command),
            (30, self.press),
            (10, self.reply),
            (6, self.plain),
            (8, self.odd),
            (2, self.membership),
            (4, self.unreadable),
        ]
        weights = [weight for weight, _ in kinds]
        made = rng.choices([make for _, make in kinds], weights)[0](user, chat)
        update = {"update_id": self._id, **made}
        if rng.random() < 0.01:
            update["update_id"] -= rng.randrange(3)  # it came before
        return update

    def command(self, user: int, chat: int) -> dict[str, Any]:
        rng, command = self.rng, self.rng.choice(COMMANDS)
        if rng.random() < 0.4:
            return self.message(user, chat, text=rng.choice(SENSIBLE))
        word = rng.choice([*command.spellings, command.name.upper(), command.name[:-1]])
        at = rng.choices(["", "@maf_sandbox_bot", "@another_bot"], [8, 1, 1])[0]
        words = [
            rng.choice(FIT if rng.random() < 0.6 else WORDS) for _ in range(rng.choices([0, 1, 2, 5], [4, 4, 3, 1])[0])
        ]
        return self.message(user, chat, text=f"/{word}{at} {' '.join(words)}"[: rng.choice([4096, 4096, 12])])

    def plain(self, user: int, chat: int) -> dict[str, Any]:
        text = self.rng.choice([*TEXTS, " ".join(self.rng.choices(WORDS, k=5)), "x" * 4096])
        return self.message(user, chat, text=text)

    def reply(self, user: int, chat: int) -> dict[str, Any]:
        return self.message(user, chat, text=self.rng.choice(TEXTS), reply_to_message=self._ours(chat)[0])

    def press(self, user: int, chat: int) -> dict[str, Any]:
        rng = self.rng
        message, shown = self._ours(chat)
        data: Any = rng.choice(shown) if shown and rng.random() < 0.8 else self._forged()
        if rng.random() < 0.1:
            data = "".join(rng.sample(data, len(data))) if rng.random() < 0.5 else data[: rng.randrange(len(data) + 1)]
        query = {"id": str(self._id), "from": _user(user), "chat_instance": "1", "data": data, "message": message}
        if rng.random() < 0.05:
            query.pop(rng.choice(["data", "message"]))
        elif rng.random() < 0.05:
            query["message"] = {"chat": _chat(chat), "message_id": message["message_id"], "date": 0}
        return {"callback_query": query}

    def odd(self, user: int, chat: int) -> dict[str, Any]:
        """Messages of every other kind."""
        rng = self.rng
        file = {"file_id": "f", "file_unique_id": "u"}
        more: dict[str, Any] = rng.choice(
            [
                {"photo": [{**file, "width": 1, "height": 1}], "caption": "/stop w1"},
                {
                    "document": {
                        **file,
                        "file_name": rng.choice(["a.md", "b.txt", "c.exe"]),
                        "file_size": rng.choice([5, 10**9]),
                    }
                },
                {
                    "sticker": {
                        **file,
                        "type": "regular",
                        "width": 1,
                        "height": 1,
                        "is_animated": False,
                        "is_video": False,
                    }
                },
                {"location": {"latitude": 1.0, "longitude": 2.0}},
                {"contact": {"phone_number": "1", "first_name": "x"}},
                {"dice": {"emoji": "🎲", "value": 1}},
                {"new_chat_members": [_user(user)]},
                {"left_chat_member": _user(user)},
                {"pinned_message": self._ours(chat)[0]},
                {
                    "forum_topic_created": {"name": "w1", "icon_color": 1},
                    "message_thread_id": 3,
                    "is_topic_message": True,
                },
                {"text": "/agents", "message_thread_id": 10**9, "is_topic_message": True},
                {"text": "/stop w1", "forward_origin": {"type": "hidden_user", "sender_user_name": "M", "date": 1}},
                {"text": "/stop w1", "via_bot": {**_user(77), "is_bot": True}},
                {"text": "yes", "via_bot": {**_user(77), "is_bot": True}, "reply_to_message": self._ours(chat)[0]},
                {"text": "/stop w1", "sender_chat": _chat(chat)},
                {"text": "/agents", "entities": [{"type": "bot_command", "offset": 900, "length": -5}]},
                {"text": ""},
                {},
            ]
        )
        made = self.message(user, chat, **more)
        if rng.random() < 0.2:
            made["message"].pop("from")
        if rng.random() < 0.2:
            made["edited_message"] = {**made.pop("message"), "edit_date": 2}
        return made

    def membership(self, user: int, chat: int) -> dict[str, Any]:
        was, now = self.rng.choices(["member", "left"], k=2)
        members = {
            "old_chat_member": {"user": self.bot, "status": was},
            "new_chat_member": {"user": self.bot, "status": now},
        }
        return {"my_chat_member": {"chat": _chat(chat), "from": _user(user), "date": 1, **members}}

    def unreadable(self, user: int, chat: int) -> dict[str, Any]:
        """What aiogram cannot decode, or decodes to nothing that anybody handles."""
        deep: Any = "x"
        for _ in range(30):
            deep = [deep]
        huge = {
            "message_id": 1,
            "date": 1,
            "chat": {"id": 10**30, "type": "private"},
            "from": _user(10**25),
            "text": "/help",
        }
        return dict(
            self.rng.choice(
                [
                    {},
                    {"message": deep},
                    {"message": {"text": 7}},
                    {"callback_query": None},
                    {"callback_query": {"id": 7, "from": _user(user), "data": {"a": 1}}},
                    {
                        "channel_post": {
                            "message_id": 1,
                            "date": 1,
                            "chat": {"id": chat, "type": "channel"},
                            "text": "/stop w1",
                        }
                    },
                    {"message": huge},
                    {"something_new": {"from": _user(user), "text": "/stop w1"}},
                    {"poll": {"id": "1"}},
                ]
            )
        )

    def message(self, user: int, chat: int, **more: Any) -> dict[str, Any]:
        base = {"message_id": self.rng.randrange(1, 10**6), "date": 1, "chat": _chat(chat), "from": _user(user)}
        return {"message": base | more}

    def _ours(self, chat: int) -> tuple[dict[str, Any], Sequence[str]]:
        """A message of the bot (or one that never was), and the data of its buttons."""
        here = [one for one in self.seen.messages if one[0] == chat]
        _, number, shown = self.rng.choice(here) if here and self.rng.random() < 0.9 else (chat, 10**6, ())
        return {"message_id": number, "date": 1, "chat": _chat(chat), "from": self.bot, "text": "…"}, shown

    def _forged(self) -> str:
        rng, kind = self.rng, self.rng.choice(TAPS)
        fields = [self._field(name) for name in kind.model_fields]
        if rng.random() < 0.1:
            fields.append("more")
        return ":".join([kind.__prefix__, *fields])[: rng.choice([64, 64, 64, 200])]

    def _field(self, name: str) -> str:
        rng = self.rng
        if name == "verb":
            return rng.choice(VERBS)
        return rng.choice(
            ["w1", "w2", "1", "0", "-1", "general", "5h", "9" * 25, "", "x" * 40, "é", str(rng.randrange(10**6))]
        )


def _user(user: int) -> dict[str, Any]:
    return {"id": user, "is_bot": False, "first_name": f"User {user}"}


def _chat(chat: int) -> dict[str, Any]:
    return (
        {"id": chat, "type": "private", "first_name": "x"}
        if chat > 0
        else {"id": chat, "type": "group", "title": "crew"}
    )

"""Everything the sandbox knows: people, chats, messages, updates, faults, calls. In memory, kept in a file if asked."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from bot import atomic
from bot.sandbox.answers import Upload

OWNER_ID = 1001
# Stands in sentences like "Ask Sam to approve."
OWNER_NAME = "Sam"
FORMAT = 2
MAX_CALLS = 20_000
# Numbers are written down so many at a time, before the first of them is given: after kill -9 none is given twice.
AHEAD = 1000
MAX_KEPT_FILE = 2 * 1024 * 1024  # bigger uploads live as long as the process


@dataclass(slots=True)
class Chat:
    """A private chat (its id is the user's id) or a group (a negative id)."""

    id: int
    type: str
    title: str
    members: list[int]
    begun: bool = False  # the bot may write: the person wrote first
    blocked: bool = False
    forbids: list[str] = field(default_factory=list)  # to the bot: text messages, photos, documents, General
    upgraded_to: int = 0  # the supergroup that this group has become
    pinned: list[int] = field(default_factory=list)
    forum: bool = False
    topics: dict[str, dict[str, Any]] = field(default_factory=dict)
    typing_until: float = 0.0
    draft: dict[str, Any] | None = None

    def telegram(self) -> dict[str, Any]:
        """As a Chat object of the Bot API."""
        name = "first_name" if self.type == "private" else "title"
        shown = {"id": self.id, "type": "supergroup" if self.forum else self.type, name: self.title}
        return shown | {"is_forum": True} if self.forum else shown


@dataclass(slots=True)
class Entry:
    """A message and what the chat page has to know beside it. `known`: every button that it ever had."""

    message: dict[str, Any]
    seq: int
    edits: int = 0
    deleted: bool = False
    known: list[list[str]] = field(default_factory=list)
    reactions: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Fault:
    kind: str
    method: str
    count: int
    retry_after: int
    carried_out: bool = False


class World:
    """The state and its few invariants: ids only grow, every change of a message has a seq of its own."""

    def __init__(self, bot_id: int, state_file: Path | None = None) -> None:
        self.bot = {"id": bot_id, "is_bot": True, "first_name": "maf", "username": "maf_sandbox_bot"}
        self.users: dict[int, dict[str, Any]] = {}
        self.chats: dict[int, Chat] = {}
        self.entries: dict[int, dict[int, Entry]] = {}
        self.files: dict[str, Upload] = {}
        self.commands: dict[str, list[dict[str, str]]] = {}
        self.updates: list[dict[str, Any]] = []
        # Update ids begin with the time, so that a world made anew goes on after the one before it.
        self._given: dict[str, int] = {"update": int(time.time()), "seq": 0}
        self._reserved: dict[str, int] = {}
        self.faults: list[Fault] = []
        self.calls: deque[dict[str, Any]] = deque(maxlen=MAX_CALLS)
        self._waiters: list[asyncio.Future[None]] = []
        self._state_file = state_file
        self._saved_files: set[str] = set()
        self._saving: asyncio.TimerHandle | None = None
        if not self._load():
            self.add_user(OWNER_NAME, user_id=OWNER_ID).begun = True

    def add_user(self, name: str, *, user_id: int | None = None) -> Chat:
        """A new person, with their private chat."""
        number = user_id or max([OWNER_ID, *self.users]) + 1
        self.users[number] = {"id": number, "is_bot": False, "first_name": name, "language_code": "en"}
        chat = Chat(number, "private", name, [number])
        self.chats[number] = chat
        self.entries[number] = {}
        return chat

    def add_group(self, title: str, members: list[int]) -> Chat:
        number = min([-1000, *(c for c in self.chats if c < 0)]) - 1
        self.chats[number] = Chat(number, "group", title, members, begun=True)
        self.entries[number] = {}
        return self.chats[number]

    def add_message(self, chat: Chat, sender: dict[str, Any], content: dict[str, Any]) -> Entry:
        """A new message in a chat; `content` holds text, entities, reply_markup, photo and the like."""
        number = self.next(f"message {chat.id}")
        base = {"message_id": number, "date": int(time.time()), "chat": chat.telegram(), "from": sender}
        entry = Entry(base | {k: v for k, v in content.items() if v is not None}, 0)
        self.entries[chat.id][number] = entry
        self.remember_buttons(entry)
        self.touch(entry)
        return entry

    @property
    def seq(self) -> int:
        """That of the newest change."""
        return self._given["seq"]

    def next(self, kind: str) -> int:
        """The next number of this kind: update, seq, or the messages of a chat. Raises OSError where the state file
        cannot be written."""
        number = self._given.get(kind, 0) + 1
        if number > self._reserved.get(kind, 0):
            self._reserved[kind] = number + AHEAD
            try:
                self.save()
            except OSError:
                self._reserved[kind] = number - 1
                raise
        self._given[kind] = number
        return number

    def touch(self, entry: Entry) -> None:
        """The message changed: whoever looks at the chat gets it again."""
        entry.seq = self.next("seq")
        self.notify()

    def notify(self) -> None:
        """Something changed: wake those who wait, and save soon."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        if self._state_file is not None and self._saving is None:
            self._saving = asyncio.get_running_loop().call_later(0.2, self.save)

    def change(self) -> asyncio.Future[None]:
        """A future that is done at the next change, counted from this call."""
        self._waiters = [w for w in self._waiters if not w.done()]
        self._waiters.append(asyncio.get_running_loop().create_future())
        return self._waiters[-1]

    async def wait_for_change(self, timeout: float) -> None:
        """Until something changes, at most `timeout` seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.change(), timeout)

    def add_file(self, upload: Upload) -> str:
        file_id = secrets.token_urlsafe(18)
        self.files[file_id] = upload
        return file_id

    @staticmethod
    def remember_buttons(entry: Entry) -> None:
        for row in (entry.message.get("reply_markup") or {}).get("inline_keyboard", []):
            for button in row:
                pair = [str(button["text"]), str(button.get("callback_data", ""))]
                if pair[1]:
                    entry.known = [p for p in entry.known if p != pair] + [pair]

    def take_fault(self, *kinds: str, method: str = "") -> Fault | None:
        """The first fault that is due for this method, used up by one."""
        for fault in self.faults:
            if fault.kind in kinds and fault.count > 0 and fault.method.lower() in {"", method.lower()}:
                fault.count -= 1
                self.faults = [f for f in self.faults if f.count > 0]
                return fault
        return None

    def close(self) -> None:
        """Write the state file for the last time: what was reserved and not given is free again."""
        self._reserved = dict(self._given)
        self.save()

    def save(self) -> None:
        """Write the state file, whole or not at all."""
        if self._saving is not None:
            self._saving.cancel()
        self._saving = None
        if self._state_file is None:
            return
        state = {
            "format": FORMAT,
            "bot": self.bot["id"],
            "users": list(self.users.values()),
            "chats": [asdict(chat) for chat in self.chats.values()],
            "entries": {str(c): [asdict(e) for e in entries.values()] for c, entries in self.entries.items()},
            "files": {key: [f.name, f.mime] for key, f in self._kept_files().items()},
            "commands": self.commands,
            "updates": self.updates,
            "numbers": self._given | self._reserved,
        }
        self._state_file.parent.mkdir(parents=True, exist_ok=True)
        self._save_files(self._state_file.with_suffix(".files"))
        atomic.write(self._state_file, json.dumps(state))

    def _kept_files(self) -> dict[str, Upload]:
        return {key: upload for key, upload in self.files.items() if len(upload.content) <= MAX_KEPT_FILE}

    def _save_files(self, folder: Path) -> None:
        """Each file once, beside the state: it is written at every change, and pictures do not change."""
        for key, upload in self._kept_files().items():
            if key not in self._saved_files:
                folder.mkdir(mode=0o700, exist_ok=True)
                atomic.write(folder / key, upload.content)
                self._saved_files.add(key)

    def _load(self) -> bool:
        """Take up the state file; False if there is none, or none for this bot. A broken one is moved aside."""
        if self._state_file is None or not self._state_file.is_file():
            return False
        try:
            state = json.loads(self._state_file.read_text(encoding="utf8"))
            if state["format"] != FORMAT or state["bot"] != self.bot["id"]:
                raise ValueError("of another bot or another version")
            known = {one.name for one in fields(Chat)}
            chats = {c["id"]: Chat(**{k: v for k, v in c.items() if k in known}) for c in state["chats"]}
            entries = {
                int(c): {e["message"]["message_id"]: Entry(**e) for e in es} for c, es in state["entries"].items()
            }
            folder = self._state_file.with_suffix(".files")
            numbers = dict(state["numbers"]) if "numbers" in state else _older_numbers(state)
            files = {k: Upload(n, (folder / k).read_bytes(), m) for k, (n, m) in state["files"].items()}
        except (ValueError, KeyError, TypeError, OSError):
            self._state_file.replace(self._state_file.with_name(self._state_file.name + ".old"))
            return False
        self.users = {u["id"]: u for u in state["users"]}
        self.chats, self.entries, self.files = chats, entries, files
        self._saved_files = set(files)
        self.commands, self.updates = state["commands"], state["updates"]
        self._given, self._reserved = numbers, dict(numbers)
        return True


def _older_numbers(state: dict[str, Any]) -> dict[str, int]:
    """Those of a state file of maf 0.1, in which none were reserved."""
    messages = {f"message {chat['id']}": chat["last_message_id"] + AHEAD for chat in state["chats"]}
    return {"update": state["last_update_id"] + AHEAD, "seq": state["seq"] + AHEAD, **messages}

"""Claude Code (measured on 2.1.328)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from bot.clis.base import Cli, changed_since
from bot.clis.claude import transcript
from bot.clis.claude.sessions import Session, read_session
from bot.clis.entry import Conversation, Entry, Found, Neutral
from bot.clis.homes import HOMES, conversations_of
from bot.clis.program import family
from bot.clis.tail import find_prompt, newest
from bot.clis.text import neutralise
from bot.clis.wrapping import claude_rows

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FOLDER_NAME = 200  # UTF-16 units of a folder's name that are kept
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class Claude(Cli):
    """One CLAUDE_CONFIG_DIR per account; the conversation is a transcript file in it."""

    kind = "claude"
    binary = "claude"
    install = "Install it with `npm install -g @anthropic-ai/claude-code`, then start `claude` once and log in."
    process_names = frozenset({"claude"})
    interrupted = "Interrupted · What should Claude do instead?"
    leaves_on = "/exit"

    def environment(self, home: Path | None) -> Mapping[str, str]:
        return {HOMES[self.kind].variable: str(home)} if home else {}

    def drawn(self, command: str, width: int) -> list[str] | None:
        return claude_rows(command, width)

    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        return neutralise(text, raw=raw, leaving=True, strip=True)

    def session(self, *, home: Path | None, pid: int) -> Session | None:
        """Claude's own word on its state, of the process `pid` or the one under its launcher."""
        for member in family(pid):
            if session := read_session(home, member):
                return session
        return None

    def root(self, home: Path | None, workdir: Path) -> Path:
        return conversations_of(self.kind, home) / folder_name(workdir)

    def files(self, home: Path | None, workdir: Path) -> Iterable[Path]:
        return self.root(home, workdir).glob("*.jsonl")

    def name_of(self, path: Path) -> str:
        return path.stem if _UUID.fullmatch(path.stem) else ""

    def is_of(self, path: Path, workdir: Path) -> bool:
        """`/srv/a-b` and `/srv/a/b` share a folder; the records name the one that Claude was started in."""
        return transcript.started_in(path) in ("", str(workdir))

    def find(self, *, home: Path | None, workdir: Path, ref: str, text: str, since: datetime) -> Found | None:
        """As every CLI; and a ref, which is ours alone, in each folder that got a new file since: how a folder is named
        is Claude's own affair and may change."""
        found = super().find(home=home, workdir=workdir, ref=ref, text=text, since=since)
        if found is not None or not ref:
            return found
        fresh = changed_since(since)
        folders = newest(conversations_of(self.kind, home).glob("*/"), since=fresh)
        files = newest((file for folder in folders for file in folder.glob("*.jsonl")), since=fresh)
        return find_prompt(files, self.entries, ref=ref, text=text, since=since)

    def conversation(
        self, *, home: Path | None, workdir: Path, pid: int | None, known: str | None, since: datetime | None = None
    ) -> Conversation | None:
        """Claude does not keep its transcript open: its session file names the conversation."""
        root = conversations_of(self.kind, home)
        session = self.session(home=home, pid=pid) if pid is not None else None
        for name in (session.session if session else "", known or ""):
            if _UUID.fullmatch(name):
                for path in newest([root / folder_name(workdir) / f"{name}.jsonl", *root.glob(f"*/{name}.jsonl")]):
                    return Conversation(name, path)
                if session and session.session == name:
                    return None  # a new session before its first turn has no file; the newest one is not its own
        return self.newest(home, workdir, since)

    def entries(self, path: Path, offset: int) -> tuple[list[Entry], int]:
        return transcript.entries(path, offset)


def folder_name(workdir: Path) -> str:
    """The folder below `projects` for a directory, as Claude Code 2.1.328 names it: each UTF-16 unit but ASCII letters
    and digits becomes a dash; past 200 units the name is cut and a hash of the whole path appended.

    >>> folder_name(Path("/srv/my.app 🧪"))
    '-srv-my-app---'
    """
    raw = os.fsencode(workdir).decode("utf8", "replace").encode("utf-16-le")
    units = [int.from_bytes(raw[at : at + 2], "little") for at in range(0, len(raw), 2)]
    name = "".join(chr(unit) if unit < 128 and chr(unit).isalnum() else "-" for unit in units)
    return name if len(name) <= _FOLDER_NAME else f"{name[:_FOLDER_NAME]}-{_base36(_hash(units))}"


def _hash(units: Iterable[int]) -> int:
    """Its string hash: h = 31 h + unit in signed 32 bits, without the sign."""
    value = 0
    for unit in units:
        value = (value * 31 + unit) & 0xFFFFFFFF
    return 0x1_0000_0000 - value if value >= 0x8000_0000 else value


def _base36(value: int) -> str:
    digits = ""
    while value:
        value, digit = divmod(value, 36)
        digits = _BASE36[digit] + digits
    return digits or "0"

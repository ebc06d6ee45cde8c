"""Claude Code (measured on 2.1.328)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from bot.clis.base import Cli
from bot.clis.claude import transcript
from bot.clis.claude.sessions import Session, read_session
from bot.clis.entry import Conversation, Entry, Neutral
from bot.clis.homes import HOMES, conversations_of
from bot.clis.program import family
from bot.clis.tail import newest
from bot.clis.text import neutralise

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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

    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        return neutralise(text, raw=raw, leaving=True, strip=True)

    def session(self, *, home: Path | None, pid: int) -> Session | None:
        """Claude's own word on its state, of the process `pid` or the one under its launcher."""
        for member in family(pid):
            if session := read_session(home, member):
                return session
        return None

    def root(self, home: Path | None, workdir: Path) -> Path:
        return conversations_of(self.kind, home) / munged(workdir)

    def files(self, home: Path | None, workdir: Path) -> Iterable[Path]:
        return self.root(home, workdir).glob("*.jsonl")

    def name_of(self, path: Path) -> str:
        return path.stem if _UUID.fullmatch(path.stem) else ""

    def conversation(
        self, *, home: Path | None, workdir: Path, pid: int | None, known: str | None, since: datetime | None = None
    ) -> Conversation | None:
        """Claude does not keep its transcript open: its session file names the conversation."""
        root = conversations_of(self.kind, home)
        session = self.session(home=home, pid=pid) if pid is not None else None
        for name in (session.session if session else "", known or ""):
            if _UUID.fullmatch(name):
                for path in newest([root / munged(workdir) / f"{name}.jsonl", *root.glob(f"*/{name}.jsonl")]):
                    return Conversation(name, path)
                if session and session.session == name:
                    return None  # a new session before its first turn has no file; the newest one is not its own
        return self.newest(home, workdir, since)

    def entries(self, path: Path, offset: int) -> tuple[list[Entry], int]:
        return transcript.entries(path, offset)


def munged(workdir: Path) -> str:
    """The folder name Claude Code makes of a directory: every character but letters and digits becomes `-`."""
    return re.sub(r"[^A-Za-z0-9]", "-", str(workdir))

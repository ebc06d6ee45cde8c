"""Claude Code (measured on 2.1.328)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.clis.claude import transcript
from bot.clis.claude.sessions import Session, config_dir, read_session
from bot.clis.entry import Conversation, Entry, Found, Launch, Neutral
from bot.clis.program import family, find_program
from bot.clis.tail import find_prompt, newest
from bot.clis.text import neutralise, same_text, slash_command

INSTALL = "Install it with `npm install -g @anthropic-ai/claude-code`, then start `claude` once and log in."
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MARGIN = timedelta(seconds=5)  # between our clock reading and the file system's


class Claude:
    """One CLAUDE_CONFIG_DIR per account; the conversation is a transcript file in it."""

    kind = "claude"
    binary = "claude"
    process_names = frozenset({"claude"})
    interrupt_keys = ("Escape",)
    takes_prompts = True

    def launch(
        self,
        *,
        home: Path | None,
        workdir: Path,
        resume: str | None,
        extra: Sequence[str] = (),
        path: str | None = None,
    ) -> Launch:
        program = find_program(self.binary, install=INSTALL, path=path)
        argv = [program, *extra, *(["--resume", resume] if resume else [])]
        return Launch(tuple(argv), {"CLAUDE_CONFIG_DIR": str(home)} if home else {})

    def quit(self) -> tuple[str, ...]:
        return ("/exit", "Enter")

    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        return neutralise(text, raw=raw, leaving=True, strip=True)

    def typed_command(self, text: str) -> bool:
        return slash_command(text)

    def session(self, *, home: Path | None, pid: int) -> Session | None:
        """Claude's own word on its state, of the process `pid` or the one under its launcher."""
        for member in family(pid):
            if session := read_session(home, member):
                return session
        return None

    def conversation(
        self, *, home: Path | None, workdir: Path, pid: int | None, known: str | None, since: datetime | None = None
    ) -> Conversation | None:
        root = projects(home)
        session = self.session(home=home, pid=pid) if pid is not None else None
        for name in (session.session if session else "", known or ""):
            if _UUID.fullmatch(name):
                for path in newest([root / munged(workdir) / f"{name}.jsonl", *root.glob(f"*/{name}.jsonl")]):
                    return Conversation(name, path)
                if session and session.session == name:
                    return None  # a new session before its first turn has no file; the newest one is not its own
        start = (since - _MARGIN).timestamp() if since else 0.0
        for path in newest((root / munged(workdir)).glob("*.jsonl"), since=start):
            if _UUID.fullmatch(path.stem):
                return Conversation(path.stem, path)
        return None

    def entries(self, path: Path, offset: int) -> tuple[list[Entry], int]:
        return transcript.entries(path, offset)

    def find(self, *, home: Path | None, workdir: Path, ref: str, text: str, since: datetime) -> Found | None:
        files = newest((projects(home) / munged(workdir)).glob("*.jsonl"), since=(since - _MARGIN).timestamp())
        return find_prompt(files, self.entries, ref=ref, text=text, since=since.astimezone(UTC))

    def same_text(self, sent: str, seen: str) -> bool:
        return same_text(sent, seen)


def projects(home: Path | None) -> Path:
    """Where a home keeps its transcripts."""
    return config_dir(home) / "projects"


def munged(workdir: Path) -> str:
    """The folder name Claude Code makes of a directory: every character but letters and digits becomes `-`."""
    return re.sub(r"[^A-Za-z0-9]", "-", str(workdir))

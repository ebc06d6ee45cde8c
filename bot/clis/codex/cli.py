"""Codex CLI (measured on 0.169.0)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.clis.codex import rollout
from bot.clis.entry import Conversation, Entry, Found, Launch, Neutral
from bot.clis.program import family, find_program, open_files, tells_open_files
from bot.clis.tail import find_prompt, first_record, mapping, newest
from bot.clis.text import neutralise, same_text, slash_command

INSTALL = "Install it with `npm install -g @openai/codex`, then log in with `codex login`."
_NAME = re.compile(r"rollout-.+-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl")
_MARGIN = timedelta(seconds=5)  # between our clock reading and the file system's


class Codex:
    """One CODEX_HOME per account; the conversation is a rollout file in it."""

    kind = "codex"
    binary = "codex"
    process_names = frozenset({"codex"})
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
        # Without --no-daemon a daemon per home keeps the environment and the key of the first start.
        argv = [program, "--no-daemon", "-c", "check_for_update_on_startup=false", *extra]
        if resume:
            argv += ["resume", resume]
        return Launch(tuple(argv), {"CODEX_HOME": str(home)} if home else {})

    def quit(self) -> tuple[str, ...]:
        return ("/quit", "Enter")

    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        return neutralise(text, raw=raw)

    def typed_command(self, text: str) -> bool:
        return slash_command(text)

    def conversation(
        self, *, home: Path | None, workdir: Path, pid: int | None, known: str | None, since: datetime | None = None
    ) -> Conversation | None:
        root = sessions(home)
        if pid is not None and (held := _held(pid, root)):
            return held
        if known and _NAME.fullmatch(f"rollout-x-{known}.jsonl"):
            for path in newest(root.glob(f"*/*/*/rollout-*-{known}.jsonl")):
                return Conversation(known, path)
        if pid is not None and tells_open_files(pid):
            return None  # before its first turn; the newest file may be that of another agent in the same home
        start = (since - _MARGIN).timestamp() if since else 0.0
        for path in newest(_rollouts(root), since=start):
            match, meta = _NAME.fullmatch(path.name), first_record(path)
            if match and meta and mapping(meta.get("payload")).get("cwd") == str(workdir):
                return Conversation(match[1], path)
        return None

    def entries(self, path: Path, offset: int) -> tuple[list[Entry], int]:
        return rollout.entries(path, offset)

    def find(self, *, home: Path | None, workdir: Path, ref: str, text: str, since: datetime) -> Found | None:
        files = newest(_rollouts(sessions(home)), since=(since - _MARGIN).timestamp())
        return find_prompt(files, self.entries, ref=ref, text=text, since=since.astimezone(UTC))

    def same_text(self, sent: str, seen: str) -> bool:
        return same_text(sent, seen)


def sessions(home: Path | None) -> Path:
    """Where a home keeps its rollouts; the person's own home is ~/.codex."""
    return (home or Path.home() / ".codex") / "sessions"


def _rollouts(root: Path) -> Iterator[Path]:
    return root.glob("*/*/*/rollout-*.jsonl")


def _held(pid: int, root: Path) -> Conversation | None:
    """The rollout that the process (or the native one under its launcher) has open for writing.

    The hidden thread that writes titles holds none; of several, the newest is the one on the screen.
    """
    resolved = root.resolve()
    held = [
        file
        for member in family(pid)
        for file in open_files(member)
        if file.is_relative_to(resolved) and _NAME.fullmatch(file.name)
    ]
    for path in newest(held):
        match = _NAME.fullmatch(path.name)
        if match:
            return Conversation(match[1], path)
    return None

"""Codex CLI (measured on 0.169.0)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from bot.clis.base import Cli
from bot.clis.codex import rollout
from bot.clis.codex.packed import PACKED
from bot.clis.entry import Conversation, Entry, Neutral
from bot.clis.homes import HOMES, conversations_of
from bot.clis.tail import first_record, mapping
from bot.clis.text import neutralise
from bot.clis.wrapping import codex_rows

# "• Blocked by hook" (exit 2, or decision: block) and "• Hook stopped" (continue: false), the words below, indented.
_TURNED_AWAY = re.compile(r"^• (?:Blocked by hook|Hook stopped)[ ]*((?:\n {2,}\S.*)*)", re.MULTILINE)
# Prompts given while a tool runs; of each the first three lines on the screen, and "…" for the rest.
_QUEUE = re.compile(r"^• Messages to be submitted after next tool call.*\n((?: {2}(?:↳| ) .*\n)+)", re.MULTILINE)
_NAME = re.compile(r"rollout-.+-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl(?:\.zst)?")


class Codex(Cli):
    """One CODEX_HOME per account; the conversation is a rollout file in it."""

    kind = "codex"
    binary = "codex"
    install = "Install it with `npm install -g @openai/codex`, then log in with `codex login`."
    process_names = frozenset({"codex"})
    interrupted = "Conversation interrupted"

    def arguments(self, home: Path | None, workdir: Path) -> tuple[str, ...]:
        # Without --no-daemon a daemon per home keeps the environment and the key of the first start.
        return ("--no-daemon", "-c", "check_for_update_on_startup=false")

    def resuming(self, conversation: str) -> tuple[str, ...]:
        return ("resume", conversation)

    def environment(self, home: Path | None) -> Mapping[str, str]:
        return {HOMES[self.kind].variable: str(home)} if home else {}

    def drawn(self, command: str, width: int) -> list[str] | None:
        return codex_rows(command, width)

    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        return neutralise(text, raw=raw)

    def root(self, home: Path | None, workdir: Path) -> Path:
        return conversations_of(self.kind, home)

    def files(self, home: Path | None, workdir: Path) -> Iterable[Path]:
        return self.root(home, workdir).glob("*/*/*/rollout-*.jsonl")

    def kept(self, home: Path | None, workdir: Path, conversation: Conversation) -> Conversation | None:
        # It packs old rollouts, and unpacks one in its place to resume it; an archived one it asks about first, and
        # then moves it back. Measured on 0.169.0.
        path, root = conversation.path, self.root(home, workdir)
        away = root.parent / "archived_sessions" / path.name
        places = (path, path.with_name(path.name + PACKED), away, away.with_name(path.name + PACKED))
        return conversation if any(place.is_file() for place in places) else None

    def name_of(self, path: Path) -> str:
        match = _NAME.fullmatch(path.name)
        return match[1] if match else ""

    def is_of(self, path: Path, workdir: Path) -> bool:
        first = first_record(path) or {}
        return mapping(first.get("payload")).get("cwd") == str(workdir)

    def queue(self, screen: str) -> list[str]:
        shown = list(_QUEUE.finditer(screen))
        return [prompt.rstrip().removesuffix("…") for prompt in shown[-1][1].split("  ↳ ")[1:]] if shown else []

    def turned_away(self, screen: str) -> str | None:
        # Its rollout holds a turn without a prompt then, and no word of the hook.
        shown = list(_TURNED_AWAY.finditer(screen))
        return " ".join(shown[-1][1].replace("└", " ", 1).split()) if shown else None

    def entries(self, path: Path, offset: int) -> tuple[list[Entry], int]:
        return rollout.entries(path, offset)

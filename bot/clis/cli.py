"""One face for every agent CLI: how to start it, what its composer does to a text, where its conversation lies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.clis.claude.cli import Claude
from bot.clis.codex.cli import Codex
from bot.clis.demo.cli import Demo
from bot.clis.entry import Conversation, Entry, EntryKind, Found, Launch, Neutral
from bot.clis.shell import Shell
from bot.clis.text import same_text
from bot.errors import NotFound

__all__ = [
    "KINDS", "Cli", "Conversation", "Entry", "EntryKind", "Found", "Launch", "Neutral", "cli_for", "same_text",
]  # fmt: skip


class Cli(Protocol):
    """What the product knows about one CLI. Reading files blocks: call it in a thread."""

    @property
    def kind(self) -> str: ...

    @property
    def binary(self) -> str:
        """Name of the program on PATH."""
        ...

    @property
    def process_names(self) -> frozenset[str]:
        """`comm` of the process that owns the terminal while this CLI is up; a launcher like node is not in it."""
        ...

    @property
    def interrupt_keys(self) -> tuple[str, ...]:
        """tmux key names that stop the running turn. Never to be sent to an idle agent."""
        ...

    @property
    def takes_prompts(self) -> bool:
        """False for a shell: whatever is typed there runs."""
        ...

    def launch(
        self,
        *,
        home: Path | None,
        workdir: Path,
        resume: str | None,
        extra: Sequence[str] = (),
        path: str | None = None,
    ) -> Launch:
        """How to start it in `workdir`; `path` is the PATH to search. Raises DependencyMissing with what to do."""
        ...

    def quit(self) -> tuple[str, ...]:
        """What asks it to leave, from an empty composer: a literal text first, then key names, 250 ms apart."""
        ...

    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        """The text as this composer takes it as a prompt and nothing else."""
        ...

    def typed_command(self, text: str) -> bool:
        """True for a slash command: it is typed with keys, not pasted, and gets no ref line."""
        ...

    def conversation(
        self, *, home: Path | None, workdir: Path, pid: int | None, known: str | None, since: datetime | None = None
    ) -> Conversation | None:
        """The conversation of the process `pid`; else the one with the id `known`; else the newest of this home and
        workdir, not older than `since`. None before the first turn."""
        ...

    def entries(self, path: Path, offset: int) -> tuple[list[Entry], int]:
        """Entries from `offset` in the order written, and the offset to go on from; at most 8 MB a call."""
        ...

    def find(self, *, home: Path | None, workdir: Path, ref: str, text: str, since: datetime) -> Found | None:
        """The record of a prompt, looked for in every file of this home and workdir that changed since."""
        ...

    def same_text(self, sent: str, seen: str) -> bool:
        """True if `seen`, as this CLI recorded it, is the text `sent`."""
        ...


_CLIS: dict[str, Cli] = {"codex": Codex(), "claude": Claude(), "demo": Demo(), "shell": Shell()}
KINDS = tuple(_CLIS)


def cli_for(kind: str) -> Cli:
    """The CLI of an agent's kind. Raises NotFound."""
    try:
        return _CLIS[kind]
    except KeyError:
        raise NotFound.of("kind of agent", kind, KINDS) from None

"""A plain shell as an agent: it has no prompts, only commands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bot.clis.entry import Conversation, Entry, Found, Launch, Neutral
from bot.clis.program import find_program
from bot.clis.text import same_text


class Shell:
    """bash, or the person's $SHELL given by `extra`."""

    kind = "shell"
    binary = "bash"
    process_names = frozenset({"bash", "sh", "zsh", "fish", "dash"})
    interrupt_keys = ("C-c",)
    takes_prompts = False

    def launch(
        self,
        *,
        home: Path | None,
        workdir: Path,
        resume: str | None,
        extra: Sequence[str] = (),
        path: str | None = None,
    ) -> Launch:
        program = find_program(self.binary, install="Install bash with your package manager.", path=path)
        return Launch((program, *extra), {})

    def quit(self) -> tuple[str, ...]:
        return ("exit", "Enter")

    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        if raw:
            return Neutral(text)
        return Neutral(
            text, refused="This is a shell: the text would run as commands. With --raw it is typed as it is."
        )

    def typed_command(self, text: str) -> bool:
        return True

    def conversation(
        self, *, home: Path | None, workdir: Path, pid: int | None, known: str | None, since: datetime | None = None
    ) -> Conversation | None:
        return None

    def entries(self, path: Path, offset: int) -> tuple[list[Entry], int]:
        return [], offset

    def find(self, *, home: Path | None, workdir: Path, ref: str, text: str, since: datetime) -> Found | None:
        return None

    def same_text(self, sent: str, seen: str) -> bool:
        return same_text(sent, seen)

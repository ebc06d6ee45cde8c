"""What the product asks of an agent CLI, and what most of them answer alike.

A CLI is a subclass with its names, its arguments and where its conversations lie; what it does otherwise it overrides.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from bot.clis.entry import Conversation, Entry, Found, Launch, Neutral
from bot.clis.program import family, find_program, open_files, tells_open_files
from bot.clis.tail import find_prompt, newest
from bot.clis.text import same_text, slash_command

_MARGIN = timedelta(seconds=5)  # between our clock reading and the file system's


class Cli(ABC):
    """What the product knows about one CLI. Reading files blocks: call it in a thread."""

    kind: ClassVar[str]
    binary: ClassVar[str]  # name of the program on PATH
    install: ClassVar[str]  # what to do where it is missing
    process_names: ClassVar[frozenset[str]]
    """`comm` of the process that owns the terminal while this CLI is up; a launcher like node is not in it."""
    interrupt_keys: ClassVar[tuple[str, ...]] = ("Escape",)
    """tmux key names that stop the running turn. Never to be sent to an idle agent."""
    interrupted: ClassVar[str] = ""
    """What it writes below a turn that somebody stopped with Esc; "" for one that draws what a key did at once."""
    leaves_on: ClassVar[str] = "/quit"
    takes_prompts: ClassVar[bool] = True
    """False for a shell: whatever is typed there runs."""

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
        program = self.program(path)
        argv = (*program, *self.arguments(home, workdir), *extra, *(self.resuming(resume) if resume else ()))
        return Launch(argv, self.environment(home))

    def program(self, path: str | None) -> tuple[str, ...]:
        """The words that start it, the first an absolute path."""
        return (find_program(self.binary, install=self.install, path=path),)

    def arguments(self, home: Path | None, workdir: Path) -> tuple[str, ...]:
        """Arguments that come before those of the agent's type."""
        return ()

    def resuming(self, conversation: str) -> tuple[str, ...]:
        """Arguments that take up a conversation again; they come last."""
        return ("--resume", conversation)

    def environment(self, home: Path | None) -> Mapping[str, str]:
        """Variables that lead it to this home."""
        return {}

    def quit(self) -> tuple[str, ...]:
        """What asks it to leave, from an empty composer: a literal text, then, once it stands there, key names."""
        return (self.leaves_on, "Enter")

    def drawn(self, command: str, width: int) -> list[str] | None:
        """The rows in which its dialog shows a command on a terminal of `width` columns; None where that is not known,
        and then no dialog can be told to be about this command."""
        return None

    @abstractmethod
    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        """The text as this composer takes it as a prompt and nothing else."""

    def typed_command(self, text: str) -> bool:
        """True for a slash command: it is typed with keys, not pasted, and gets no ref line."""
        return slash_command(text)

    def root(self, home: Path | None, workdir: Path) -> Path | None:
        """The folder below which its conversations lie; None for a CLI that writes none down."""
        return None

    def files(self, home: Path | None, workdir: Path) -> Iterable[Path]:
        """The files in which conversations of this folder may be."""
        return ()

    def name_of(self, path: Path) -> str:
        """The id of the conversation that this file holds; empty for a file that is none."""
        return ""

    def is_of(self, path: Path, workdir: Path) -> bool:
        """Is the conversation in this file one of this folder?"""
        return True

    def conversation(
        self, *, home: Path | None, workdir: Path, pid: int | None, known: str | None, since: datetime | None = None
    ) -> Conversation | None:
        """The conversation of the process `pid`; else the one with the id `known`; else the newest of this home and
        workdir, not older than `since`. None before the first turn."""
        if (root := self.root(home, workdir)) is None:
            return None
        if pid is not None and (held := self._held(pid, root)):
            return held
        if known:
            for path in newest(file for file in self.files(home, workdir) if self.name_of(file) == known):
                return Conversation(known, path)
        if pid is not None and tells_open_files(pid):
            return None  # before its first turn; the newest file may be that of another agent in the same home
        return self.newest(home, workdir, since)

    def kept(self, home: Path | None, workdir: Path, conversation: Conversation) -> Conversation | None:
        """A conversation that it can take up again, with the file that holds it then; None for one that is gone."""
        return conversation if conversation.path.is_file() else None

    def newest(self, home: Path | None, workdir: Path, since: datetime | None) -> Conversation | None:
        """The conversation of this folder that was written to last, not before `since`."""
        for path in newest(self.files(home, workdir), since=changed_since(since)):
            if (name := self.name_of(path)) and self.is_of(path, workdir):
                return Conversation(name, path)
        return None

    def entries(self, path: Path, offset: int) -> tuple[list[Entry], int]:
        """Entries from `offset` in the order written, and the offset to go on from; at most 8 MB a call."""
        return [], offset

    def find(self, *, home: Path | None, workdir: Path, ref: str, text: str, since: datetime) -> Found | None:
        """The record of a prompt, looked for in every file of this home and workdir that changed since."""
        files = newest(self.files(home, workdir), since=changed_since(since))
        return find_prompt(files, self.entries, ref=ref, text=text, since=since.astimezone(UTC))

    def queue(self, screen: str) -> list[str]:
        """The prompts in the CLI's own queue as this screen shows them, each from its beginning and mostly not to its
        end. Of a CLI that writes its queue down the record tells."""
        return []

    def turned_away(self, screen: str) -> str | None:
        """The words of a hook that turned the last prompt away, as this screen shows them; None where it shows none. Of
        a CLI that writes them down the record tells."""
        return None

    def same_text(self, sent: str, seen: str) -> bool:
        """True if `seen`, as this CLI recorded it, is the text `sent`."""
        return same_text(sent, seen)

    def _held(self, pid: int, root: Path) -> Conversation | None:
        """The conversation that the process (or one under it: launchers) has open for writing. Of several, the newest
        is the one on the screen; Codex's hidden thread that writes titles holds none."""
        inside = root.resolve()
        opened = (file for member in family(pid) for file in open_files(member) if file.is_relative_to(inside))
        for path in newest(file for file in opened if self.name_of(file)):
            return Conversation(self.name_of(path), path)
        return None


def changed_since(since: datetime | None) -> float:
    """The epoch seconds at or after which a file changed that was written since; 0 without `since`."""
    return (since - _MARGIN).timestamp() if since else 0.0

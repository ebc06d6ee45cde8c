"""The demo agent: our own small program that behaves like an agent CLI (bot/sandbox/agent.py)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.clis.entry import Conversation, Entry, Found, Launch, Neutral
from bot.clis.program import family, open_files, tells_open_files
from bot.clis.tail import (
    Record,
    find_prompt,
    first_record,
    mapping,
    moment,
    newest,
    read_records,
    records_of,
    string,
)
from bot.clis.text import neutralise, same_text, slash_command

_NAME = re.compile(r"([0-9a-f]{8,32})\.jsonl")
_MARGIN = timedelta(seconds=5)  # between our clock reading and the file system's


class Demo:
    """The conversation is `sessions/ID.jsonl` in the agent's home; each line {"type","at","text",...}."""

    kind = "demo"
    binary = "python"
    # The program names itself where it can (Linux); elsewhere it is the interpreter.
    process_names = frozenset({"maf-demo"} if sys.platform == "linux" else {"python", "python3", "Python"})
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
        # By its file and isolated (-I -S): starting takes 20 ms instead of 100, and the workdir cannot shadow a module.
        program = Path(__file__).parents[2] / "sandbox" / "agent.py"
        argv = [sys.executable, "-I", "-S", str(program), "--home", str(demo_home(home, workdir)), *extra]
        if resume:
            argv += ["--resume", resume]
        return Launch(tuple(argv), {})

    def quit(self) -> tuple[str, ...]:
        return ("/quit", "Enter")

    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        return neutralise(text, raw=raw, leaving=True)

    def typed_command(self, text: str) -> bool:
        return slash_command(text)

    def conversation(
        self, *, home: Path | None, workdir: Path, pid: int | None, known: str | None, since: datetime | None = None
    ) -> Conversation | None:
        root = demo_home(home, workdir) / "sessions"
        if pid is not None:
            held = (file for member in family(pid) for file in open_files(member) if file.parent == root.resolve())
            for path in newest(held):
                return Conversation(path.stem, path)
        if known and _NAME.fullmatch(f"{known}.jsonl") and (root / f"{known}.jsonl").is_file():
            return Conversation(known, root / f"{known}.jsonl")
        if pid is not None and tells_open_files(pid):
            return None
        start = (since - _MARGIN).timestamp() if since else 0.0
        for path in newest(root.glob("*.jsonl"), since=start):
            meta = first_record(path)
            if _NAME.fullmatch(path.name) and meta and meta.get("cwd") == str(workdir):
                return Conversation(path.stem, path)
        return None

    def entries(self, path: Path, offset: int) -> tuple[list[Entry], int]:
        records, end = read_records(path, offset)
        return records_of(records, parse), end

    def find(self, *, home: Path | None, workdir: Path, ref: str, text: str, since: datetime) -> Found | None:
        root = demo_home(home, workdir) / "sessions"
        files = newest(root.glob("*.jsonl"), since=(since - _MARGIN).timestamp())
        return find_prompt(files, self.entries, ref=ref, text=text, since=since.astimezone(UTC))

    def same_text(self, sent: str, seen: str) -> bool:
        return same_text(sent, seen)


def demo_home(home: Path | None, workdir: Path) -> Path:
    """Where demo agents keep their conversations: the profile's home, else a folder beside the work."""
    return home or workdir / ".demo"


def parse(record: Record) -> Iterator[Entry]:
    """The entry of one line of a demo transcript."""
    at, text, name = moment(record.get("at")), string(record.get("text")), string(record.get("id"))
    kind = record.get("type")
    data = mapping(record.get("data"))
    if kind == "session":
        yield Entry("meta", at, id=name, data={"id": name, "cwd": record.get("cwd")})
    elif kind in {
        "user",
        "queued",
        "model",
        "tool",
        "turn_start",
        "turn_end",
        "aborted",
        "limit",
        "usage",
        "compacted",
    }:
        yield Entry(kind, at, text, name, data)

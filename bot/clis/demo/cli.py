"""The demo agent: our own small program that behaves like an agent CLI (bot/sandbox/agent.py)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.clis.base import Cli
from bot.clis.entry import Entry, Neutral
from bot.clis.tail import Record, first_record, mapping, moment, read_records, records_of, string
from bot.clis.text import neutralise
from bot.clis.wrapping import demo_rows

_NAME = re.compile(r"([0-9a-f]{8,32})\.jsonl")


class Demo(Cli):
    """The conversation is `sessions/ID.jsonl` in the agent's home; each line {"type","at","text",...}."""

    kind = "demo"
    binary = "python"
    install = ""  # it comes with the product
    # The program names itself where it can (Linux); elsewhere it is the interpreter.
    process_names = frozenset({"maf-demo"} if sys.platform == "linux" else {"python", "python3", "Python"})

    def program(self, path: str | None) -> tuple[str, ...]:
        # By its file and isolated (-I -S): starting takes 20 ms instead of 100, and the workdir cannot shadow a module.
        return (sys.executable, "-I", "-S", str(Path(__file__).parents[2] / "sandbox" / "agent.py"))

    def arguments(self, home: Path | None, workdir: Path) -> tuple[str, ...]:
        return ("--home", str(demo_home(home, workdir)))

    def drawn(self, command: str, width: int) -> list[str] | None:
        return demo_rows(command, width)

    def neutralise(self, text: str, *, raw: bool) -> Neutral:
        return neutralise(text, raw=raw, leaving=True)

    def root(self, home: Path | None, workdir: Path) -> Path:
        return demo_home(home, workdir) / "sessions"

    def files(self, home: Path | None, workdir: Path) -> Iterable[Path]:
        return self.root(home, workdir).glob("*.jsonl")

    def name_of(self, path: Path) -> str:
        return path.stem if _NAME.fullmatch(path.name) else ""

    def is_of(self, path: Path, workdir: Path) -> bool:
        first = first_record(path) or {}
        return first.get("cwd") == str(workdir)

    def entries(self, path: Path, offset: int) -> tuple[list[Entry], int]:
        records, end = read_records(path, offset)
        return records_of(records, parse), end


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
        "blocked",
        "limit",
        "usage",
        "compacted",
    }:
        yield Entry(kind, at, text, "" if kind == "turn_start" else name, data)  # its turns have no names

"""The demo agent's own record: `HOME/sessions/ID.jsonl`, one JSON object a line, flushed line by line.

Line: {"type","at","text","id","data"}; the first is {"type":"session","at","id","cwd"}. A `user` line is written when
the agent takes a prompt, so that counting them tells how many prompts arrived.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any


class Transcript:
    """A conversation, appended to."""

    def __init__(self, home: Path, cwd: str, resume: str = "") -> None:
        """Open a new conversation, or the one named `resume`. Raises OSError if it is not there or not writable."""
        folder = home / "sessions"
        self.id = resume or os.urandom(8).hex()
        self.path = folder / f"{self.id}.jsonl"
        if resume and not (resume.isalnum() and self.path.is_file()):
            raise FileNotFoundError(f"there is no conversation {resume} in {folder}")
        folder.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("a", encoding="utf-8")
        if resume:
            self._end_cut_line()
        else:
            self.write("session", id=self.id, cwd=cwd)

    def write(self, kind: str, text: str = "", **fields: Any) -> None:
        """Append one line and hand it to the system."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        record = {"type": kind, "at": stamp, "text": text, "id": os.urandom(4).hex(), **fields}
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()

    def aside(self, kind: str, text: str, **fields: Any) -> None:
        """One line for what a subagent does, which is no part of the conversation (`HOME/sessions/ID.aside`)."""
        with self.path.with_suffix(".aside").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"type": kind, "text": text, **fields}, ensure_ascii=False) + "\n")

    def past(self) -> list[tuple[str, str]]:
        """(type, text) of the prompts and answers so far, and of the commands that ran, for a resumed screen."""
        found = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and record.get("type") in {"user", "model", "tool", "limit"}:
                data = record.get("data") or {}
                if record["type"] == "tool" and (not data.get("result") or data.get("error")):
                    continue  # asked for, or refused: it did not run
                found.append((str(record["type"]), str(record.get("text", ""))))
        return found

    def close(self) -> None:
        self._file.close()

    def _end_cut_line(self) -> None:
        """A crash may have left half a line: end it, so that the next one stands alone."""
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    self._file.write("\n")

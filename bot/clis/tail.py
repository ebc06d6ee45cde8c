"""The one reader of the CLIs' JSONL files: rollouts, transcripts, the demo agent's own.

Another process appends to these files while we read: only complete lines count, a line that is not a JSON object is
skipped, a file that vanished has nothing more to say. Blocking; call it in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bot.clis.entry import Entry, Found
from bot.clis.text import normal

Record = dict[str, Any]
Entries = Callable[[Path, int], tuple[list[Entry], int]]  # from this offset on, and the offset to go on from
CHUNK = 8 * 1024 * 1024  # bytes read by one call, so that one huge file cannot hold up the others
LOOKED_AT = 4 * CHUNK  # bytes at the end of a file in which something recent is looked for: more than a day of work
_DECODER = msgspec.json.Decoder()


def decode(line: bytes | str) -> Record | None:
    """The JSON object on this line, or None for anything else."""
    try:
        value = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_lines(path: Path, offset: int, *, limit: int = CHUNK) -> tuple[list[bytes], int]:
    """Complete lines from `offset` and the offset to go on from; at most `limit` bytes, call again for the rest.

    An offset past the end means that the file was replaced: reading starts over. A line longer than `limit` is
    given up (its pieces are no JSON). A file that cannot be read gives nothing and keeps the offset.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if offset > size:
                offset = 0
            file.seek(offset)
            block = file.read(limit)
    except OSError:
        return [], offset
    end = block.rfind(b"\n") + 1
    if not end:
        return [], offset + len(block) if len(block) >= limit else offset
    return block[:end].split(b"\n"), offset + end


def read_records(path: Path, offset: int, *, limit: int = CHUNK) -> tuple[list[Record], int]:
    """`read_lines`, decoded; lines that are no JSON object are skipped."""
    lines, end = read_lines(path, offset, limit=limit)
    return [record for line in lines if (record := decode(line)) is not None], end


def tail_offset(path: Path, size: int) -> int:
    """An offset about `size` bytes before the end, to begin a first look at a file that may be gigabytes long.

    It may fall into the middle of a line; that line is then skipped like any other garbage.
    """
    try:
        return max(0, path.stat().st_size - size)
    except OSError:
        return 0


def first_record(path: Path) -> Record | None:
    """The first line of a file (a rollout's session_meta is about 21 KB), or None."""
    records, _ = read_records(path, 0, limit=256 * 1024)
    return records[0] if records else None


def records_of(records: Iterable[Record], parse: Callable[[Record], Iterator[Entry]]) -> list[Entry]:
    """Entries of many records; a record whose fields have foreign types is skipped as a whole."""
    entries: list[Entry] = []
    for record in records:
        try:
            entries.extend(parse(record))
        except (KeyError, TypeError, ValueError, AttributeError):
            # Undocumented formats of other programs: a line that changed its shape must not cost us the rest.
            continue
    return entries


def newest(paths: Iterable[Path], *, since: float = 0.0) -> list[Path]:
    """Files changed at or after `since` (epoch seconds), newest first; vanished ones are left out."""
    dated = []
    for path in paths:
        try:
            changed = path.stat().st_mtime
        except OSError:
            continue
        if changed >= since:
            dated.append((changed, path))
    return [path for _, path in sorted(dated, key=lambda pair: pair[0], reverse=True)]


def last_entries(path: Path, size: int, entries: Entries) -> Iterator[Entry]:
    """The entries in about the last `size` bytes of a file, in the order written; `entries` as its CLI reads them."""
    offset = tail_offset(path, size)
    while True:
        found, end = entries(path, offset)
        yield from found
        if end == offset:
            return
        offset = end


def find_prompt(
    paths: Iterable[Path],
    entries: Entries,
    *,
    ref: str,
    text: str,
    since: datetime,
) -> Found | None:
    """The first record of our prompt in these files, taken or not: one that holds `ref`, else the same text.

    Entries older than `since` do not count: an equal text may have been sent before. Only the last 32 MB of
    each file are read.
    """
    wanted = normal(text)
    for path in paths:
        for entry in last_entries(path, LOOKED_AT, entries):
            if not entry.prompt or (entry.at is not None and entry.at < since):
                continue
            if (ref in entry.prompt) if ref else normal(entry.prompt) == wanted:
                return Found(entry, path)
    return None


def moment(value: object) -> datetime | None:
    """An ISO-8601 time of a record as an aware UTC datetime; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def string(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def mapping(value: object) -> Record:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def texts(content: object) -> str:
    """The text of a message: a string, or a list of blocks of which those with a `text` count."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(string(block.get("text")) for block in content if isinstance(block, dict))

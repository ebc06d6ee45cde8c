"""Codex rollouts (0.169.0): what each response cost, and the limits that came with it.

A `token_usage_record` line is one model response; rollouts of older versions have only `token_count` lines, whose
`last_token_usage` is one response as well. Only those lines are parsed: a rollout is mostly conversation, and a
first read of hundreds of megabytes is a search for two short strings. Blocking; call it in a thread.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bot.clis.codex.packed import PACKED, unpacked_lines
from bot.quota.ledger import MOST_TOKENS, Use, source_key
from bot.quota.reading import ROLLOUT, Statement, statement_of

Block = mmap.mmap | bytes
RECORD, COUNT = b'"token_usage_record"', b'"token_count"'
# A family that was silent for this many token_count lines is looked for no further back.
LOOK_BACK_LINES = 64


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_output_tokens: int = 0
    total_tokens: int = 0


class _Info(msgspec.Struct):
    last_token_usage: _Usage | None = None
    total_token_usage: _Usage | None = None


class _Payload(msgspec.Struct):
    type: str = ""
    thread_id: str = ""
    usage: _Usage | None = None
    info: _Info | None = None
    rate_limits: dict[str, Any] | None = None


class _Line(msgspec.Struct):
    timestamp: str = ""
    ordinal: int = -1
    type: str = ""
    payload: _Payload | None = None


_DECODER = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True)
class Scan:
    """What one read of one file found; `offset` is where the next read goes on."""

    uses: list[Use]
    statements: tuple[Statement, ...]  # in the order of the file
    offset: int
    records: bool  # the file has token_usage_record lines, so token_count lines are not counted


def scan(path: Path, profile: str, *, offset: int = 0, records: bool = False) -> Scan:
    """Read complete lines from `offset`. A file that vanished or cannot be read has nothing new."""
    try:
        if path.suffix == PACKED:
            return _scan_packed(path, profile, offset, records)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < offset:
                offset = 0  # it was replaced
            if size == offset:
                return Scan([], (), offset, records)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as block:
                end = block.rfind(b"\n", offset) + 1
                if end <= offset:
                    return Scan([], (), offset, records)
                return _scan_block(block, (offset, end), profile, thread_of(path), records)
    except (OSError, ValueError):
        return Scan([], (), offset, records)


def _scan_packed(path: Path, profile: str, offset: int, records: bool) -> Scan:
    """Read a packed rollout whole, once: it is written when its conversation is put away, and does not grow. `offset`
    is its packed size. Only the lines that count are kept while it is unpacked."""
    size = path.stat().st_size
    if offset == size:
        return Scan([], (), offset, records)
    kept = b"".join(line for line in unpacked_lines(path) if RECORD in line or COUNT in line)
    found = _scan_block(kept, (0, len(kept)), profile, thread_of(path), records)
    return replace(found, offset=size)


def thread_of(path: Path) -> str:
    """The id of the conversation in a rollout's name."""
    return path.name.removesuffix(PACKED).removesuffix(".jsonl")[-36:]


def has_records(path: Path) -> bool:
    """Whether token_usage_record lines stand in it, so that its token_count lines do not count."""
    if path.suffix == PACKED:
        return any(RECORD in line for line in unpacked_lines(path))
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as block:
            return block.find(RECORD) != -1


def _scan_block(block: Block, span: tuple[int, int], profile: str, thread: str, records: bool) -> Scan:
    start, end = span
    uses = [use for line in _lines(block, RECORD, start, end) if (use := _recorded(line, profile, thread))]
    records = records or bool(uses)
    if not records:
        uses = _counted(block, start, end, profile, thread)
    return Scan(uses, _limits(block, start, end), end, records)


def _lines(block: Block, needle: bytes, start: int, end: int) -> Iterator[_Line]:
    """The lines that hold `needle`, parsed; rubbish and foreign shapes are passed over."""
    at = block.find(needle, start, end)
    while at != -1:
        stop = block.find(b"\n", at, end)
        line = _parse(block[block.rfind(b"\n", start, at) + 1 or start : stop])
        if line is not None:
            yield line
        at = block.find(needle, stop, end)


def _parse(raw: bytes) -> _Line | None:
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _epoch(stamp: str) -> float | None:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _use(usage: _Usage, line: _Line, profile: str, thread: str) -> Use | None:
    at = _epoch(line.timestamp)
    if at is None or not 0 <= usage.total_tokens <= MOST_TOKENS:
        return None
    return Use(
        profile=profile,
        key=source_key(f"{thread}:{line.ordinal}:{line.timestamp}"),
        at=at,
        tokens=usage.total_tokens,
        input_tokens=_part(usage.input_tokens),
        cached_tokens=_part(usage.cached_input_tokens),
        output_tokens=_part(usage.output_tokens),
        reasoning_tokens=_part(usage.reasoning_output_tokens),
    )


def _part(tokens: int) -> int:
    return min(max(tokens, 0), MOST_TOKENS)


def _recorded(line: _Line, profile: str, thread: str) -> Use | None:
    payload = line.payload
    if line.type != "token_usage_record" or payload is None or payload.usage is None:
        return None
    return _use(payload.usage, line, profile, payload.thread_id or thread)


def _counted(block: Block, start: int, end: int, profile: str, thread: str) -> list[Use]:
    """Uses of an older rollout; a token_count that repeats the total before it is no new response."""
    uses: list[Use] = []
    before = -1
    for line in _lines(block, COUNT, start, end):
        info = line.payload.info if line.payload and line.payload.type == "token_count" else None
        if info is None or info.last_token_usage is None:
            continue
        total = info.total_token_usage.total_tokens if info.total_token_usage else -1
        if total == before and total != -1:
            continue
        before = total
        use = _use(info.last_token_usage, line, profile, thread)
        if use is not None and (use.input_tokens or use.output_tokens):
            uses.append(use)
    return uses


def _limits(block: Block, start: int, end: int) -> tuple[Statement, ...]:
    """The last statements about limits, looked for from the end backwards; one line holds one family only."""
    found: list[Statement] = []
    stop = end
    for _ in range(LOOK_BACK_LINES):
        at = block.rfind(COUNT, start, stop)
        if at == -1:
            break
        first = block.rfind(b"\n", start, at) + 1 or start
        line = _parse(block[first : block.find(b"\n", at, end)])
        stop = first
        limits = line.payload.rate_limits if line and line.payload else None
        when = _epoch(line.timestamp) if line else None
        if limits is not None and when is not None:
            said = statement_of(limits, ROLLOUT, at=when, source="rollout")
            found += [said] if said is not None else []
    return tuple(reversed(found))

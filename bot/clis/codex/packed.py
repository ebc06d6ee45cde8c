"""Rollouts that Codex has packed (`rollout-….jsonl.zst`, Zstandard): so codex-cli 0.169.0 puts old ones away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import zstandard

PACKED = ".zst"
MOST_BYTES = 8 << 30  # unpacked; a file that unpacks to more is no rollout
_CHUNK = 1 << 20
_LONGEST_LINE = 64 << 20


def unpacked_lines(path: Path) -> Iterator[bytes]:
    """The lines of a packed rollout, each with its newline, in little memory; a line of over 64 MB is left out.

    Raises OSError where it cannot be read, ValueError where it is damaged."""
    rest, total, too_long = b"", 0, False
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as reader:
        while block := _read(reader):
            total += len(block)
            if total > MOST_BYTES:
                raise ValueError(f"{path.name} unpacks to more than {MOST_BYTES >> 30} GB")
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                if not too_long:
                    yield line + b"\n"
                too_long = False
            if len(rest) > _LONGEST_LINE:
                rest, too_long = b"", True


def _read(reader: zstandard.ZstdDecompressionReader) -> bytes:
    try:
        return reader.read(_CHUNK)
    except zstandard.ZstdError as error:
        raise ValueError(f"damaged: {error}") from error

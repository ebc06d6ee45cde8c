"""What came from outside: files of other programs, and JSON in them, in a request or in an answer."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

# Levels. A deeper one would pass the reader on one version of Python and break whoever walks it on another.
DEEPEST = 100


def read_json(text: str | bytes) -> Any:
    """The value. Raises ValueError for anything else: no JSON (then a JSONDecodeError), no UTF-8, nested too deeply."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _inside(one) if isinstance(inner, dict | list)]
        if not level:
            return value
    raise ValueError("it is nested too deeply")


def read_file(path: Path, most: int) -> bytes:
    """The whole of a file. Raises OSError; ValueError for one of over `most` bytes, or none: a pipe would never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        known = os.fstat(descriptor)
        if not stat.S_ISREG(known.st_mode):
            raise ValueError(f"{path} is no file")
        data = file.read(most + 1) if known.st_size <= most else b""  # one more, for it may grow meanwhile
    if max(known.st_size, len(data)) > most:
        raise ValueError(f"{path} is larger than {most / 1_000_000:g} MB")
    return data


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()

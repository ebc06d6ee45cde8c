"""JSON that came from outside: a request, another program's file or answer. Pure."""

from __future__ import annotations

import json
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


def _inside(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()

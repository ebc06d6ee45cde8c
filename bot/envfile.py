"""Files of variables: `export K="V"`, `K='V'` and `K=V` lines. Nothing in them is executed."""

from __future__ import annotations

import os
import re
from pathlib import Path

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_QUOTED = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(?:#.*)?""", re.DOTALL)


def parse_env(text: str) -> dict[str, str]:
    """The variables of the text. `$(…)` and `$K` stay as they are written; lines of another kind are passed over."""
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        name, value = match[1], match[2]
        if quoted := _QUOTED.fullmatch(value):
            value = re.sub(r"\\([\"\\$`])", r"\1", quoted[1]) if quoted[1] is not None else quoted[2]
        else:
            value = re.sub(r"\s+#.*", "", value).strip()
        if "\0" not in value:
            found[name] = value
    return found


def read_env(path: Path) -> dict[str, str]:
    """The variables of such a file, byte for byte where they are no UTF-8; {} where there is none. Raises OSError."""
    try:
        return parse_env(os.fsdecode(path.read_bytes()))
    except FileNotFoundError:
        return {}

"""Hook events that came while no bot was there to take them: run/hooks.spool, a JSON object a line, bounded.

When the file is full it becomes hooks.spool.1 and that one's older events are dropped: the newest say what the agent
does now.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from bot.foreign import read_json

MAX_BYTES = 4 * 1024 * 1024
# Nothing in a spooled event that we read later is longer; file contents and command output are cut.
LONGEST_STRING = 8 * 1024
LONGEST_LINE = 256 * 1024
MOST_VALUES, DEEPEST = 1000, 20
# What is read of an event that is still too long after that.
TELLING = ("hook_event_name", "session_id", "transcript_path", "prompt", "source", "notification_type", "error")


def append(path: str, event: Mapping[str, Any]) -> None:
    """Add one event. Raises OSError when the home cannot be written."""
    line = _line(shorten(event))
    if len(line) > LONGEST_LINE:
        payload = event.get("payload")
        told = {k: payload.get(k) for k in TELLING} if isinstance(payload, Mapping) else None
        line = _line(shorten({**event, "payload": told}))
    # One write in append mode: hooks of many agents run at once and must not mix their lines.
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(handle).st_size + len(line) > MAX_BYTES:
            os.replace(path, path + ".1")  # noqa: PTH105 - a hook must not pay for the import of pathlib
            os.close(handle)
            handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.write(handle, line)
    finally:
        os.close(handle)


def drain(path: str) -> list[dict[str, Any]]:
    """Take every event out, oldest first. A line that is broken is skipped."""
    events: list[dict[str, Any]] = []
    for name in (path + ".1", path):
        taken = name + ".taken"
        events += _read(taken)  # left by one that was ended while it took them
        try:
            os.replace(name, taken)  # noqa: PTH105 - see above; after this a hook that writes makes a new file
        except FileNotFoundError:
            continue
        events += _read(taken)
    return events


def _read(taken: str) -> list[dict[str, Any]]:
    """The events of a file, which goes then; none where there is no such file."""
    try:
        with open(taken, encoding="utf8", errors="replace") as lines:  # noqa: PTH123
            events = [event for line in lines if (event := _event(line)) is not None]
        os.unlink(taken)  # noqa: PTH108
    except FileNotFoundError:
        return []
    return events


def shorten(value: Any, depth: int = 0) -> Any:
    """The same JSON value with its long strings and lists cut, and what lies deep in it left out."""
    if depth > DEEPEST:
        return None
    if isinstance(value, str):
        return value if len(value) <= LONGEST_STRING else value[:LONGEST_STRING] + "…"
    if isinstance(value, Mapping):
        few = list(value.items())[:MOST_VALUES]
        return {str(key)[:LONGEST_STRING]: shorten(inner, depth + 1) for key, inner in few}
    if isinstance(value, list):
        return [shorten(inner, depth + 1) for inner in value[:MOST_VALUES]]
    return value


def _line(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode("utf8", "replace") + b"\n"


def _event(line: str) -> dict[str, Any] | None:
    try:
        event = read_json(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None

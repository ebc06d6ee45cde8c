"""Any JSON value in any field of a foreign record: no reader raises, and what it makes can be stored."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.agents.hooks import events
from bot.agents.state import context, turn
from bot.clis.claude.transcript import parse as parse_transcript
from bot.clis.codex.rollout import parse as parse_rollout
from bot.quota.ledger import MOST_TOKENS
from bot.quota.reading import as_stored
from bot.quota.sources import rollouts, transcripts

AT = "2026-11-22T06:02:31.634Z"
NOW = datetime(2026, 11, 22, 6, 3, tzinfo=UTC)
USAGE = {"input_tokens": 1200, "cached_input_tokens": 200, "output_tokens": 34, "total_tokens": 1234}
WINDOW = {"used_percent": 42.5, "window_minutes": 300, "resets_at": 1795336186}
LIMITS = {
    "limit_id": "codex",
    "primary": WINDOW,
    "secondary": WINDOW | {"window_minutes": 10080},
    "individual_limit": {"remaining_percent": 3, "resets_at": 1795336186},
    "spend_control_reached": None,
    "rate_limit_reached_type": None,
}
ROLLOUTS: list[dict[str, Any]] = [
    {
        "timestamp": AT,
        "ordinal": 11,
        "type": "token_usage_record",
        "payload": {"thread_id": "t", "usage": USAGE},
    },
    {
        "timestamp": AT,
        "ordinal": 12,
        "type": "event_msg",
        "payload": {
            "type": "token_count",
            "info": {"total_token_usage": USAGE, "last_token_usage": USAGE, "model_context_window": 258400},
            "rate_limits": LIMITS,
        },
    },
    {
        "timestamp": AT,
        "type": "event_msg",
        "payload": {
            "type": "item_completed",
            "turn_id": "t1",
            "item": {"type": "UserMessage", "id": "i", "content": [{"type": "text", "text": "hello"}]},
        },
    },
    {
        "timestamp": AT,
        "type": "event_msg",
        "payload": {
            "type": "task_complete",
            "turn_id": "t1",
            "last_agent_message": None,
            "error": {"message": "limit", "codex_error_info": "usage_limit_exceeded"},
        },
    },
    {
        "timestamp": AT,
        "type": "response_item",
        "payload": {"type": "function_call", "call_id": "c1", "name": "exec_command", "arguments": "{}"},
    },
]
TRANSCRIPTS: list[dict[str, Any]] = [
    {
        "type": "assistant",
        "timestamp": AT,
        "sessionId": "s",
        "isSidechain": False,
        "message": {
            "id": "m1",
            "model": "claude-opus-5-5",
            "usage": {"input_tokens": 3, "output_tokens": 9, "cache_read_input_tokens": 2},
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}],
        },
    },
    {
        "type": "assistant",
        "timestamp": AT,
        "error": "rate_limit",
        "isApiErrorMessage": True,
        "quotaLimits": {"status": "rejected", "resetsAt": 1795336186, "rateLimitType": "five_hour"},
        "message": {"id": "x", "model": "<synthetic>", "content": [{"type": "text", "text": "limit"}]},
    },
    {
        "type": "user",
        "timestamp": AT,
        "promptId": "p",
        "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]},
    },
]
STATUSLINE = {
    "session_id": "s",
    "model": {"id": "claude-sonnet-5-5"},
    "context_window": {"context_window_size": 1_000_000, "used_percentage": 15, "current_usage": USAGE},
    "rate_limits": {
        "five_hour": {"used_percentage": 92, "resets_at": 1795337061},
        "spend_limit": {"used_percentage": 3},
    },
}
HOOK = {
    "kind": "hook",
    "agent": "w1",
    "pid": 7,
    "at": 1795337061.5,
    "payload": {
        "hook_event_name": "PermissionRequest",
        "session_id": "s",
        "tool_name": "Bash",
        "tool_input": {"command": "ls"},
        "prompt": "hello",
    },
}

odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 2**63, 1e308])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["\0", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00", "token_count", "rejected"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every field, the whole record too."""
    yield path
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from places(part, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, Mapping) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@st.composite
def spoiled(draw: st.DrawFn, records: list[dict[str, Any]]) -> Any:
    """One of the records with one or two fields of another type."""
    record: Any = draw(st.sampled_from(records))
    for _ in range(draw(st.integers(1, 2))):
        record = replaced(record, draw(st.sampled_from(list(places(record)))), draw(odd))
    return record


@pytest.fixture(scope="module")
def file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "rollout-2026-11-22T05-59-46-00000000-0000-7000-8000-000000000001.jsonl"


def check_scan(found: rollouts.Scan) -> None:
    for use in found.uses:
        assert 0 <= use.tokens <= MOST_TOKENS * 5
        assert "\0" not in use.key + use.model
        (use.key + use.model).encode()
    for statement in found.statements:
        for reading in statement.readings:
            assert as_stored(reading) == reading


@settings(max_examples=300, deadline=None)
@given(record=spoiled(ROLLOUTS))
def test_rollouts(file: Path, record: Any) -> None:
    file.write_text(json.dumps(record) + "\n" + json.dumps(ROLLOUTS[0]) + "\n")
    found = rollouts.scan(file, "a")
    check_scan(found)
    assert any(use.tokens == 1234 for use in found.uses)  # the line after it counts all the same
    if isinstance(record, dict):
        entries = list(parse_rollout(record))
        turn.follow(turn.Turn(), entries)
        context.follow(context.Context(), entries)


def test_a_line_that_is_nested_too_deeply_is_passed_over(file: Path) -> None:
    deep = '{"type":"token_count","payload":{"rate_limits":{"primary":' + "[" * 100_000 + "]" * 100_000 + "}}}"
    file.write_text(deep + "\n" + json.dumps(ROLLOUTS[0]) + "\n")
    assert len(rollouts.scan(file, "a").uses) == 1


@settings(max_examples=300, deadline=None)
@given(record=spoiled(TRANSCRIPTS))
def test_transcripts(file: Path, record: Any) -> None:
    file.write_text(json.dumps(record) + "\n" + json.dumps(TRANSCRIPTS[0]) + "\n")
    found = transcripts.scan(file, "a")
    check_scan(found)
    assert any(use.key == "claude:m1" for use in found.uses)
    if isinstance(record, dict):
        entries = list(parse_transcript(record))
        turn.follow(turn.Turn(), entries)
        context.follow(context.Context(), entries)


@settings(max_examples=300, deadline=None)
@given(status=spoiled([STATUSLINE]))
def test_statuslines(status: Any) -> None:
    if isinstance(status, dict):
        for statement in transcripts.statusline_statements(status, at=NOW.timestamp()):
            assert all(as_stored(reading) == reading for reading in statement.readings)
        context.told(context.Context(), status)


@settings(max_examples=300, deadline=None)
@given(event=spoiled([HOOK]))
def test_hooks(event: Any) -> None:
    if isinstance(event, dict) and (known := events.parse(event, NOW)) is not None:
        events.hear(known)
        events.asks_for(known.payload)

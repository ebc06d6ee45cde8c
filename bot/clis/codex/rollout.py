"""Codex rollouts: `$CODEX_HOME/sessions/YYYY/MM/DD/rollout-TIME-THREAD.jsonl` of codex-cli 0.169.0.

Each line is {"timestamp","ordinal","type","payload"}. A rollout appears with the first turn, not with the TUI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.clis.entry import Entry
from bot.clis.tail import Record, mapping, moment, read_records, records_of, string, texts

_CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call", "web_search_call"})
# The whole output of a call that a person refused, or stopped while it ran.
_REFUSED = re.compile(r"\A(?:Wall time: [\d.]+ seconds\n)?aborted by user\b")
_RESULTS = frozenset({"function_call_output", "custom_tool_call_output"})
_LIMITS = frozenset({"usage_limit_exceeded", "usageLimitExceeded"})


def entries(path: Path, offset: int) -> tuple[list[Entry], int]:
    """Entries from `offset`, and the offset to go on from."""
    records, end = read_records(path, offset)
    return records_of(records, parse), end


def parse(record: Record) -> Iterator[Entry]:
    """The entries of one line (none for types that tell nothing)."""
    at = moment(record.get("timestamp"))
    payload = mapping(record.get("payload"))
    kind = record.get("type")
    if kind == "event_msg":
        yield from _event(payload, at)
    elif kind == "response_item":
        yield from _response(payload, at)
    elif kind == "session_meta":
        data = {
            key: payload.get(key)
            for key in ("id", "cwd", "timestamp", "creator_account_id", "source", "forked_from_id")
        }
        yield Entry("meta", at, id=string(payload.get("id")), data=data)


def _event(payload: Record, at: datetime | None) -> Iterator[Entry]:
    kind, turn = payload.get("type"), string(payload.get("turn_id"))
    if kind == "item_completed":
        yield from _item(mapping(payload.get("item")), at, turn)
    elif kind == "task_started":
        yield Entry("turn_start", at, id=turn, data={"context_window": payload.get("model_context_window")})
    elif kind == "task_complete":
        yield from _complete(payload, at, turn)
    elif kind == "turn_aborted":
        yield Entry("aborted", at, string(payload.get("reason")), turn)
    elif kind == "token_count":
        data = {"rate_limits": payload.get("rate_limits"), "info": payload.get("info")}
        yield Entry("usage", at, id=turn, data=data)
    elif kind == "error" and string(payload.get("codex_error_info")) in _LIMITS:
        yield Entry("limit", at, string(payload.get("message")), turn, {"resets_at": None})
    elif kind == "user_message":  # before 0.169
        yield Entry("user", at, string(payload.get("message")), turn)
    elif kind == "agent_message":  # before 0.169
        yield Entry("model", at, string(payload.get("message")), turn)


def _complete(payload: Record, at: datetime | None, turn: str) -> Iterator[Entry]:
    """A usage limit leaves no event of its own: it stands in the error of task_complete."""
    error = mapping(payload.get("error"))
    if string(error.get("codex_error_info")) in _LIMITS:
        yield Entry("limit", at, string(error.get("message")), turn, {"resets_at": None, "turn": turn})
    data: dict[str, Any] = {"last": string(payload.get("last_agent_message"))}
    if error:
        data["error"] = string(error.get("message"))
    yield Entry("turn_end", at, id=turn, data=data)


def _item(item: Record, at: datetime | None, turn: str) -> Iterator[Entry]:
    kind, name = string(item.get("type")), string(item.get("id"))
    if kind == "UserMessage":
        yield Entry("user", at, texts(item.get("content")), name, {"turn": turn})
    elif kind == "AgentMessage":
        yield Entry("model", at, texts(item.get("content")), name, {"turn": turn})
    elif kind == "Plan":
        yield Entry("model", at, string(item.get("text")), name, {"turn": turn})
    elif kind == "ContextCompaction":
        yield Entry("compacted", at, id=name, data={"turn": turn})
    elif kind == "McpToolCall":
        result = mapping(item.get("result"))
        tool = f"mcp__{string(item.get('server'))}__{string(item.get('tool'))}"  # as Claude names it
        data = {"name": tool, "input": item.get("arguments"), "result": item.get("status"), "turn": turn}
        error = result.get("isError") is not False
        yield Entry("tool", at, texts(result.get("content")), name, data | {"error": error})
    elif kind in {"CommandExecution", "FileChange", "WebSearch"}:
        command = item.get("command")
        text = " ".join(map(str, command)) if isinstance(command, list) else string(command)
        status = item.get("status")
        data = {"name": str(kind), "turn": turn, "result": status, "refused": status == "declined"}
        yield Entry("tool", at, text, name, data)


def _response(payload: Record, at: datetime | None) -> Iterator[Entry]:
    """What the model sent. Its messages come again as AgentMessage, so that only calls and reasoning are taken here."""
    kind = string(payload.get("type"))
    call = string(payload.get("call_id"))
    turn = {"turn": mapping(payload.get("internal_chat_message_metadata_passthrough")).get("turn_id")}
    if kind in _CALLS:
        text = string(payload.get("arguments")) or string(payload.get("input"))
        yield Entry("tool", at, text, call, {"name": string(payload.get("name")) or str(kind), "call": call, **turn})
    elif kind in _RESULTS:
        output = payload.get("output")
        said = output if isinstance(output, str) else texts(output)
        refused = _REFUSED.search(said) is not None
        yield Entry("tool", at, said, call, {"name": "", "result": True, "refused": refused, **turn})
    elif kind == "reasoning":
        yield Entry("model", at, "", string(payload.get("id")), {"reasoning": True, **turn})

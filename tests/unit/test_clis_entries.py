"""Lines as codex-cli 0.169.0 and Claude Code 2.1.328 really wrote them, and what they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.agents.state.turn import Call, Turn, follow
from bot.clis.kinds import cli_for

AT = "2026-11-22T06:02:31.634Z"
LIMIT_TEXT = "You’ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro) or try again at 8:32 AM."
CALL = {"type": "function_call", "call_id": "c1", "name": "exec_command", "arguments": '{"cmd":"ls"}'}
WINDOW = {"used_percent": 42.5, "window_minutes": 300, "resets_at": 1795336186}


def event(kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": AT, "ordinal": 1, "type": "event_msg", "payload": {"type": kind, **payload}}


def item(kind: str, **fields: Any) -> dict[str, Any]:
    return event("item_completed", turn_id="t1", item={"type": kind, "id": "i1", **fields})


def response(**payload: Any) -> dict[str, Any]:
    return {"timestamp": AT, "type": "response_item", "payload": payload}


def said(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text, "text_elements": []}]


LIMITED = event(
    "task_complete",
    turn_id="t1",
    last_agent_message=None,
    error={"message": LIMIT_TEXT, "codex_error_info": "usage_limit_exceeded"},
)
OVERLOADED = event(
    "task_complete", turn_id="t1", error={"message": "at capacity", "codex_error_info": "server_overloaded"}
)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (event("task_started", turn_id="t1", model_context_window=258400), [("turn_start", "")]),
        (item("UserMessage", content=said("hello")), [("user", "hello")]),
        (item("AgentMessage", content=[{"type": "Text", "text": "Mock reply 1."}]), [("model", "Mock reply 1.")]),
        (item("CommandExecution", command=["bash", "-lc", "ls"], status="completed"), [("tool", "bash -lc ls")]),
        (item("ContextCompaction"), [("compacted", "")]),
        (event("token_count", rate_limits={"primary": WINDOW}, info=None), [("usage", "")]),
        (event("task_complete", turn_id="t1", last_agent_message="done"), [("turn_end", "")]),
        (LIMITED, [("limit", LIMIT_TEXT), ("turn_end", "")]),
        (OVERLOADED, [("turn_end", "")]),
        (event("turn_aborted", turn_id="t1", reason="interrupted"), [("aborted", "interrupted")]),
        (response(**CALL), [("tool", '{"cmd":"ls"}')]),
        (response(type="reasoning", id="r1", summary=[]), [("model", "")]),
        (response(type="message", role="user", content=said("# AGENTS.md of the project")), []),
        ({"timestamp": AT, "type": "world_state", "payload": {}}, []),
    ],
)  # fmt: skip
def test_a_rollout_line(tmp_path: Path, record: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(record) + "\n")
    entries, _ = cli_for("codex").entries(path, 0)
    assert [(entry.kind, entry.text) for entry in entries] == expected
    assert all(entry.at == datetime(2026, 11, 22, 6, 2, 31, 634000, tzinfo=UTC) for entry in entries)


def prompt(content: object, **fields: Any) -> dict[str, Any]:
    human = {"promptSource": "typed", "origin": {"kind": "human"}}
    return (
        {"type": "user", "timestamp": AT, "uuid": "u1", "message": {"role": "user", "content": content}}
        | human
        | fields
    )


def assistant(content: object, *, model: str = "claude-sonnet-5-5", **fields: Any) -> dict[str, Any]:
    return {"type": "assistant", "timestamp": AT, "message": {"id": "m1", "model": model, "content": content}} | fields


# A prompt given while a tool ran, as 2.1.328 wrote it; and one that a hook of the person's turned away.
JOINED: dict[str, Any] = {
    "type": "attachment",
    "uuid": "20e363d4",
    "timestamp": AT,
    "attachment": {
        "type": "queued_command",
        "prompt": "steer plain\nref: dsteer",
        "commandMode": "prompt",
        "origin": {"kind": "human"},
        "humanTurn": True,
    },
}
BLOCKED: dict[str, Any] = {
    "type": "system",
    "subtype": "informational",
    "timestamp": AT,
    "content": "UserPromptSubmit operation blocked by hook:\n[/x]: policy: no deploys\n\n\nOriginal prompt: ship it",
    "preventContinuation": True,
    "promptSubmitEnding": {
        "ending": {"kind": "blocked_by_hook", "reason": "policy: no deploys"},
        "promptKept": False,
    },
}
TEXT = [{"type": "text", "text": "hi"}]
BASH = [{"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}]
RESULT = [{"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True}]
QUOTA = {"status": "rejected", "resetsAt": 1795337061, "rateLimitType": "five_hour"}
CLAUDE_LIMIT = [{"type": "text", "text": "You've hit your 5-hour limit · resets 8:44am (UTC)"}]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (prompt("steer text\nl2", promptSource="queued"), [("user", "steer text\nl2")]),
        (prompt(TEXT), [("user", "hi")]),
        (prompt("from a hook", origin={"kind": "hook"}), []),
        (prompt("hidden", promptSource=None), []),
        (prompt("of a subagent", isSidechain=True), []),
        (prompt(RESULT, promptSource=None), [("tool", "no")]),
        (
            prompt([{"type": "text", "text": "[Request interrupted by user]"}], interruptedMessageId="m1"),
            [("aborted", "interrupted")],
        ),
        (assistant(TEXT), [("model", "hi")]),
        (assistant(BASH), [("tool", "ls")]),
        (
            assistant(CLAUDE_LIMIT, model="<synthetic>", apiError="usage_limit_reached", quotaLimits=QUOTA),
            [("limit", "You've hit your 5-hour limit · resets 8:44am (UTC)")],
        ),
        (assistant([{"type": "text", "text": "No response requested."}], model="<synthetic>"), []),
        (
            assistant([{"type": "text", "text": "Overloaded"}], model="<synthetic>", isApiErrorMessage=True),
            [("turn_end", "")],
        ),
        (
            {"type": "queue-operation", "operation": "enqueue", "timestamp": AT, "content": "later"},
            [("queued", "later")],
        ),
        ({"type": "queue-operation", "operation": "dequeue", "timestamp": AT}, []),
        (
            {"type": "queue-operation", "operation": "popAll", "timestamp": AT, "content": "later"},
            [("unqueued", "later")],
        ),
        (
            {"type": "queue-operation", "operation": "remove", "reason": "absorbed_mid_turn", "timestamp": AT},
            [],
        ),
        (JOINED, [("user", "steer plain\nref: dsteer")]),
        ({**JOINED, "attachment": {**JOINED["attachment"], "origin": {"kind": "hook"}}}, []),
        (BLOCKED, [("blocked", "policy: no deploys")]),
        (
            {
                "type": "system",
                "subtype": "compact_boundary",
                "timestamp": AT,
                "compactMetadata": {"trigger": "manual"},
            },
            [("compacted", "")],
        ),
        ({"type": "system", "subtype": "turn_duration", "timestamp": AT, "durationMs": 190}, [("turn_end", "")]),
    ],
)
def test_a_transcript_line(tmp_path: Path, record: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(record) + "\n")
    entries, _ = cli_for("claude").entries(path, 0)
    assert [(entry.kind, entry.text) for entry in entries] == expected


NO = "The user doesn't want to proceed with this tool use. The tool use was rejected"
ABORTED = "Wall time: 2.9 seconds\naborted by user"


@pytest.mark.parametrize(
    ("kind", "record", "end"),
    [
        ("claude", prompt([{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]), "done"),
        ("claude", prompt(RESULT), "failed"),
        ("claude", prompt([RESULT[0] | {"content": NO}]), "refused"),
        ("claude", prompt([RESULT[0] | {"content": NO, "is_error": False}]), "done"),  # a file that holds these words
        ("codex", response(type="function_call_output", call_id="t1", output="Process exited with code 0"), "done"),
        ("codex", response(type="function_call_output", call_id="t1", output=ABORTED), "refused"),
        ("codex", item("CommandExecution", status="completed"), "done"),
        ("codex", item("FileChange", status="declined"), "refused"),
    ],
)
def test_how_a_call_ended(tmp_path: Path, kind: str, record: dict[str, Any], end: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(json.dumps(record).replace('"id": "i1"', '"id": "t1"') + "\n")
    entries, _ = cli_for(kind).entries(path, 0)
    (call,) = follow(Turn(calls=(Call("t1"),)), entries).calls
    assert call.end == end


def test_claude_that_continued_by_itself_after_a_limit_has_taken_a_turn(tmp_path: Path) -> None:
    """Measured on 2.1.328: 70 s after the reset, with a prompt of its own that no person typed."""
    path = tmp_path / "t.jsonl"
    limit = assistant(CLAUDE_LIMIT, model="<synthetic>", apiError="usage_limit_reached", quotaLimits=QUOTA)
    own = {
        "type": "user", "timestamp": AT, "isMeta": True, "promptSource": "system", "uuid": "u9",
        "origin": {"kind": "auto-continuation"}, "message": {"content": "Your claude.ai usage limit has reset."},
    }  # fmt: skip
    end = {"type": "system", "subtype": "turn_duration", "timestamp": AT, "durationMs": 800}
    path.write_text("".join(json.dumps(line) + "\n" for line in (limit, own, assistant(TEXT), end)))
    entries, _ = cli_for("claude").entries(path, 0)
    assert [entry.kind for entry in entries] == ["limit", "turn_start", "model", "turn_end"]
    assert follow(Turn(), entries[:1]).resets_at == 1795337061
    assert [follow(Turn(), entries[:count]).phase for count in (1, 2, 4)] == ["limited", "working", "idle"]


def test_the_numbers_of_a_limit_and_of_usage_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    limit = assistant(CLAUDE_LIMIT, model="<synthetic>", apiError="usage_limit_reached", quotaLimits=QUOTA)
    used = assistant(TEXT)
    used["message"]["usage"] = {"input_tokens": 1200, "output_tokens": 34}
    path.write_text(json.dumps(limit) + "\n" + json.dumps(used) + "\n")
    entries, _ = cli_for("claude").entries(path, 0)
    assert entries[0].data == {"resets_at": 1795337061, "window": "five_hour"}
    assert entries[-1].kind == "usage"
    assert entries[-1].data == {
        "usage": {"input_tokens": 1200, "output_tokens": 34},
        "model": "claude-sonnet-5-5",
        "message": "m1",
    }

"""The answers of the mock model server, by words in the last user message (see mock_models.py)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.real.mock_limits import Quota, claude_headers, codex_headers

if TYPE_CHECKING:
    from tests.real.mock_models import Request, _Handler

QUESTION = {
    "question": "Which store should the cache use?",
    "header": "Store",
    "multiSelect": False,
    "options": [
        {"label": "Redis", "description": "Shared by all workers."},
        {"label": "SQLite", "description": "One file beside the app."},
    ],
}
REASON = "mock wants to create a file outside the workspace"
CODEX_COMMAND, CLAUDE_COMMAND = "touch ../approval-test-file", "touch ../approval-test-claude"


def _words(request: Request, name: str) -> tuple[list[str], float]:
    """The words of an answer and the pause after each."""
    slow = None if request.hidden else re.search(r"\bSLOW(\d*)", request.user)
    if slow:
        return [f"w{index} " for index in range(int(slow[1] or 40))], 0.5
    if not request.hidden and (said := re.search(r"\bSAY (?=\")", request.user)):
        return [json.JSONDecoder().raw_decode(request.user, said.end())[0]], 0.0
    return [f"{name} ", "reply ", f"{request.number}."], 0.0


def _mcp_call(request: Request) -> tuple[str, str, dict[str, Any]] | None:
    """CALL SERVER TOOL {JSON}: the call of a tool of an MCP server, with these arguments."""
    asked = None if request.hidden or request.tool_result else re.search(r"\bCALL (\S+) (\S+) ({.*})", request.user)
    return (asked[1], asked[2], json.loads(asked[3])) if asked else None


def _silence(request: Request) -> float:
    wait = None if request.hidden or request.tool_result else re.search(r"\bWAIT(\d+)", request.user)
    return float(wait[1]) if wait else 0.0


def answer_responses(to: _Handler, request: Request, quota: Quota) -> bool:
    """OpenAI Responses, as a stream. True if the model answered, False for an error."""
    headers, said = codex_headers(quota), "" if request.hidden else request.user
    if re.search(r"\bRATE\b", said):
        to.answer(
            429, {"error": {"type": "rate_limit_exceeded", "message": "Rate limit reached. Try again in 20s."}}, headers
        )
    elif re.search(r"\bOVER\b", said):
        to.answer(503, {"error": {"code": "server_is_overloaded", "message": "overloaded"}}, headers)
    elif re.search(r"\bLIMIT\b", said):
        resets = {"plan_type": "plus", "resets_at": int(time.time()) + quota.preset, "resets_in_seconds": quota.preset}
        told = {"type": "usage_limit_reached", "message": "The usage limit has been reached"}
        to.answer(429, {"error": told | resets}, headers)
    else:
        _stream_response(to, request, quota, headers)
        return True
    return False


def _stream_response(to: _Handler, request: Request, quota: Quota, headers: dict[str, str]) -> None:
    response = {"id": f"resp_{request.number}", "object": "response", "model": request.model}
    to.stream(headers)
    to.event("response.created", response=response | {"status": "in_progress"})
    to.silence(_silence(request))
    items = [] if request.tool_result or request.hidden else _calls_of_codex(request)
    for index, item in enumerate(items):
        to.event("response.output_item.added", output_index=index, item=item)
        to.event("response.output_item.done", output_index=index, item=item)
    if not items:
        words, pause = _words(request, "Mock")
        items = [_stream_text(to, f"msg_{request.number}", words, pause)]
    usage = {
        "input_tokens": quota.tokens,
        "input_tokens_details": {"cached_tokens": 200},
        "output_tokens": 34,
        "output_tokens_details": {"reasoning_tokens": 10},
        "total_tokens": quota.tokens + 34,
    }
    to.event("response.completed", response=response | {"status": "completed", "output": items, "usage": usage})


def _stream_text(to: _Handler, name: str, words: Sequence[str], pause: float) -> dict[str, Any]:
    message = {"type": "message", "id": name, "role": "assistant"}
    to.event("response.output_item.added", output_index=0, item=message | {"content": [], "status": "in_progress"})
    part = {"type": "output_text", "text": ""}
    to.event("response.content_part.added", item_id=name, output_index=0, content_index=0, part=part)
    for word in words:
        to.event("response.output_text.delta", item_id=name, output_index=0, content_index=0, delta=word)
        to.silence(pause)
    content = [{"type": "output_text", "text": "".join(words), "annotations": []}]
    item = message | {"status": "completed", "content": content}
    to.event("response.output_item.done", output_index=0, item=item)
    return item


def _mcp_call_of_codex(request: Request) -> dict[str, Any] | None:
    if (call := _mcp_call(request)) is None:
        return None
    server, tool, arguments = call
    names = {"call_id": f"call_{request.number}", "namespace": f"mcp__{server.replace('-', '_')}", "name": tool}
    return {"type": "function_call", "id": f"fc_{request.number}", "arguments": json.dumps(arguments), **names}


def _called(request: Request) -> list[tuple[str, dict[str, Any]]]:
    """The tools that a prompt names: TOOL NAME {its input as JSON}, or several at once: TOOLS [[NAME, {…}], …]."""
    named = re.search(r"\bTOOL(?:S (?=\[)| (\w+) (?=\{))", request.user)
    given = json.JSONDecoder().raw_decode(request.user, named.end())[0] if named else []
    return [(named[1], given)] if named and named[1] else [(name, one) for name, one in given]


def _calls_of_codex(request: Request) -> list[dict[str, Any]]:
    if called := _called(request):
        return [_call_of_codex(f"{request.number}_{at}", name, given) for at, (name, given) in enumerate(called)]
    if (mcp := _mcp_call_of_codex(request)) is not None:
        return [mcp]
    return [_shell_call(request)] if re.search(r"\bSHELL\b", request.user) else []


def _call_of_codex(number: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    names = {"name": name, "call_id": f"call_{number}"}
    if name in ("exec", "apply_patch"):  # tools that take a text
        return {"type": "custom_tool_call", "id": f"ctc_{number}", "input": given["input"], **names}
    return {"type": "function_call", "id": f"fc_{number}", "arguments": json.dumps(given), **names}


def _shell_call(request: Request) -> dict[str, Any]:
    """A command outside the sandbox, in the form of the shell tool that this CLI offers."""
    escalated = {"sandbox_permissions": "require_escalated", "justification": REASON}
    names = {"call_id": f"call_{request.number}"}
    if "exec" in request.tools and not {"exec_command", "shell_command"} & set(request.tools):
        arguments = json.dumps({"cmd": CODEX_COMMAND, **escalated})
        code = f"const r = await tools.exec_command({arguments}); text(JSON.stringify(r));"
        return {"type": "custom_tool_call", "id": f"ctc_{request.number}", "name": "exec", "input": code, **names}
    name = next((tool for tool in ("exec_command", "shell_command") if tool in request.tools), "shell")
    commands: dict[str, dict[str, Any]] = {
        "exec_command": {"cmd": CODEX_COMMAND},
        "shell_command": {"command": CODEX_COMMAND},
        "shell": {"command": ["bash", "-lc", CODEX_COMMAND]},
    }
    call = {"type": "function_call", "id": f"fc_{request.number}", "name": name, **names}
    return call | {"arguments": json.dumps(commands[name] | escalated)}


def answer_messages(to: _Handler, request: Request, quota: Quota, *, stream: bool) -> bool:
    """Anthropic Messages. True if the model answered, False for an error."""
    said = "" if request.hidden else request.user
    if re.search(r"\bLIMIT\b", said):
        told = {"type": "rate_limit_error", "message": "This request would exceed your account's rate limit."}
        to.answer(
            429, {"type": "error", "error": told}, claude_headers(quota, rejected=True) | {"x-should-retry": "false"}
        )
    elif re.search(r"\bRATE\b", said):
        told = {"type": "rate_limit_error", "message": "Number of requests has exceeded your rate limit."}
        to.answer(429, {"type": "error", "error": told}, {"x-should-retry": "false"})
    elif re.search(r"\bOVER\b", said):
        to.answer(
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            {"x-should-retry": "false"},
        )
    elif stream:
        _stream_message(to, request, quota)
        return True
    else:
        words, _ = _words(request, "Mock")
        message = _message(request, quota) | {
            "content": [{"type": "text", "text": "".join(words)}],
            "stop_reason": "end_turn",
        }
        to.answer(200, message, claude_headers(quota))
        return True
    return False


def _message(request: Request, quota: Quota) -> dict[str, Any]:
    usage = {
        "input_tokens": quota.tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 200,
        "output_tokens": 1,
    }
    about = {"id": f"msg_{request.number}", "type": "message", "role": "assistant", "model": request.model}
    return about | {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}


def _tools_of_claude(request: Request) -> list[tuple[str, dict[str, Any]]]:
    if called := _called(request):
        return called
    if (call := _mcp_call(request)) is not None:
        server, tool, arguments = call
        return [(f"mcp__{server}__{tool}", arguments)]
    tools: dict[str, tuple[str, dict[str, Any]]] = {
        "SHELL": ("Bash", {"command": CLAUDE_COMMAND, "description": "create a file"}),
        "ASK": ("AskUserQuestion", {"questions": [QUESTION]}),
    }
    found = (call for word, call in tools.items() if re.search(rf"\b{word}\b", request.user))
    return [call for call in found if call[0] in request.tools][:1]


def _stream_message(to: _Handler, request: Request, quota: Quota) -> None:
    to.stream(claude_headers(quota))
    to.event("message_start", message=_message(request, quota))
    to.silence(_silence(request))
    asks = [] if request.tool_result else _tools_of_claude(request)
    for index, (name, wanted) in enumerate(asks):
        block = {"type": "tool_use", "id": f"toolu_{request.number}_{index}", "name": name, "input": {}}
        to.event("content_block_start", index=index, content_block=block)
        delta = {"type": "input_json_delta", "partial_json": json.dumps(wanted)}
        to.event("content_block_delta", index=index, delta=delta)
        to.event("content_block_stop", index=index)
    if not asks:
        to.event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        words, pause = _words(request, "Mock claude")
        for word in words:
            to.event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
            to.silence(pause)
        to.event("content_block_stop", index=0)
    reason = {"stop_reason": "tool_use" if asks else "end_turn", "stop_sequence": None}
    to.event("message_delta", delta=reason, usage={"output_tokens": 34})
    to.event("message_stop")

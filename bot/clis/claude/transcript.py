"""Claude Code transcripts: `$CLAUDE_CONFIG_DIR/projects/FOLDER/SESSION.jsonl` of Claude Code 2.1.328."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.clis.entry import Entry
from bot.clis.tail import Record, mapping, moment, read_records, records_of, string, texts

# What 2.1.328 writes as the result of a call that a person refused, or stopped while it ran.
_REFUSED = "The user doesn't want to proceed with this tool use."
_HEAD = 256 * 1024  # bytes
_PROMPTS = frozenset({"typed", "queued", "pasted"})
_ENDINGS = frozenset({"blocked_by_hook", "stopped_by_hook"})
_ORIGINAL = "\nOriginal prompt: "  # what a hook turned away follows it, at the end of the text


def entries(path: Path, offset: int) -> tuple[list[Entry], int]:
    """Entries from `offset`, and the offset to go on from."""
    records, end = read_records(path, offset)
    return records_of(records, parse), end


def started_in(path: Path) -> str:
    """The folder that its Claude Code was started in, as the first record says that names one; "" before there is."""
    records, _ = read_records(path, 0, limit=_HEAD)
    return next((cwd for record in records if (cwd := string(record.get("cwd")))), "")


def parse(record: Record) -> Iterator[Entry]:
    """The entries of one line. Lines of side chains (subagents) belong to another conversation."""
    at = moment(record.get("timestamp"))
    kind = record.get("type")
    if record.get("isSidechain") is True:
        return
    if kind == "user":
        yield from _user(record, at)
    elif kind == "assistant":
        yield from _assistant(record, at)
    elif kind == "queue-operation":
        yield from _queue(record, at)
    elif kind == "attachment":
        yield from _joined(mapping(record.get("attachment")), at, string(record.get("uuid")))
    elif kind == "system":
        yield from _system(record, at)


def _user(record: Record, at: datetime | None) -> Iterator[Entry]:
    content = mapping(record.get("message")).get("content")
    name = string(record.get("uuid"))
    blocks = content if isinstance(content, list) else []
    results = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]
    for block in results:
        said, error = texts(block.get("content")), block.get("is_error") is True
        data = {"name": "", "result": True, "error": error, "refused": error and said.startswith(_REFUSED)}
        data["by"] = string(mapping(record.get("permissionDecision")).get("source"))
        yield Entry("tool", at, said, string(block.get("tool_use_id")), data)
    if results:
        return
    if "interruptedMessageId" in record or texts(content).startswith("[Request interrupted by user"):
        yield Entry("aborted", at, "interrupted", name)
    elif mapping(record.get("origin")).get("kind") == "auto-continuation":
        # Its own prompt after a limit has reset, a minute or so later (2.1.328): a turn that nobody asked for.
        yield Entry("turn_start", at)
    elif string(record.get("promptSource")) in _PROMPTS and mapping(record.get("origin")).get("kind") == "human":
        data = {"source": record.get("promptSource"), "prompt": record.get("promptId")}
        yield Entry("user", at, texts(content), name, data)


def _queue(record: Record, at: datetime | None) -> Iterator[Entry]:
    """Prompts given while a turn is under way. One that is taken (`dequeue`, or `remove` as absorbed_mid_turn) leaves a
    record of its own."""
    operation = string(record.get("operation"))
    if operation == "enqueue":
        yield Entry("queued", at, texts(record.get("content")))
    elif operation == "popAll" or (operation == "remove" and record.get("reason") != "absorbed_mid_turn"):
        yield Entry("unqueued", at, texts(record.get("content")))


def _joined(attachment: Record, at: datetime | None, name: str) -> Iterator[Entry]:
    """A queued prompt that the turn under way took between two of its steps. `at` is when it was queued."""
    human = mapping(attachment.get("origin")).get("kind") == "human"
    if attachment.get("type") == "queued_command" and attachment.get("commandMode") == "prompt" and human:
        yield Entry("user", at, texts(attachment.get("prompt")), name, {"source": "queued", "joins": True})


def _assistant(record: Record, at: datetime | None) -> Iterator[Entry]:
    message = mapping(record.get("message"))
    name = string(message.get("id"))
    if message.get("model") == "<synthetic>":
        yield from _synthetic(record, message, at)
        return
    content = message.get("content")
    for block in content if isinstance(content, list) else []:
        if not isinstance(block, dict):
            continue
        if block.get("type") == "tool_use":
            given = mapping(block.get("input"))
            data = {"name": string(block.get("name")), "input": block.get("input"), "call": block.get("id")}
            path = string(given.get("file_path")) or string(given.get("notebook_path"))
            data |= {"path": path, "cwd": string(record.get("cwd"))}
            text = string(given.get("command")) or string(given.get("plan"))
            yield Entry("tool", at, text, string(block.get("id")), data)
        else:
            yield Entry("model", at, string(block.get("text")), name)
    if message.get("usage") is not None:
        usage = {"usage": mapping(message.get("usage")), "model": message.get("model"), "message": name}
        yield Entry("usage", at, id=name, data=usage)


def _synthetic(record: Record, message: Record, at: datetime | None) -> Iterator[Entry]:
    """What the program itself says in the model's place: a limit, an API error, "No response requested."."""
    text = texts(message.get("content"))
    if record.get("apiError") == "usage_limit_reached":
        limits = mapping(record.get("quotaLimits"))
        data: dict[str, Any] = {"resets_at": limits.get("resetsAt"), "window": limits.get("rateLimitType")}
        yield Entry("limit", at, text, string(record.get("uuid")), data)
    elif record.get("isApiErrorMessage") is True:
        yield Entry("turn_end", at, id=string(record.get("uuid")), data={"last": "", "error": text})


def _system(record: Record, at: datetime | None) -> Iterator[Entry]:
    subtype, name = record.get("subtype"), string(record.get("uuid"))
    if subtype == "compact_boundary":
        yield Entry("compacted", at, id=name, data=mapping(record.get("compactMetadata")))
    elif (ending := mapping(mapping(record.get("promptSubmitEnding")).get("ending"))).get("kind") in _ENDINGS:
        _, found, prompt = string(record.get("content")).partition(_ORIGINAL)
        yield Entry("blocked", at, string(ending.get("reason")), name, {"prompt": prompt if found else ""})
    elif subtype == "turn_duration":
        yield Entry("turn_end", at, id=name, data={"last": "", "duration_ms": record.get("durationMs")})

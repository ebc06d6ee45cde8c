"""What a CLI's own files tell, in one shape for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

EntryKind = Literal[
    "user",
    "model",
    "tool",
    "turn_start",
    "turn_end",
    "aborted",
    "blocked",
    "limit",
    "usage",
    "compacted",
    "queued",
    "unqueued",
    "meta",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact of a conversation.

    user        the CLI took a prompt: `text` as it recorded it (wrapped or trimmed as that CLI does); data: {"joins":
                it came into the turn that was under way (Claude), ...}
    queued      the CLI keeps the prompt in its own queue and will take it itself (Claude); never type it again
    unqueued    a queued prompt was given back to the composer instead
    blocked     a hook of the person's turned a prompt away; `text` holds the hook's words; data: {"prompt": the whole
                prompt, or "" for the last one recorded}
    model       output of the model; `text` may be empty (reasoning)
    tool        a tool call, its result (of the same `id`), or both in one; data: {"name", "input"?, "call"?, "result"?,
                "error"?, "refused"?, "by"?}; `text` of a result is what it gave; the tool of an MCP server is
                mcp__SERVER__TOOL; refused: a person said no to it, or stopped it;
                by: who decided that it may run, in the CLI's word ("user_temporary", "hook", "config")
    turn_start, turn_end, aborted    `id` names the turn (Codex); data of turn_end: {"last": text of the last answer}
    limit       a usage limit stopped the turn; data: {"resets_at": epoch seconds | None, "window"?: str}
    usage       tokens and quota; Codex: {"rate_limits", "info"} of token_count, Claude: {"usage", "model", "message"}
    compacted   the context was compacted
    meta        the conversation itself; data: {"id", "cwd", ...}
    """

    kind: EntryKind
    at: datetime | None = None
    text: str = ""
    id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The prompt that it tells of, whatever became of it; "" where it tells of none."""
        if self.kind == "blocked":
            return str(self.data.get("prompt", ""))
        return self.text if self.kind in ("user", "queued", "unqueued") else ""

    @property
    def turn(self) -> str:
        """The id of the turn it belongs to, where its CLI names turns (Codex)."""
        if self.kind in ("turn_start", "turn_end", "aborted"):
            return self.id
        turn = self.data.get("turn")
        return turn if isinstance(turn, str) else ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation of a CLI: the id it is resumed by and the file it is written to."""

    id: str
    path: Path


@dataclass(frozen=True, slots=True)
class Found:
    """The place where a CLI recorded a prompt of ours."""

    entry: Entry
    path: Path


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a CLI: argv (first word an absolute path) and what to add to the environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Neutral:
    """A text that this CLI takes as a prompt and nothing else; `notes` tell the sender what was changed.

    `refused` is not empty where no change can make the text harmless (a shell runs whatever it is given).
    """

    text: str
    notes: tuple[str, ...] = ()
    refused: str = ""

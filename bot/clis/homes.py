"""The CLIs that run on an account, and the home that each keeps its login and its conversations in.

As of codex-cli 0.169.0 and Claude Code 2.1.328.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CliHome:
    """`variable` leads the CLI to another home than its `own` one below the person's; `conversations` is the folder in
    it that holds them, as JSONL."""

    variable: str
    own: str
    conversations: str


HOMES = {
    "codex": CliHome("CODEX_HOME", ".codex", "sessions"),
    "claude": CliHome("CLAUDE_CONFIG_DIR", ".claude", "projects"),
}


def home_of(kind: str, home: Path | None) -> Path:
    """`home`, or the CLI's own where that is None."""
    return home or Path.home() / HOMES[kind].own


def conversations_of(kind: str, home: Path | None) -> Path:
    """Where a home keeps its conversations."""
    return home_of(kind, home) / HOMES[kind].conversations

"""How full an agent's context is, from the usage that its CLI writes down. Pure.

Codex 0.169.0 (token_count of a rollout): what is left is counted without the 12,000 tokens that every conversation
begins with, as in its own footer. Claude Code 2.1.328: input and cache tokens of the last response against the window,
as its statusline counts; transcripts do not name the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.clis.entry import Entry

CODEX_BASE = 12_000
CLAUDE_WINDOW, CLAUDE_LARGE = 200_000, 1_000_000
# Models whose window is the large one, as their statusline says (2.1.328).
_LARGE = ("claude-opus-5", "claude-sonnet-5", "[1m]")


@dataclass(frozen=True, slots=True)
class Context:
    """`tokens` of the last request (0: none seen), the `window` they have to fit in, both in tokens.

    `base` is what of both does not count; `told` when the CLI itself named the window.
    """

    tokens: int = 0
    window: int = 0
    base: int = 0
    told: bool = False

    @property
    def percent(self) -> int | None:
        """How much of it is used, 0 to 100; None before the first answer."""
        room = self.window - self.base
        if not self.tokens or room <= 0:
            return None
        left = round((room - max(0, self.tokens - self.base)) / room * 100)
        return min(100, max(0, 100 - left))


def follow(context: Context, entries: Iterable[Entry]) -> Context:
    """The context after these entries, which came in the order they were written."""
    for entry in entries:
        if entry.kind == "usage":
            context = _used(context, entry.data)
        elif entry.kind == "compacted":
            after = entry.data.get("postTokens")
            context = replace(context, tokens=after if isinstance(after, int) else context.tokens)
    return context


def told(context: Context, status: Mapping[str, Any]) -> Context:
    """The context after what Claude told its statusline command; unchanged by anything else."""
    window = status.get("context_window")
    size = window.get("context_window_size") if isinstance(window, Mapping) else None
    return replace(context, window=size, told=True) if isinstance(size, int) and size > 0 else context


def _used(context: Context, data: Mapping[str, Any]) -> Context:
    if isinstance(info := data.get("info"), Mapping):
        last, window = info.get("last_token_usage"), info.get("model_context_window")
        tokens = last.get("total_tokens") if isinstance(last, Mapping) else None
        if isinstance(tokens, int) and isinstance(window, int):
            return Context(tokens, window, CODEX_BASE, told=True)
    if isinstance(usage := data.get("usage"), Mapping):
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        tokens = sum(value for name in names if isinstance(value := usage.get(name), int))
        if tokens:
            return replace(context, tokens=tokens, window=_claude_window(context, tokens, str(data.get("model"))))
    return context


def _claude_window(context: Context, tokens: int, model: str) -> int:
    if context.told:
        return context.window
    large = tokens > CLAUDE_WINDOW or any(name in model for name in _LARGE)
    return CLAUDE_LARGE if large else CLAUDE_WINDOW

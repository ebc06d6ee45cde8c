"""What the audit trail says of an operation: to whom or what, and what exactly was asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.store.audit import fingerprint

LONGEST = 2000  # characters of one value

# Every parameter of an operation that does something stands in one of these; a test wants each of them named.
TARGETS = ("id", "agent", "draft", "pane", "profile", "path", "type", "role")
KEPT = frozenset(
    {
        "at",
        "command",
        "description",
        "dry_run",
        "forced",
        "fresh",
        "idle_only",
        "items",
        "kind",
        "labels",
        "model",
        "now",
        "on",
        "only",
        "percent",
        "priority",
        "raw",
        "requests",
        "resets_at",
        "rotate",
        "socket",
        "start",
        "to",
        "tokens",
        "ttl",
        "version",
        "wait",
        "window",
        "workdir",
        "worktree",
    }
)
PROMPTS = frozenset({"text"})
# A value of these may be a secret (the environment of a profile): only what was changed is kept.
NAMES_ONLY = frozenset({"changes"})
NOT_KEPT = frozenset({"app", "actor", "caller"})  # the services, and who acts, which has columns of its own


def target_of(given: Mapping[str, Any]) -> str:
    """What it is done to: the first parameter that names something; empty where it is all of them."""
    return next((str(given[name]) for name in TARGETS if given.get(name)), "")


def detail_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that were given, beside the target: a prompt as its hash and length."""
    target, detail = target_of(given), dict[str, Any]()
    for name, value in given.items():
        if value is None or (name in TARGETS and str(value) == target):
            continue
        if name in PROMPTS:
            detail |= fingerprint(str(value))
        elif name in NAMES_ONLY:
            detail[name] = sorted(map(str, value))
        elif name in KEPT or name in TARGETS:
            detail |= _kept(name, value)
    return detail


def _kept(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str) and len(value) > LONGEST:
        return {name: value[:LONGEST], f"{name}_whole": fingerprint(value)}
    if isinstance(value, list | tuple):
        return {name: [str(one)[:LONGEST] for one in value]}
    return {name: value if isinstance(value, str | int | float | bool) else str(value)[:LONGEST]}

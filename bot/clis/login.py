"""Is a home logged in? Read from the files and variables that both CLIs themselves look at; nothing of them is kept.

As of codex-cli 0.169.0 (auth.json, config.toml), Claude Code 2.1.328 (.credentials.json, .claude.json, settings.json).
"needed" is said only where it is certain: a keyring, a key helper or another model provider may know more than we see.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from bot.clis.homes import HOMES
from bot.foreign import read_json

Login = Literal["ok", "needed", "unknown"]

CODEX_KEYS = frozenset({"OPENAI_API_KEY", "CODEX_API_KEY", "CODEX_ACCESS_TOKEN"})
_CLAUDE_KEYS = (
    *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
    *("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"),
)


def login_of(kind: str, home: Path | None, env: Mapping[str, str], *, platform: str = sys.platform) -> Login:
    """`home` is the CODEX_HOME or CLAUDE_CONFIG_DIR, None for the CLI's own below $HOME; `env` is the agent's."""
    person = Path(env.get("HOME") or Path.home())
    if kind == "codex":
        return _codex(home or person / HOMES[kind].own, env)
    if kind == "claude":
        state = home / ".claude.json" if home else person / ".claude.json"
        return _claude(home or person / HOMES[kind].own, state, env, platform)
    return "ok"


def how_to_log_in(kind: str, home: Path | None) -> str:
    """The command that a person types, in that very home."""
    there = f"{HOMES[kind].variable}={shlex.quote(str(home))} " if home else ""
    return there + ("codex login" if kind == "codex" else "claude, then /login")


def _codex(home: Path, env: Mapping[str, str]) -> Login:
    if _size(home / "auth.json"):
        return "ok"
    config = _text(home / "config.toml")
    if any(env.get(name) for name in CODEX_KEYS) or "model_provider" in config or "credentials_store" in config:
        return "unknown"
    return "needed"


def _claude(home: Path, state: Path, env: Mapping[str, str], platform: str) -> Login:
    if _size(home / ".credentials.json"):
        return "ok"
    if platform == "darwin" or any(env.get(name) for name in _CLAUDE_KEYS):
        return "unknown"  # the key chain of macOS is not ours to ask
    settings = _json(home / "settings.json")
    known = _json(state)
    given = settings.get("env")
    if settings.get("apiKeyHelper") or known.get("primaryApiKey"):
        return "unknown"
    if isinstance(given, dict) and any(given.get(name) for name in _CLAUDE_KEYS):
        return "unknown"
    return "needed"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _text(path: Path) -> str:
    try:
        return path.read_text("utf8", "replace")
    except OSError:
        return ""


def _json(path: Path) -> dict[str, Any]:
    try:
        value = read_json(_text(path))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}

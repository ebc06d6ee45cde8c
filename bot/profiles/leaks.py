"""What looks like a secret in a file that is shared: with a team by git, or with every agent. Nothing of it is shown.

Shapes of tokens as their makers document them, at the end of 2026; a name tells, too, where its value may be one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.envfile import parse_env
from bot.home import Home
from bot.log import TOKEN

MAX_BYTES = 1_000_000
SHORTEST = 8
_NAME = re.compile(r"(?:^|_)(?:TOKENS?|KEYS?|PASSWORD|PASSWD|CREDENTIALS?)(?:_?\d+)?$|SECRET|PASSWORD", re.IGNORECASE)
# Not a value of its own: a variable, a path, an address without a password, a number, a word for yes or no.
_HARMLESS = re.compile(
    r"\$.*|[~./].*|[a-z]+://[^@\s]*|[\d.]+|true|false|yes|no|none|null|[<[{(…].*|x{3,}.*|\*+", re.IGNORECASE
)
_SHAPES = (
    re.compile(r"\bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{20,}"),  # Anthropic, OpenAI, OpenRouter
    re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,})"),
    re.compile(r"\b(?:xox[abprs]-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{40,})"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{35}"),  # AWS, Google
    re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."),  # a JSON web token
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    re.compile(r"\b[a-z][a-z0-9+]*://[^/\s:@]+:[^/\s:@$]{4,}@"),  # an address with a password
    TOKEN,  # of a Telegram bot
)


@dataclass(frozen=True, slots=True)
class Leak:
    """Where something that looks like a secret stands: the file, and the key or line in it."""

    file: Path
    place: str


def looks_secret(name: str, value: str) -> bool:
    """Whether a value is one that nobody else should read, by its own shape or by its name.

    >>> looks_secret("A_TOKEN", "abcdefgh1234"), looks_secret("SSH_KEY", "~/.ssh/id"), looks_secret("TOKENS", "8000")
    (True, False, False)
    """
    if any(shape.search(value) for shape in _SHAPES):
        return True
    return bool(_NAME.search(name)) and len(value) >= SHORTEST and not _HARMLESS.fullmatch(value.strip())


def shared_files(home: Home) -> list[Path]:
    """Files of a home that git may take, or that every agent gets."""
    found = [home.agent_env, home.tmux_conf]
    for folder in (home.config, home.packs):
        found += sorted(path for path in folder.glob("*") if path.is_file())
    return found


def leaks(home: Home) -> list[Leak]:
    """Everything that looks like a secret in the shared files of a home; what cannot be read holds nothing."""
    return [leak for path in shared_files(home) for leak in _of_file(path)]


def _of_file(path: Path) -> list[Leak]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf8", "replace")
    except OSError:
        return []
    if path.name.endswith((".json", ".json.bak")):
        try:
            return [Leak(path, place) for place in _of_json("", "", json.loads(text))]
        except (ValueError, RecursionError):
            pass  # as lines, then
    named = [Leak(path, name) for name, value in parse_env(text).items() if looks_secret(name, value)]
    if named:
        return named
    lines = enumerate(text.splitlines(), start=1)
    return [Leak(path, f"line {number}") for number, line in lines if looks_secret("", line)]


def _of_json(place: str, name: str, value: Any) -> Iterator[str]:
    """The places of strings that look like secrets, as a.b.0.c."""
    if isinstance(value, str):
        if looks_secret(name, value):
            yield place
        return
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from _of_json(f"{place}.{key}".lstrip("."), str(key) if isinstance(value, dict) else name, inner)

"""Which version of a CLI is installed, and whether its screens are known (`versions` in its screens.toml)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from bot.clis.rules import RulesInvalid
from bot.clis.screens import rulebook

TIMEOUT_S = 15.0
_NUMBER = re.compile(r"\b\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?")


def known_versions(kind: str) -> tuple[str, ...]:
    """The versions of which there are captures; empty for a CLI that is part of maf, and for a shell."""
    try:
        book = rulebook(kind)
    except RulesInvalid:
        return ()
    return book.rules.versions if book else ()


def is_unknown(kind: str, version: str) -> bool:
    """True for a version that our rules were not measured on."""
    known = known_versions(kind)
    return bool(known) and bool(version) and version not in known


def version_in(said: str) -> str:
    """The version in what a program prints of itself; "" where there is none.

    >>> version_in("codex-cli 0.171.0"), version_in("2.1.332 (Claude Code)"), version_in("hm")
    ('0.171.0', '2.1.332', '')
    """
    match = _NUMBER.search(said)
    return match[0] if match else ""


def installed_version(program: Path) -> str:
    """Ask the program (`--version`, 15 s at most); "" where it does not say. Blocks."""
    try:
        done = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return version_in(done.stdout[:1000]) if done.returncode == 0 else ""

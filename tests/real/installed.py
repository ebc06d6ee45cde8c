"""What `make test-real` put into `.real/` (see install.py), and why something is not there."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT / ".real"
NODE_BIN = REAL / "node" / "node_modules" / ".bin"
AGENT_MAIL = REAL / "agent-mail" / "bin" / "mcp-agent-mail"
MISSING = REAL / "missing.json"


def real_path() -> str:
    """A PATH on which the real programs are found first."""
    return os.pathsep.join([str(NODE_BIN), str(REAL / "bin"), os.environ["PATH"]])


def why_missing(name: str) -> str:
    """The reason that the installer wrote down."""
    try:
        reasons = json.loads(MISSING.read_text())
    except (OSError, ValueError):
        reasons = {}
    return str(reasons.get(name) or "run `make test-real`, which installs it")


def need(name: str, *, path: str | None = None) -> str:
    """The program's path, or a skip that says why it is not there."""
    found = shutil.which(name, path=path or real_path())
    if found is None:
        pytest.skip(f"{name} is not there: {why_missing(name)}")
    return found

"""What `make test-real` put into `.real/` (see install.py), and why something is not there."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT / ".real"
NODE, NODE_NEWEST = REAL / "node", REAL / "node-newest"
AGENT_MAIL = REAL / "agent-mail" / "bin" / "mcp-agent-mail"
MISSING = REAL / "missing.json"


def bin_of(node: Path) -> Path:
    """The folder of the programs that npm installed into `node`."""
    return node / "node_modules" / ".bin"


def is_newest() -> bool:
    """True in a run on the newest versions of the CLIs: `MAF_REAL_CLIS=newest`, the second half of `make test-real`."""
    return os.environ.get("MAF_REAL_CLIS") == "newest"


def real_path() -> str:
    """A PATH on which the real programs are found first."""
    clis = [bin_of(NODE_NEWEST), bin_of(NODE)] if is_newest() else [bin_of(NODE)]
    return os.pathsep.join([*map(str, clis), str(REAL / "bin"), os.environ["PATH"]])


def why_missing(name: str) -> str:
    """The reason that the installer wrote down."""
    if is_newest() and name in ("codex", "claude"):
        name += "-newest"
    try:
        reasons = json.loads(MISSING.read_text())
    except (OSError, ValueError):
        reasons = {}
    return str(reasons.get(name) or "run `make test-real`, which installs it")


def need(name: str, *, path: str | None = None) -> str:
    """The program's path, or a skip that says why it is not there."""
    found = shutil.which(name, path=path or real_path())
    if found is not None and is_newest() and name in ("codex", "claude") and not found.startswith(str(NODE_NEWEST)):
        found = None  # the pinned one stands next on the PATH, and is not what this run is about
    if found is None:
        pytest.skip(f"{name} is not there: {why_missing(name)}")
    return found

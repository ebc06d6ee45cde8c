"""Each import contract can fail: a tree with one import too many is refused, by that contract's name."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = [
    c["name"] for c in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]

# contract: the file that breaks it, and the import that does
VIOLATIONS = {
    "upper imports lower": ("bot/errors.py", "import bot.store"),
    "aiogram only at the Telegram edge": ("bot/broadcast/report.py", "import aiogram"),
    "handlers are imported by the composition root alone": ("bot/cli/terminal.py", "import handlers"),
    "judging a request is pure": ("bot/agents/permissions/risk/places.py", "import os"),
    "within permissions, the judge is lowest": (
        "bot/agents/permissions/risk/tools.py",
        "import bot.agents.permissions.question",
    ),
    "within agents, upper imports lower": ("bot/agents/state/turn.py", "import bot.agents.delivery.text"),
}


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """import-linter over a copy of the source, seeing that copy and not ours."""
    code = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    command = [sys.executable, "-I", "-c", code, "--no-cache"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for name in ("bot", "handlers"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_every_contract_has_its_violation_here() -> None:
    assert set(VIOLATIONS) == set(CONTRACTS)


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_contract_can_fail(tree: Path, contract: str) -> None:
    name, line = VIOLATIONS[contract]
    file = tree / name
    before = file.read_text()
    file.write_text(f"{before}\n{line}\n")
    try:
        ran = lint(tree)
    finally:
        file.write_text(before)
    assert ran.returncode == 1, ran.stderr
    verdicts = {
        line.removesuffix("BROKEN").strip(): "BROKEN" for line in ran.stdout.splitlines() if line.endswith("BROKEN")
    }
    assert verdicts == {contract: "BROKEN"}

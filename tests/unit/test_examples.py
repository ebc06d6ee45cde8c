"""The examples in docstrings say what the code does."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("bot", "handlers")
    for path in (ROOT / package).rglob("*.py")
    if " >>> " in path.read_text(encoding="utf8")
)


@pytest.mark.parametrize("module", MODULES)
def test_an_example_answers_what_stands_under_it(module: str) -> None:
    tried = doctest.testmod(importlib.import_module(module))
    assert tried.attempted > 0
    assert tried.failed == 0

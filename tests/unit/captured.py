"""The captured screens and what each of them shows."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "captures"
_SIZED = re.compile(r"(?:codex|claude)-(?:\d[\d.]+-)?\d+x\d+-(.+)")


@dataclass(frozen=True, slots=True)
class Capture:
    """One captured screen: `ansi` with styling where there is a styled file."""

    name: str
    kind: str
    ansi: str
    title: str
    states: frozenset[str]

    def __str__(self) -> str:
        return self.name + (" with title" if self.title else "")


def _expected() -> dict[str, dict[str, object]]:
    return tomllib.loads((FOLDER / "expected.toml").read_text(encoding="utf-8"))


def _states(name: str, expected: dict[str, dict[str, object]]) -> frozenset[str]:
    sized = _SIZED.fullmatch(name)
    found = expected["named"].get(name) or (expected["sizes"].get(sized[1]) if sized else None)
    if not isinstance(found, list):
        raise LookupError(f"captures/expected.toml does not say what {name} shows")
    return frozenset(found)


def capture(name: str) -> Capture:
    """One capture by its name."""
    file = FOLDER / f"{name}.ansi.txt"
    file = file if file.exists() else FOLDER / f"{name}.txt"
    title = FOLDER / f"{name}.title"
    return Capture(
        name,
        name.partition("-")[0],
        file.read_text(encoding="utf-8"),
        title.read_text(encoding="utf-8").strip() if title.exists() else "",
        _states(name, _expected()),
    )


def captures() -> list[Capture]:
    """All of them, and once more with a title those whose title is known from elsewhere."""
    names = sorted(re.sub(r"(\.ansi)?\.txt$", "", file.name) for file in FOLDER.glob("*.txt"))
    found = [capture(name) for name in names]
    for name, value in _expected()["titled"].items():
        assert isinstance(value, dict)
        plain = capture(name)
        found.append(Capture(name, plain.kind, plain.ansi, value["title"], frozenset(value["states"])))
    return found

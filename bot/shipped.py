"""Where the files lie that come with the program and are no Python."""

from __future__ import annotations

from pathlib import Path


def folder(name: str) -> Path:
    """`migrations`, `prompt_packs` or `deploy`: inside the package where it was installed from a wheel (`bot/_bundled`,
    see pyproject.toml), else beside it in the source tree."""
    package = Path(__file__).resolve().parent
    bundled = package / "_bundled" / name
    return bundled if bundled.is_dir() else package.parent / name

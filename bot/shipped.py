"""Where the program itself lies, and the files that come with it and are no Python."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from bot.errors import DependencyMissing


def folder(name: str) -> Path:
    """`migrations`, `prompt_packs` or `deploy`: inside the package where it was installed from a wheel (`bot/_bundled`,
    see pyproject.toml), else beside it in the source tree."""
    package = Path(__file__).resolve().parent
    bundled = package / "_bundled" / name
    return bundled if bundled.is_dir() else package.parent / name


def program() -> str:
    """`maf`, by its full path: neither a service nor an agent need have it on its PATH. Raises DependencyMissing."""
    beside = Path(sys.executable).with_name("maf")
    found = str(beside) if beside.is_file() else shutil.which("maf")
    if found is None:
        raise DependencyMissing("The maf program was not found.", hint="Install maf so that `maf --version` works.")
    return found

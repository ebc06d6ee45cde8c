"""Settings files of a person: replaced in one step, and their own text kept beside them until ours is out again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bot import atomic


def replace_text(path: Path, text: str) -> None:
    """Replace a file in one step, with the permissions it had (else 0600). A link stays one: what it points to is
    replaced."""
    path = path.resolve()
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, text, mode=mode)


def text_of(path: Path) -> str:
    """The file to the letter, line ends too; "" where there is none."""
    try:
        with path.open(encoding="utf8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def keep(path: Path) -> None:
    """Lay a copy beside the file, which has nothing of ours yet. A copy of before is no use any more."""
    _copy(path).unlink(missing_ok=True)
    if path.is_file():
        replace_text(_copy(path), text_of(path))


def give_back(path: Path, text: str, same: Callable[[str], bool]) -> None:
    """Write `text`, which has nothing of ours any more; where the kept copy says the `same`, that one, to the letter.
    A file that was not there before, and would say nothing now, goes."""
    copy = _copy(path)
    if copy.is_file() and same(before := text_of(copy)):
        text = before
    elif not copy.is_file() and same(""):
        path.unlink(missing_ok=True)
        return
    replace_text(path, text)
    copy.unlink(missing_ok=True)


def _copy(path: Path) -> Path:
    return path.with_name(f"maf-before-{path.name}")

"""What every command shares: which home, how to print, how to fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bot.errors import WrongUsage
from bot.home import Home, find_home


@dataclass(slots=True)
class Terminal:
    """The options that every command takes, and the person's end of the conversation. Passed to commands as their
    first argument.
    """

    home_option: str | None = None
    json: bool = False

    @property
    def home(self) -> Home:
        return find_home(self.home_option)

    def show(self, value: Any, text: str | Callable[[], str]) -> None:
        """The result of a command: `value` as JSON with --json, else `text`."""
        if self.json:
            click.echo(json.dumps(value, ensure_ascii=False, indent=2))
            return
        shown = text() if callable(text) else text
        if shown:
            click.echo(shown)

    def say(self, text: str) -> None:
        """A word beside the result, for a person alone: to stderr, so that stdout stays the result."""
        if not self.json:
            click.echo(text, err=True)

    def fail(self, shape: dict[str, str]) -> None:
        """Print an error: {"code","message","hint"}."""
        if self.json:
            click.echo(json.dumps({"error": shape}, ensure_ascii=False))
            return
        click.echo(f"error: {shape['message']}", err=True)
        if shape["hint"]:
            click.echo(f"hint: {shape['hint']}", err=True)


def write_picture(path: Path, png: bytes) -> None:
    """Put a drawn picture where the person wants it. Raises WrongUsage."""
    try:
        path.write_bytes(png)
    except OSError as error:
        raise WrongUsage(f"{path} cannot be written: {error.strerror}.", hint="Choose another place.") from error


def table(rows: list[list[str]], head: list[str]) -> str:
    """Columns under a head, two spaces apart, nothing after the last column."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in shown)


def debugging(home: Home) -> bool:
    """Whether DEBUG_MODE asks for tracebacks on the screen. Asked after an error only: settings cost the import of
    pydantic.
    """
    from bot.errors import WrongSetting
    from bot.settings import load_settings

    try:
        return load_settings(home).debug_mode
    except WrongSetting:
        return False

"""What every command shares: which home, how to print, how to fail."""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bot.errors import WrongUsage
from bot.excerpt import readable
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
            put(_as_json(value, indent=2))
            return
        shown = text() if callable(text) else text
        if shown:
            put(shown)

    def say(self, text: str) -> None:
        """A word beside the result, for a person alone: to stderr, so that stdout stays the result."""
        if not self.json:
            put(text, err=True)

    def fail(self, shape: dict[str, str]) -> None:
        """Print an error: {"code","message","hint"}."""
        if self.json:
            put(_as_json({"error": shape}))
            return
        put(f"error: {shape['message']}", err=True)
        if shape["hint"]:
            put(f"hint: {shape['hint']}", err=True)


def _as_json(value: Any, *, indent: int | None = None) -> str:
    """As people read it; with escapes where the terminal has no such character or would obey it: nothing is lost."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return text if _harmless(text) == text else json.dumps(value, indent=indent)


def put(text: str, *, err: bool = False) -> None:
    """Print a text, made harmless. A reader that has left early (`| head -1`) does not change what the command did,
    nor its exit code.
    """
    try:
        click.echo(_harmless(text, err=err), err=err)
    except BrokenPipeError:
        # What is still buffered would fail once more at the end of the program.
        os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if err else sys.stdout).fileno())


def _harmless(text: str, *, err: bool = False) -> str:
    """The text with nothing that a terminal would obey or not show (titles, screens and logs come from outside), and
    with a question mark for what its stream cannot take."""
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    if codecs.lookup(encoding).name == "ascii":  # what Python takes for want of a locale; click writes UTF-8 then
        encoding = "utf-8"
    return readable(text).encode(encoding, "replace").decode(encoding)


def write_picture(path: Path, png: bytes) -> None:
    """Put a drawn picture where the person wants it. Raises WrongUsage."""
    try:
        path.write_bytes(png)
    except OSError as error:
        raise WrongUsage(f"{path} cannot be written: {error.strerror}.", hint="Choose another place.") from error


def fields(value: Mapping[str, Any]) -> str:
    """One thing with all that is known of it, a line each; a text of several lines stays in its column."""
    indent = "\n" + " " * 15
    return "\n".join(f"{name:<14} {_plain(found)}".replace("\n", indent) for name, found in value.items())


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items()) or "-"
    return "-" if value is None or value == "" else str(value)


def table(rows: list[list[str]], head: list[str]) -> str:
    """Columns under a head, two spaces apart, each row on one line, nothing after the last column."""
    lines = [head, *([" ".join(cell.split()) for cell in row] for row in rows)]
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

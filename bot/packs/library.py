"""The packs at hand: the shipped ones and the person's own, which win; and which one is active."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import shipped
from bot.errors import NotFound, Refused, WrongUsage
from bot.foreign import read_json
from bot.home import Home
from bot.packs.model import MAX_BYTES, Pack, PackError, parse
from bot.store import Transaction, setting

ACTIVE_KEY = "active_pack"
DEFAULT = "general"
TEMPLATE = "TEMPLATE"
SCHEMA = "schema.json"


@dataclass(frozen=True, slots=True)
class PackEntry:
    """One pack in the list. `problem` says why it cannot be used; `own` packs lie in `.maf/packs`."""

    id: str
    title: str
    path: Path
    own: bool
    problem: str = ""


def read_pack(path: Path) -> Pack:
    """Load one file. Raises PackError: not readable, too large, not JSON (with line and column), or it does not fit."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror})", hint="Give the file of a pack.") from error
    if len(data) > MAX_BYTES:
        raise PackError(f"{path}: {len(data) // 1000} kB; a pack has at most {MAX_BYTES // 1000} kB")
    try:
        raw = read_json(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PackError(f"{path}: is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise PackError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValueError as error:
        raise PackError(f"{path}: {error}") from error
    return parse(raw, source=path)


class Packs:
    """The library of one home. Files are read when asked for, so an edit counts at once."""

    def __init__(self, home: Home) -> None:
        self._own = home.packs
        self._shipped = shipped.folder("prompt_packs")

    def list(self) -> list[PackEntry]:
        """Every pack by name, own ones over shipped ones; broken ones with their problem instead of a title."""
        entries: dict[str, PackEntry] = {}
        for folder, own in ((self._shipped, False), (self._own, True)):
            for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
                if path.name == SCHEMA or path.stem == TEMPLATE:
                    continue
                entry = _entry(path, own=own)
                entries[entry.id] = entry
        return sorted(entries.values(), key=lambda entry: entry.id)

    def get(self, name: str) -> Pack:
        """The pack with this id. Raises NotFound with the nearest names, PackError if it does not fit."""
        return read_pack(self.path(name))

    def get_active(self, name: str) -> Pack:
        """The pack of this id, which was made the active one. Raises NotFound, which says how to choose another, and
        PackError."""
        try:
            return self.get(name)
        except NotFound as error:
            others = ", ".join(entry.id for entry in self.list() if not entry.problem)
            raise NotFound(
                f"The active pack {name} is gone.",
                hint=f"Choose another ({others}) with `maf pack use`, or /broadcast_pack in the chat.",
            ) from error

    def path(self, name: str) -> Path:
        """The file of a pack. Raises NotFound."""
        entries = {entry.id: entry for entry in self.list()}
        if name not in entries:
            raise NotFound.of("pack", name[:80], entries)
        return entries[name].path

    def new(self, name: str) -> Path:
        """Write `.maf/packs/NAME.json` from the template. Raises Refused if there is one, WrongUsage for a bad name."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name) or name in {TEMPLATE, "schema"}:
            raise WrongUsage(f"{name[:80]!r} is no name for a pack: use letters, digits, - and _, 64 at most")
        target = self._own / f"{name}.json"
        if any(entry.id == name and entry.own for entry in self.list()) or target.exists():
            raise Refused(f"You already have a pack {name}: {target}", hint=f"Edit it, then: maf pack use {name}")
        raw = json.loads((self._shipped / f"{TEMPLATE}.json").read_text(encoding="utf-8"))
        raw["id"] = name
        self._own.mkdir(parents=True, exist_ok=True)
        _write_whole(target, raw)
        return target

    async def active(self, tx: Transaction) -> str:
        """The id of the active pack; `general` until one is set. It may have gone missing since: get() says so."""
        return await setting.get(tx, ACTIVE_KEY, DEFAULT)

    async def set_active(self, tx: Transaction, name: str) -> Pack:
        """Make it the active pack, if it exists and fits. Raises NotFound, PackError."""
        pack = self.get(name)
        await setting.put(tx, ACTIVE_KEY, pack.id)
        return pack


def _entry(path: Path, *, own: bool) -> PackEntry:
    try:
        pack = read_pack(path)
    except PackError as error:
        return PackEntry(path.stem, "", path, own, error.message)
    return PackEntry(pack.id, pack.title, path, own)


def _write_whole(target: Path, raw: dict[str, Any]) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(raw, indent=2, ensure_ascii=False) + "\n")
        # link, not replace: a pack that appeared meanwhile is not overwritten.
        os.link(temporary, target)
    except FileExistsError as error:
        raise Refused(f"You already have {target}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)

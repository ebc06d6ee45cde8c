"""Reading `.beads/issues.jsonl`: what is left to us where there is no `bd` or no database.

Formats met: exports of bd 1.x (Dolt; `_type` issue or memory, a `_schema` line at the top), br 0.1 and bd up to 0.49
(tombstones, integer comment ids, `parent_child` with an underscore), and files with git conflict lines in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.beads.model import Bead, parse_bead
from bot.foreign import read_file, read_json

MAX_BYTES = 200_000_000
MAX_METADATA = 1_000_000
_CONFLICT = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")
_NEVER = datetime.min.replace(tzinfo=UTC)


def metadata_of(beads_dir: Path) -> Mapping[str, Any]:
    """metadata.json of a `.beads` folder; {} where there is none, or none that can be read."""
    try:
        found = read_json(read_file(beads_dir / "metadata.json", MAX_METADATA))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def find_jsonl(beads_dir: Path) -> Path | None:
    """The export in a `.beads` folder: the name in metadata.json, else issues.jsonl, else beads.jsonl (older)."""
    names = ["issues.jsonl", "beads.jsonl"]
    named = metadata_of(beads_dir).get("jsonl_export")
    # A plain file name only: metadata.json is a file of the repo and must not point us elsewhere.
    if isinstance(named, str) and named and Path(named).name == named:
        names.insert(0, named)
    return next((beads_dir / name for name in names if _is_file(beads_dir / name)), None)


def read_jsonl(path: Path, *, repo: str = "") -> tuple[list[Bead], list[str]]:
    """All beads in the file and warnings about lines that could not be read.

    Of several lines of one id the one that was updated last wins, as in `bd import`; the later one where that is equal.
    Raises OSError, and ValueError when the file is larger than 200 MB.
    """
    beads: dict[str, Bead] = {}
    conflicts = broken = 0
    for line in read_file(path, MAX_BYTES).removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        stripped = line.strip()
        if not stripped:
            continue
        if stripped.startswith(_CONFLICT):
            conflicts += 1
            continue
        raw = _object(stripped)
        bead = parse_bead(raw, repo=repo)
        if bead is not None:
            known = beads.get(bead.id)
            if known is None or (known.updated_at or _NEVER) <= (bead.updated_at or _NEVER):
                beads[bead.id] = bead
        elif "_schema" not in raw and raw.get("_type", "issue") == "issue":
            broken += 1
    warnings = []
    if conflicts:
        warnings.append(
            f"{path.name} holds git conflict lines; of a bead that is there twice the one updated last counts"
        )
    if broken:
        warnings.append(f"{path.name}: {broken} line{'s' if broken > 1 else ''} could not be read")
    return list(beads.values()), warnings


def _object(line: bytes) -> Mapping[str, Any]:
    """The JSON object on a line; {} for anything else."""
    try:
        raw = read_json(line)
    except ValueError:
        return {}
    return raw if isinstance(raw, dict) else {}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a NUL in it
        return False

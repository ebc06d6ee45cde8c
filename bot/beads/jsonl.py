"""Reading `.beads/issues.jsonl`: what is left to us where there is no `bd` or no database.

Formats met: exports of bd 1.x (Dolt; `_type` issue or memory), br 0.1 and bd up to 0.49 (tombstones, integer comment
ids, `parent_child` with an underscore), and files with git conflict lines in them.
"""

from __future__ import annotations

from pathlib import Path

from bot.beads.model import Bead, parse_bead
from bot.foreign import read_json

MAX_BYTES = 200_000_000
_CONFLICT = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")


def find_jsonl(beads_dir: Path) -> Path | None:
    """The export in a `.beads` folder: the name in metadata.json, else issues.jsonl, else beads.jsonl (older)."""
    names = ["issues.jsonl", "beads.jsonl"]
    try:
        metadata = read_json((beads_dir / "metadata.json").read_bytes())
        named = metadata.get("jsonl_export") if isinstance(metadata, dict) else None
        # A plain file name only: metadata.json is a file of the repo and must not point us elsewhere.
        if isinstance(named, str) and named and Path(named).name == named:
            names.insert(0, named)
    except (OSError, ValueError):
        pass  # no metadata, or none that can be read: the usual names are tried
    return next((beads_dir / name for name in names if (beads_dir / name).is_file()), None)


def read_jsonl(path: Path, *, repo: str = "") -> tuple[list[Bead], list[str]]:
    """All beads in the file and warnings about lines that could not be read. A later line of the same id wins.

    Raises OSError, and ValueError when the file is larger than 200 MB.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB")
    beads: dict[str, Bead] = {}
    conflicts = broken = 0
    for line in path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        stripped = line.strip()
        if not stripped:
            continue
        if stripped.startswith(_CONFLICT):
            conflicts += 1
            continue
        try:
            raw = read_json(stripped)
        except ValueError:
            broken += 1
            continue
        if not isinstance(raw, dict):
            broken += 1
            continue
        bead = parse_bead(raw, repo=repo)
        if bead is not None:
            beads[bead.id] = bead
        elif raw.get("_type", "issue") == "issue":
            broken += 1
    warnings = []
    if conflicts:
        warnings.append(f"{path.name} holds git conflict lines; of a bead that is there twice the later line counts")
    if broken:
        warnings.append(f"{path.name}: {broken} line{'s' if broken > 1 else ''} could not be read")
    return list(beads.values()), warnings

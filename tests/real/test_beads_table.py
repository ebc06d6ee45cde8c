"""Every status, kind of dependency, gate and type: what bd calls ready, and what we read from the same lines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.beads import BeadsBook
from bot.beads.graph import ready, resolve
from bot.beads.jsonl import read_jsonl
from bot.settings import tool_environment
from tests.patience import PATIENCE_S
from tests.real.installed import need

AT, LATER = "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
# internal/types/types.go of bd 1.3.0: AllStatuses, AllDependencyTypes; a kind of one's own is let in too.
STATUSES = "open in_progress blocked deferred closed pinned hooked".split()
KINDS = (
    "blocks parent-child conditional-blocks waits-for related discovered-from replies-to relates-to duplicates "
    "supersedes authored-by assigned-to approved-by attests tracks until caused-by validates delegated-from own-kind "
    "Blocks"
).split()
TYPES = "bug feature task epic chore decision message molecule gate spike story milestone event".split()
GATES = (
    "", "{}", '{"gate":"all-children"}', '{"gate":"any-children"}', '{"gate":"odd"}',
    '{"gate":"any-children","also_blocks":true}', '{"gate":"any-children","also_blocks":false}',
    '{"gate":"any-children","also_blocks":"true"}', '{"gate":"any-children","also_blocks":1}',
)  # fmt: skip

Line = dict[str, Any]


def issue(name: str, status: str = "open", *edges: tuple[str, ...], **more: object) -> Line:
    """A line of an export; an edge is (target, kind) or (target, kind, metadata)."""
    dependencies = [
        {"issue_id": name, "depends_on_id": on, "type": kind, "created_at": AT, **({"metadata": m[0]} if m else {})}
        for on, kind, *m in edges
    ]
    dates = {"created_at": AT, "updated_at": AT, **({"closed_at": AT} if status == "closed" else {})}
    what = {"id": name, "title": name, "status": status, "priority": 2, "issue_type": "task"}
    return {**what, **dates, **({"dependencies": dependencies} if dependencies else {}), **more}


def lines() -> Iterator[Line]:
    for status in STATUSES:
        target = f"x-{status.replace('_', '')}"
        yield issue(target, status)
        yield from (issue(f"{target}.{number}", "open", (target, kind)) for number, kind in enumerate(KINDS))
    yield from (issue(f"x-type{kind}", issue_type=kind) for kind in TYPES)
    yield issue("y-1", "open", ("y-2", "blocks"))
    yield issue("y-2")
    for number, other in enumerate(("external:shop:cart", "y-1", "z-1")):
        for kind in ("blocks", "parent-child", "waits-for", "conditional-blocks"):
            yield issue(f"x-out{number}{kind.replace('-', '')}", "open", (other, kind))
    for status in STATUSES:  # a parent that waits for somebody, and those below it
        parent = f"x-par{status.replace('_', '')}"
        yield issue(parent, status, ("x-open", "blocks"))
        yield issue(f"{parent}.1", "open", (parent, "parent-child"))
        yield issue(f"{parent}.1.1", "open", (f"{parent}.1", "parent-child"))
        later = f"x-lat{status.replace('_', '')}"  # one that is put off
        yield issue(later, status, defer_until=LATER)
        yield issue(f"{later}.1", "open", (later, "parent-child"))
        yield issue(f"{later}.1.1", "open", (f"{later}.1", "parent-child"))
        spawner = f"x-gate{status.replace('_', '')}"  # children of each status behind a gate
        yield issue(spawner)
        yield issue(f"{spawner}.1", status, (spawner, "parent-child"))
        for number, gate in enumerate(GATES):
            waits = (spawner, "waits-for", gate) if gate else (spawner, "waits-for")
            yield issue(f"x-w{status.replace('_', '')}{number}", "open", waits)
    yield issue("x-past", defer_until="2020-01-01T00:00:00Z")
    yield issue("x-flag", "open", pinned=True)
    yield issue("x-onflag", "open", ("x-flag", "blocks"))
    yield issue("x-bob", assignee="bob")


def bd(folder: Path, *args: str) -> Any:
    done = subprocess.run(
        [need("bd"), "--json", "--actor", "ann", *args],
        cwd=folder, env=tool_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=2 * PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"bd {args}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout) if args[0] in {"ready", "import", "show"} else None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table")
    subprocess.run(["git", "init", "-q", str(folder)], check=True, timeout=PATIENCE_S)
    bd(folder, "init", "--prefix", "x", "--non-interactive", "--skip-agents", "--skip-hooks")
    table = folder / "table.jsonl"
    table.write_text("\n".join(json.dumps(line) for line in lines()) + "\n")
    assert bd(folder, "import", str(table))["created"] == len(list(lines()))
    return folder


async def test_we_call_ready_what_bd_calls_ready(made: Path) -> None:
    theirs = {one["id"] for one in bd(made, "ready", "--limit", "0")}
    beads, warnings = read_jsonl(made / "table.jsonl")
    assert warnings == []
    assert len(beads) == len(list(lines()))
    ours = {bead.id for bead in ready(resolve(beads), datetime.now(UTC)) if bead.status == "open"}
    assert sorted(ours ^ theirs) == []
    assert len(ours) > 150
    assert len(beads) - len(ours) > 100
    # What bd offers can be claimed through us, too: the look before a claim knows the same rules.
    beads_of = await (await BeadsBook(tool_environment(), binary=need("bd")).for_workdir(made)).snapshot()
    assert {bead.id for bead in beads_of.ready} == theirs
    book = await BeadsBook(tool_environment(), binary=need("bd")).for_workdir(made)
    for name in ("x-pinned.0", "x-out0blocks", "x-out1blocks", "x-out2blocks"):
        assert name in theirs
        assert (await book.show(name)).blocked_by == ()


def test_of_one_id_the_newest_line_counts_as_in_an_import(made: Path) -> None:
    old, new = issue("x-twice", title="old"), issue("x-twice", title="new") | {"updated_at": "2026-03-01T00:00:00Z"}
    for name, both in (("x-twice", [old, new]), ("x-again", [new, old])):
        file = made / f"{name}.jsonl"
        file.write_text("\n".join(json.dumps({**one, "id": name}) for one in both))
        bd(made, "import", str(file))
        assert bd(made, "show", name)[0]["title"] == "new"
        assert [bead.title for bead in read_jsonl(file)[0]] == ["new"]

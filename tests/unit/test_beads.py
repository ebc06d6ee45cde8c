"""Reading beads: shapes, exports met in the wild, what is ready, where they lie."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.beads.bd import payload
from bot.beads.graph import ready, resolve
from bot.beads.jsonl import find_jsonl, read_jsonl
from bot.beads.locate import locate
from bot.beads.model import parse_bead
from bot.beads.sample import sample_lines, write_sample

NOW = datetime(2026, 9, 24, tzinfo=UTC)


def issue(name: str, *blockers: str, kind: str = "blocks", **more: object) -> dict[str, object]:
    edges = [{"issue_id": name, "depends_on_id": on, "type": kind} for on in blockers]
    return {"id": name, "title": name, "status": "open", "priority": 2, "dependencies": edges} | more


def ready_ids(*issues: dict[str, object]) -> list[str]:
    beads = [bead for raw in issues if (bead := parse_bead(raw))]
    return [bead.id for bead in ready(resolve(beads), NOW)]


def test_ready_knows_blockers_parents_and_dates() -> None:
    assert ready_ids(issue("a"), issue("b", "a"), issue("c", "b")) == ["a"]
    assert ready_ids(issue("a", status="closed"), issue("b", "a")) == ["b"], "a closed blocker blocks no more"
    assert ready_ids(issue("b", "gone")) == ["b"], "nor does one that is not there"
    assert ready_ids(issue("a"), issue("b", "a", kind="related")) == ["a", "b"]
    assert ready_ids(issue("a"), issue("p", "a"), issue("k", "p", kind="parent_child")) == ["a"], "a parent's block"
    assert ready_ids(issue("p"), issue("k", "p", kind="parent-child")) == ["k", "p"], "a parent alone is no block"
    gate = (issue("w", "p", kind="waits-for"), issue("p"))
    assert ready_ids(*gate) == ["p", "w"], "waits-for waits for the children of p, and there are none"
    assert ready_ids(*gate, issue("k", "p", kind="parent-child")) == ["k", "p"]
    assert ready_ids(issue("a", "b"), issue("b", "a")) == [], "a loop is no crash"
    assert ready_ids(issue("p", "k", kind="parent-child"), issue("k", "p", kind="parent-child")) == ["k", "p"]
    assert ready_ids(issue("a", defer_until="2026-09-25T00:00:00Z")) == []
    assert ready_ids(issue("a", defer_until="2026-09-23T00:00:00Z")) == ["a"]
    assert ready_ids(issue("a", status="tombstone"), issue("b", status="blocked"), issue("c", pinned=True)) == []


def test_what_waits_is_counted_and_named() -> None:
    raw = [issue("a"), issue("b", "a"), issue("c", "a"), issue("d", "a", status="closed")]
    beads = [bead for one in raw if (bead := parse_bead(one))]
    found = {bead.id: bead for bead in resolve(beads)}
    assert found["a"].dependents_count == 2 and found["b"].blocked_by == ("a",) and "d" not in found


def test_order_is_priority_unblocking_age() -> None:
    raw = [
        issue("young", created_at="2026-09-03T00:00:00Z"),
        issue("old", created_at="2026-09-01T00:00:00+02:00"),
        issue("key", created_at="2026-09-09T00:00:00Z"),
        issue("urgent", priority=0),
        issue("later", "key"),
    ]
    assert ready_ids(*raw) == ["urgent", "key", "old", "young"]


@pytest.mark.parametrize(
    "bad", [{}, {"id": 3}, {"id": "--help"}, {"id": "a b"}, {"id": "a\n"}, {"_type": "memory", "id": "a"}]
)
def test_an_unusable_id_is_no_bead(bad: dict[str, object]) -> None:
    assert parse_bead(bad) is None


def test_wrong_types_count_as_absent() -> None:
    bead = parse_bead({"id": "a-1", "title": "  two\n lines ", "priority": True, "labels": "x", "dependencies": [3, {}],
                       "created_at": "soon", "description": None})  # fmt: skip
    assert bead is not None
    assert (bead.title, bead.priority, bead.labels, bead.edges, bead.created_at) == ("two lines", 2, (), (), None)


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_no_text_of_a_bead_harms_a_terminal_a_database_or_a_prompt(words: str) -> None:
    raw = {
        "id": "a-1",
        "metadata": {"paths": [words]},
        "dependencies": [{"depends_on_id": words, "type": "blocks"}],
        "labels": [words],
        **dict.fromkeys(["title", "description", "acceptance_criteria", "notes", "assignee", "status"], words),
    }
    bead = parse_bead(raw)
    assert bead is not None
    texts = [bead.title, bead.description, bead.acceptance, bead.notes, bead.assignee, bead.status]
    for text in (*texts, *bead.labels, *bead.paths, *(edge.on for edge in bead.edges)):
        assert not [one for one in text if unicodedata.category(one) in {"Cc", "Cs"} and one not in "\t\n"]


def test_both_forms_of_dependencies_and_answers() -> None:
    resolved = parse_bead({"id": "a-1", "dependencies": [{"id": "a-2", "dependency_type": "blocks", "status": "open"}]})
    raw = parse_bead(issue("a-1", "a-2"))
    assert resolved is not None and raw is not None and resolved.edges == raw.edges
    assert payload({"schema_version": 1, "data": [1]}) == [1] == payload([1])


def test_paths_from_metadata_or_text() -> None:
    for raw in (
        {"metadata": {"paths": ["a/**", "b"]}},
        {"metadata": {"paths": "a/**, b"}},
        {"description": "x\nPaths: `a/**`, b\ny"},
    ):
        bead = parse_bead({"id": "a-1", **raw})
        assert bead is not None and bead.paths == ("a/**", "b")


def test_a_real_world_file(tmp_path: Path) -> None:
    path = tmp_path / "issues.jsonl"
    lines = [
        json.dumps({"_type": "memory", "id": "m", "key": "k"}),
        json.dumps(issue("a-1", comments=[{"id": 3, "text": "int id"}])),
        "<<<<<<< HEAD",
        json.dumps(issue("a-2", title="ours")),
        "=======",
        json.dumps(issue("a-2", title="theirs")),
        ">>>>>>> branch",
        '{"id": "a-3", "ti',
        "[1]",
        "",
    ]
    path.write_bytes(("\ufeff" + "\r\n".join(lines)).encode())
    beads, warnings = read_jsonl(path, repo="/r")
    assert [(b.id, b.title, b.repo) for b in beads] == [("a-1", "a-1", "/r"), ("a-2", "theirs", "/r")]
    assert len(warnings) == 2 and "conflict" in warnings[0] and "2 lines" in warnings[1]


def test_which_file(tmp_path: Path) -> None:
    assert find_jsonl(tmp_path) is None
    (tmp_path / "beads.jsonl").touch()
    assert find_jsonl(tmp_path) == tmp_path / "beads.jsonl"
    (tmp_path / "issues.jsonl").touch()
    assert find_jsonl(tmp_path) == tmp_path / "issues.jsonl"
    (tmp_path / "own.jsonl").touch()
    (tmp_path / "metadata.json").write_text('{"jsonl_export": "own.jsonl"}')
    assert find_jsonl(tmp_path) == tmp_path / "own.jsonl"
    (tmp_path / "metadata.json").write_text('{"jsonl_export": "../../etc/passwd"}')
    assert find_jsonl(tmp_path) == tmp_path / "issues.jsonl"


def test_the_nearest_beads_above_and_the_main_checkout_of_a_worktree(tmp_path: Path) -> None:
    main, tree = tmp_path / "main", tmp_path / "trees" / "w1"
    (main / "src").mkdir(parents=True)
    (main / ".git" / "worktrees" / "w1").mkdir(parents=True)
    (tree / "src").mkdir(parents=True)
    (tree / ".git").write_text(f"gitdir: {main}/.git/worktrees/w1\n")
    assert locate(main / "src") is None and locate(tree / "src") is None
    write_sample(main)
    write_sample(tree)
    for folder in (main / "src", tree / "src"):
        place = locate(folder)
        assert place is not None and place.repo == main and not place.database and place.jsonl is not None
    (main / ".beads" / "embeddeddolt").mkdir()
    place = locate(tree)
    assert place is not None and place.repo == main and place.database
    shared = tmp_path / "shared" / ".beads"
    shared.mkdir(parents=True)
    (main / ".beads" / "redirect").write_text("../shared/.beads\n")
    place = locate(main)
    assert place is not None and place.repo == tmp_path / "shared" and not place.database


def test_the_sample_is_twelve_good_beads(tmp_path: Path) -> None:
    path = write_sample(tmp_path)
    beads, warnings = read_jsonl(path)
    assert warnings == [] and len(beads) == 12 == len(sample_lines())
    assert next(bead for bead in beads if bead.id == "shop-41").title == "Cart totals wrong on mobile"
    work = [bead.id for bead in ready(resolve(beads), NOW)]
    assert work[:3] == ["shop-55", "shop-17", "shop-41"] and "shop-38" not in work and "shop-53" not in work
    path.write_text("mine\n")
    assert write_sample(tmp_path).read_text() == "mine\n", "never over somebody's own"

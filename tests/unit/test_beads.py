"""Reading beads: shapes, exports met in the wild, what is ready, where they lie."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import atomic
from bot.beads.bd import _error_text, payload
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


# As bd 1.3.0 says, see tests/real/test_beads_table.py; `deleted` and `tombstone` are of older and other writers.
NEVER_HOLD_UP = {"closed", "tombstone", "deleted", "pinned"}
STATUSES = ["open", "in_progress", "blocked", "deferred", "hooked", "triage", *sorted(NEVER_HOLD_UP)]
KINDS = (
    "blocks conditional-blocks parent-child related discovered-from replies-to relates-to duplicates supersedes "
    "authored-by assigned-to approved-by attests tracks until caused-by validates delegated-from own-kind Blocks"
).split()


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_status_with_every_kind(status: str, kind: str) -> None:
    beads = [bead for raw in (issue("a", status=status), issue("b", "a", kind=kind)) if (bead := parse_bead(raw))]
    held = kind in {"blocks", "conditional-blocks"} and status not in NEVER_HOLD_UP
    assert ("b" in [one.id for one in ready(resolve(beads), NOW)]) is not held
    assert ("a" in [one.id for one in ready(resolve(beads), NOW)]) is (status in {"open", "in_progress"})


@pytest.mark.parametrize("other", ["external:shop:cart", "y-1", "plain"])
@pytest.mark.parametrize("kind", ["blocks", "parent-child", "waits-for"])
def test_what_is_not_in_this_database_holds_nobody_up(other: str, kind: str) -> None:
    """Nor does another prefix whose bead stands in the file."""
    assert "x-1" in ready_ids(issue("x-1", other, kind=kind), issue("y-1", "y-2"), issue("y-2"), issue("plain", "y-2"))


def test_a_parent_that_is_done_or_pinned_hands_nothing_on() -> None:
    kid = issue("k", "p", kind="parent-child")
    assert "k" not in ready_ids(issue("a"), issue("p", "a"), kid)
    for status in sorted(NEVER_HOLD_UP):
        assert "k" in ready_ids(issue("a"), issue("p", "a", status=status), kid)
    assert ready_ids(issue("p", defer_until="2099-01-01T00:00:00Z", status="closed"), kid) == [], "as bd has it"
    grandkid = issue("g", "k", kind="parent-child")
    assert ready_ids(issue("p", defer_until="2099-01-01T00:00:00Z"), kid, grandkid) == ["g"], "as bd has it"
    assert ready_ids(issue("p", "k"), kid, grandkid) == ["k", "g"], "a parent that waits for its child holds up none"


def gate_on(metadata: object) -> list[str]:
    waiting = {"depends_on_id": "g", "type": "waits-for", "metadata": metadata}
    done, left = issue("c1", "g", kind="parent-child", status="closed"), issue("c2", "g", kind="parent-child")
    return ready_ids(issue("g"), done, left, {**issue("w"), "dependencies": [waiting]})


@pytest.mark.parametrize(
    ("metadata", "is_ready"),
    [
        ('{"gate":"all-children"}', False), ('{"gate":"any-children"}', True), ("{}", False), ('{"gate":"odd"}', False),
        ('{"gate":"any-children","also_blocks":true}', False), ('{"gate":"any-children","also_blocks":false}', True),
        ('{"gate":"any-children","also_blocks":"true"}', False), ('{"gate":"any-children","also_blocks":1}', True),
        ({"gate": "any-children"}, True), (None, False), ("[", False), ("{" * 5000, False), ([7], False),
    ],
)  # fmt: skip
def test_the_gates_of_waits_for(metadata: object, is_ready: bool) -> None:
    assert ("w" in gate_on(metadata)) is is_ready


@pytest.mark.parametrize("kind", ["message", "molecule", "gate", "merge-request", "rig", "agent", "role"])
def test_types_that_bd_never_calls_ready(kind: str) -> None:
    assert ready_ids(issue("a", issue_type=kind), issue("b", "a")) == [], "but they hold others up"


def test_a_long_chain_and_a_wide_tree_are_resolved_in_a_moment() -> None:
    chain = [
        issue("a"),
        issue("p0", "a"),
        *(issue(f"p{n}", f"p{n - 1}", kind="parent-child") for n in range(1, 20_000)),
    ]
    wide = [issue(f"k{n}", "p0", kind="parent-child") for n in range(20_000)]
    began = time.process_time()
    assert ready_ids(*chain, *wide) == ["a"]
    assert time.process_time() - began < 5


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
    resolved = parse_bead({"id": "a-1", "dependencies": [{"id": "a-2", "dependency_type": "blocks"}]})
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


CASES = {
    # The newest counts, wherever it stands.
    "older last": [("x-1", "closed", "2026-03-01T00:00:00Z"), ("x-1", "open", "2026-01-01T00:00:00Z")],
    "older first": [("x-1", "open", "2026-01-01T00:00:00Z"), ("x-1", "closed", "2026-03-01T00:00:00Z")],
    "other zone": [("x-1", "closed", "2026-03-01T00:30:00+02:00"), ("x-1", "open", "2026-02-28T22:00:00Z")],
    "undated last": [("x-1", "closed", "2026-03-01T00:00:00Z"), ("x-1", "open", None)],
    "dated by nonsense": [("x-1", "closed", "2026-03-01T00:00:00Z"), ("x-1", "open", "9999-99-99T00:00:00Z")],
    "a tie": [("x-1", "open", "2026-01-01T00:00:00Z"), ("x-1", "closed", "2026-01-01T00:00:00Z")],
}


@pytest.mark.parametrize("case", CASES)
def test_of_one_id_the_line_that_was_updated_last_counts(tmp_path: Path, case: str) -> None:
    path = tmp_path / "issues.jsonl"
    path.write_text("\n".join(json.dumps(issue(i, status=s, updated_at=at)) for i, s, at in CASES[case]))
    assert [bead.status for bead in read_jsonl(path)[0]] == ["closed"]


def test_a_header_is_no_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "issues.jsonl"
    path.write_text(f'{{"_schema":"beads-jsonl/1","_sort":"stable-v1"}}\n{json.dumps(issue("a-1"))}\n')
    beads, warnings = read_jsonl(path)
    assert ([bead.id for bead in beads], warnings) == (["a-1"], [])


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "open", "{", '{"gate":1}', "a-2"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=6,
)  # fmt: skip
FIELDS = (
    "id _type _schema title status priority issue_type description acceptance_criteria notes labels assignee "
    "created_at updated_at started_at dependent_count parent metadata defer_until dependencies pinned ephemeral "
    "wisp is_template"
).split()
EDGE = st.dictionaries(
    st.sampled_from("issue_id depends_on_id id type dependency_type metadata status".split()), ANY | st.just("a-2")
)


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(FIELDS), ANY), max_size=4),
    st.dictionaries(st.sampled_from(FIELDS[3:]), ANY | st.lists(EDGE | ANY, max_size=4)),
)
def test_no_value_in_any_field_breaks_the_reader_or_another_bead(
    tmp_path_factory: pytest.TempPathFactory, odd: list[dict[str, object]], fields: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.jsonl"
    good = issue("good-1", updated_at="2026-01-01T00:00:00Z")
    lines = [*odd, {"id": "odd-1", **fields}, *({**one, "id": "odd-2"} for one in odd), good]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    beads, _ = read_jsonl(path)
    found = {bead.id: bead for bead in resolve(beads)}
    assert found["good-1"] == next(b for b in beads if b.id == "good-1")
    assert "good-1" in [bead.id for bead in ready(found.values(), NOW)]
    for bead in beads:
        json.dumps(bead.as_dict()).encode()
        assert 0 <= bead.priority <= 4
        hash(bead)


@settings(deadline=None)
@given(ANY | st.lists(st.dictionaries(st.sampled_from(FIELDS), ANY), max_size=3), st.text(max_size=30))
def test_no_answer_of_bd_breaks_its_reader(answer: object, words: str) -> None:
    for said in (answer, {"schema_version": 1, "data": answer}, {"error": answer}, {"data": {"error": answer}}):
        beads = [parse_bead(one) for one in payload(said) if isinstance(one, dict)]
        resolve(bead for bead in beads if bead is not None)
        assert isinstance(_error_text(f"{words}\n{json.dumps(said)}"), str)


def test_a_huge_file_is_refused_and_one_that_grows_is_read_as_far_as_it_went(tmp_path: Path) -> None:
    huge = tmp_path / "huge.jsonl"
    with huge.open("wb") as file:
        file.truncate(2_200_000_000)
    with pytest.raises(ValueError, match="larger than 200 MB"):
        read_jsonl(huge)
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="no file"):
        read_jsonl(pipe)
    (tmp_path / "metadata.json").symlink_to(huge)
    assert find_jsonl(tmp_path) is None


def test_a_file_that_is_replaced_while_it_is_read_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    path, stop = tmp_path / "issues.jsonl", threading.Event()
    texts = ["".join(json.dumps(issue(f"{name}-{n}", title="x" * 200)) + "\n" for n in range(300)) for name in "ab"]

    def replace() -> None:
        for text in itertools.cycle(texts):
            atomic.write(path, text)
            if stop.is_set():
                return

    atomic.write(path, texts[0])
    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for _ in range(50):
            beads, warnings = read_jsonl(path)
            assert (len(beads), warnings) == (300, [])
            assert len({bead.id[0] for bead in beads}) == 1
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize(
    "named", [b"", b"\0", b"../" * 3000, b"x" * 5000, b"loop/.beads", b"/nowhere/.beads", b"\xed\xa0\x80"]
)
def test_a_redirect_that_leads_nowhere_is_none(tmp_path: Path, named: bytes) -> None:
    write_sample(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / ".beads" / "redirect").write_bytes(named)
    (tmp_path / ".beads" / "metadata.json").write_text(json.dumps({"jsonl_export": "y" * 5000}))
    place = locate(tmp_path)
    assert place is not None and place.repo == tmp_path and place.jsonl == tmp_path / ".beads" / "issues.jsonl"


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

"""What the CLIs' records prove of a prompt: tables of entries in the order that the real CLIs write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.delivery.evidence import Proof, match
from bot.agents.delivery.model import Evidence
from bot.agents.delivery.rows import delivery_of
from bot.clis.codex.cli import Codex
from bot.clis.entry import Entry, EntryKind
from bot.store.tables import DeliveryRow

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
REF = "dk7q2m3f9"
SENT = f"do\tit\nref: {REF}"


def entry(kind: EntryKind, text: str = "", seconds: float = 0, id: str = "", **data: object) -> Entry:
    return Entry(kind, NOW + timedelta(seconds=seconds), text, id, data)


def after(*entries: Entry, told: tuple[str, ...] = ()) -> Proof:
    return match(Proof(), entries, text=SENT, ref=REF, told=told)


OURS = entry("user", SENT, 3, turn="t2")
OTHER = entry("user", "something else", 1, turn="t1")


def test_evidence_needs_our_text_and_then_an_answer() -> None:
    assert after(OTHER, entry("model", "hi", 2)) == Proof()
    wrapped = f'<pasted_content id="b0">\ndo    it\nref: {REF}\n</pasted_content id="b0">\n'
    proof = after(OTHER, entry("user", wrapped, 3))
    assert (proof.submitted, proof.started, proof.altered) == (True, False, False)
    assert proof.submitted_at == NOW + timedelta(seconds=3)
    assert after(entry("user", f"mine {SENT}")).altered
    assert not match(Proof(), [entry("user", "/compact now")], text="/compact", ref="").submitted


@pytest.mark.parametrize(
    ("later", "started", "over"),
    [
        ([entry("usage", seconds=4)], False, False),
        ([entry("model", "yes", 4)], True, False),
        ([entry("tool", "ls", 4, name="shell")], True, False),
        ([entry("tool", "file", 4, result=True)], False, False),  # of a call that was made before
        ([entry("model", "late", 2)], False, False),  # a line of the turn before, written late
        ([entry("model", "late", 4, turn="t1")], False, False),
        ([entry("turn_end", seconds=4, id="t1")], False, False),
        ([entry("turn_end", seconds=4, id="t2")], False, True),  # an end is no answer
        ([entry("aborted", seconds=4, id="t2"), entry("user", "", 5, turn="t3"), entry("model", "x", 6)], False, True),
        ([entry("user", "other", 5, turn="t3"), entry("model", "x", 6, turn="t3")], False, True),
        ([entry("user", "a steer", 5, turn="t2"), entry("model", "x", 6, turn="t2")], True, False),
        ([entry("user", "a steer of Claude's", 5, joins=True), entry("model", "x", 6)], True, False),
        ([entry("limit", seconds=4)], False, True),
        ([entry("model", "x", 4), entry("turn_end", seconds=5, id="t2")], True, True),
    ],
)  # fmt: skip
def test_started_needs_output_of_the_turn_that_took_it(later: list[Entry], started: bool, over: bool) -> None:
    proof = after(OTHER, OURS, *later)
    assert (proof.submitted, proof.started, proof.over) == (True, started, over)
    assert proof.limited == any(one.kind == "limit" for one in later)


def test_a_queued_text_is_no_evidence_until_it_is_taken() -> None:
    queued = after(entry("queued", SENT))
    assert (queued.queued, queued.submitted, queued.entered) == (True, False, True)
    assert not after(entry("queued", SENT), entry("unqueued", f"{SENT} glued")).queued
    assert after(entry("queued", SENT), entry("unqueued", "another")).queued
    # Between two steps of the turn under way; its time is when it was queued, before the lines around it.
    joined = after(entry("queued", SENT, 2), entry("model", "", 4), entry("user", SENT, 2, joins=True))
    assert joined.submitted and not joined.started
    proof = match(joined, [entry("tool", "ls", 5)], text=SENT, ref=REF)
    assert proof.started


def test_what_a_hook_turned_away_is_no_prompt() -> None:
    """As Claude Code 2.1.328 records it: the prompt in the words of the block, or before it where it was kept."""
    blocked = after(entry("blocked", "not on fridays", prompt=SENT))
    assert (blocked.blocked, blocked.submitted, blocked.entered) == ("not on fridays", False, True)
    assert after(entry("blocked", "no", prompt="another")).blocked is None
    stopped = after(OURS, entry("blocked", "stop", 4, prompt=""))
    assert stopped.blocked == "stop"
    assert after(OURS, entry("model", "x", 4), entry("blocked", "stop", 5, prompt="")).blocked is None
    assert after(OTHER, entry("blocked", "stop", 2, prompt="")).blocked is None


@pytest.mark.parametrize(
    ("entries", "told", "empty", "stopped"),
    [
        ([entry("turn_start", id="t2"), entry("turn_end", id="t2", last="")], (), True, False),
        ([entry("turn_start", id="t2"), entry("turn_end", id="t2", last="", error="overloaded")], (), False, False),
        ([entry("turn_start", id="t2"), OTHER, entry("turn_end", id="t2", last="")], (), False, False),
        ([entry("turn_start", id="t2"), entry("compacted"), entry("turn_end", id="t2", last="")], (), False, False),
        ([entry("turn_end", id="t1", last="")], (), False, False),
        ([entry("turn_end", id="t1", last="")], ("t1",), True, False),  # a steer, which ends the turn it met
        ([entry("turn_end", id="t1", last="done")], ("t1",), False, False),
        ([entry("turn_start", id="t2"), entry("aborted", id="t2")], (), False, True),
        ([entry("aborted", id="t1")], ("t1",), False, False),  # a steer that waited is sent then
    ],
)
def test_codex_records_only_an_empty_turn_of_what_was_turned_away(
    entries: list[Entry], told: tuple[str, ...], empty: bool, stopped: bool
) -> None:
    proof = after(*entries, told=told)
    assert (proof.empty, proof.stopped, proof.submitted) == (empty, stopped, False)


@pytest.mark.parametrize(("kind", "evidence"), [("hook", None), ("rollout", Evidence("rollout", NOW))])
def test_a_row_of_before_that_a_hook_alone_proved_shows_no_evidence(kind: str, evidence: Evidence | None) -> None:
    row = DeliveryRow(id=REF, agent="w1", text=SENT, mode="idle", status="submitted", created_by="x", notes=[])
    row.evidence_kind, row.evidence_at = kind, NOW
    assert delivery_of(row).evidence == evidence


KINDS: list[EntryKind] = [
    "user", "model", "tool", "turn_start", "turn_end", "aborted", "blocked", "limit", "queued", "unqueued", "compacted",
]  # fmt: skip


@given(
    st.lists(
        st.builds(
            entry,
            st.sampled_from(KINDS),
            st.sampled_from(["", "something else"]),
            st.floats(0, 9),
            st.sampled_from(["", "t1", "t2"]),
        )
    )
)
def test_nothing_but_a_record_of_our_text_proves_it(entries: list[Entry]) -> None:
    proof = after(*entries)
    assert not (proof.submitted or proof.started or proof.queued or proof.limited)
    assert proof.blocked is None


BLOCKED = """\
› do it
  ref: dk7q2m3f9

• Blocked by hook
  └ policy: no deploys
    on friday <b>

  Worked for <1s • 18:29

› Ask Codex to do anything
"""
QUEUED = """\
• Working (4s • esc to interrupt) · 1 background terminal running · /ps to view · /stop to close

• Messages to be submitted after next tool call (press esc to interrupt and send immediately)
  ↳ line 0 word word
    word
    …
  ↳ second short
    ref: dtwo

› Ask Codex to do anything
"""


def test_codex_shows_the_words_of_a_hook_and_what_it_keeps_in_its_queue() -> None:
    codex = Codex()
    assert codex.turned_away(BLOCKED) == "policy: no deploys on friday <b>"
    assert codex.turned_away(BLOCKED + BLOCKED.replace("Blocked by hook", "Hook stopped").replace("no d", "D")) == (
        "policy: Deploys on friday <b>"
    )
    assert codex.turned_away("• Blocked by hook\n\n› Ask") == ""
    assert codex.turned_away(QUEUED) is None
    assert [" ".join(one.split()) for one in codex.queue(QUEUED)] == ["line 0 word word word", "second short ref: dtwo"]
    assert codex.queue(BLOCKED) == []

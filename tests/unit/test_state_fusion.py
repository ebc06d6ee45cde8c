"""Many witnesses, one state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.state.files import FileFacts
from bot.agents.state.fusion import FRESH_S, RACE_S, SETTLE_S, Signal, Source, Trust, from_reading, fuse
from bot.agents.state.signals import from_files
from bot.agents.state.turn import Phase, Turn, follow
from bot.clis.entry import Entry
from bot.clis.model import State
from bot.clis.screens import read_text
from tests.unit.captured import capture

ALIVE = Signal("process", None, 0.0, "codex in front")


def hook(vote: State, age: float) -> Signal:
    return Signal("hook", vote, age, "event")


def file(vote: State, age: float) -> Signal:
    return Signal("file", vote, age, "line")


def screen(vote: State | None, age: float = 0.0, trust: Trust = "high", draft: str | None = None) -> Signal:
    return Signal("screen", vote, age, "look", trust, draft)


def title(vote: State | None, age: float = 0.0) -> Signal:
    return Signal("title", vote, age, "title")


W, I, Q, L, E = State.WORKING, State.IDLE, State.WAITING, State.LIMITED, State.ERROR  # noqa: E741
C = State.COMPOSING


@pytest.mark.parametrize(
    ("signals", "state"),
    [
        # nothing, or nothing that tells
        ([], State.UNKNOWN),
        ([ALIVE], State.UNKNOWN),
        ([ALIVE, screen(None)], State.UNKNOWN),
        # one witness
        ([screen(I)], I),
        ([screen(I, trust="low")], I),
        ([hook(W, 3.0)], W),
        ([file(I, 400.0)], I),
        # a dialog is always waiting, whatever was told
        ([screen(Q), hook(W, 0.0)], Q),
        ([screen(Q), hook(I, 0.0), file(W, 0.0)], Q),
        ([title(Q), screen(I)], Q),
        # streaming Codex: its title or its rollout tell, its screen does not
        ([title(W), screen(I, trust="low")], W),
        ([file(W, 40.0), screen(I, trust="low")], W),
        ([file(W, 40.0), screen(None, trust="low")], W),
        # an interrupted turn fires no Stop: the look is fresher than the last hook
        ([hook(W, 40.0), screen(I)], I),
        # a turn has just begun: the CLI has not drawn it yet
        ([hook(W, 0.3), screen(I)], W),
        ([hook(W, 0.3), screen(I, 0.6)], W),
        # a late event of the same moment answers no question
        ([hook(Q, 0.4), hook(W, 0.1), screen(W)], Q),
        ([hook(Q, 30.0), hook(W, 1.0), screen(W)], W),
        # Codex shows no dialog while its permission hook waits for an answer (age 0)
        ([hook(Q, 0.0), title(W), screen(W)], Q),
        # answered at the terminal: the spinner is back
        ([hook(Q, 20.0), screen(W)], W),
        # idle was told, but a spinner turns
        ([hook(I, 5.0), screen(W)], W),
        ([hook(I, 0.1), screen(W, 0.5)], W),
        # limits: told by the files, or seen below the last prompt
        ([file(L, 100.0), screen(I)], L),
        ([file(I, 3.0), screen(L)], L),
        ([file(L, 3.0), file(I, 2.9), screen(I)], L),
        ([file(L, 300.0), file(W, 0.5), screen(I)], W),
        ([hook(W, 0.5), screen(L)], W),
        ([hook(W, 50.0), screen(L)], L),
        # errors
        ([hook(I, 3.0), screen(E)], E),
        ([hook(E, 3.0), screen(I)], E),
        # a person's text
        ([screen(C, draft="half a thought")], C),
        ([hook(I, 9.0), screen(C, draft="x")], C),
        ([hook(W, 0.5), screen(C, draft="x")], W),
        ([screen(W, draft="x")], W),
        ([file(L, 9.0), screen(C, draft="x")], L),
        # old looks are none
        ([hook(W, 60.0), screen(I, FRESH_S + 1)], W),
        # no CLI, or one that is held
        ([Signal("process", State.DEAD, 0.0), hook(W, 0.1), screen(I)], State.DEAD),
        ([Signal("registry", State.STOPPED, 5.0), hook(W, 0.1), screen(I)], State.STOPPED),
        ([Signal("registry", State.STOPPED, 5.0), Signal("process", State.DEAD, 0.0)], State.STOPPED),
        ([Signal("registry", State.STOPPED, 0.1), ALIVE, screen(W)], W),
        ([Signal("process", State.FROZEN, 0.0), title(W), screen(Q)], State.FROZEN),
        ([Signal("process", State.STARTING, 2.0), screen(I)], State.STARTING),
    ],
)
def test_fuse(signals: list[Signal], state: State) -> None:
    assert fuse(signals).state is state
    assert fuse(signals[::-1]).state is state  # the order in which they are asked is no evidence


NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("phase", "started", "votes"),
    [
        ("working", 30, [W]),
        ("working", 5, []),  # killed in the middle of a turn and started again: nobody works at it any more
        ("limited", 5, [L]),  # a limit outlives the program that met it
        ("idle", 5, [I]),
        ("working", None, [W]),  # adopted: nobody knows when it was started
    ],
)
def test_a_turn_that_ended_with_its_program_is_no_work(phase: Phase, started: int | None, votes: list[State]) -> None:
    facts = FileFacts(turn=Turn(phase, NOW - timedelta(seconds=20)))
    since = NOW - timedelta(seconds=started) if started is not None else None
    assert [s.vote for s in from_files(facts, NOW, since)] == votes


def test_a_turn_begun_after_one_that_was_cut_off_is_dated_anew() -> None:
    before, after = NOW - timedelta(seconds=60), NOW
    cut_off = follow(Turn(), [Entry("user", before), Entry("model", before)])
    assert follow(cut_off, [Entry("user", after)]) == replace(cut_off, at=after)


def test_the_draft_is_a_fact_beside_the_state() -> None:
    assert fuse([screen(W, draft="mine")]).draft == "mine"
    assert fuse([screen(C, draft="mine")]).draft == "mine"
    assert fuse([screen(C, FRESH_S + 1, draft="mine")]).draft is None


def test_a_look_that_cannot_tell_keeps_working_and_nothing_else() -> None:
    assert fuse([ALIVE, screen(None)], previous=W).state is W
    for state in State:
        if state is not W:
            assert fuse([ALIVE, screen(None)], previous=state).state is State.UNKNOWN


def test_a_reading_becomes_a_signal() -> None:
    shown = capture("claude-80x24-streaming-draft")
    (signal,) = from_reading(read_text("claude", shown.ansi, shown.title), "claude")
    assert (signal.source, signal.vote, signal.draft) == ("screen", W, "human draft while working")
    assert fuse([signal]).state is W


SOURCES: list[Source] = ["hook", "file", "title", "screen"]
votes = st.sampled_from([None, W, I, Q, L, E, C])
signals = st.builds(
    Signal,
    st.sampled_from(SOURCES),
    votes,
    st.floats(0, 100),
    st.just(""),
    st.sampled_from(["high", "low"]),
)


@given(st.lists(signals, max_size=6), votes, st.floats(0, 1e5), st.sampled_from(["hook", "file"]))
def test_a_stale_word_never_changes_anything(
    seen: list[Signal], vote: State | None, more: float, source: Source
) -> None:
    fresh = hook(W, 0.5)
    stale = Signal(source, vote, max([0.5, *(s.age_s for s in seen)]) + RACE_S + 0.1 + more)
    before = fuse([*seen, fresh]).state
    assert fuse([*seen, fresh, stale]).state is before


@given(st.lists(signals, max_size=6), st.sampled_from(["title", "screen"]), votes, st.floats(0, 1e5))
def test_an_old_look_never_changes_anything(
    seen: list[Signal], source: Source, vote: State | None, more: float
) -> None:
    stale = Signal(source, vote, FRESH_S + 0.01 + more, draft="x")
    assert fuse([*seen, stale]).state is fuse(seen).state


@given(st.lists(signals, max_size=8), st.floats(0, FRESH_S))
def test_a_dialog_on_a_fresh_screen_is_waiting(others: list[Signal], age: float) -> None:
    assert fuse([ALIVE, *others, screen(Q, age)]).state is Q


@given(st.lists(signals, max_size=8), st.floats(0, FRESH_S))
def test_a_spinner_on_a_fresh_screen_is_never_idle(others: list[Signal], age: float) -> None:
    assert fuse([ALIVE, *others, screen(W, age)]).state not in (I, C, State.UNKNOWN)


@given(st.lists(signals, max_size=8), st.sampled_from([State.DEAD, State.FROZEN, State.STARTING]))
def test_where_no_cli_runs_nothing_else_counts(others: list[Signal], gate: State) -> None:
    assert fuse([*others, Signal("process", gate, 0.0)]).state is gate


@given(st.permutations([hook(W, 3.0), file(I, 8.0), title(None), screen(I, 0.2), ALIVE]))
def test_order_does_not_matter(order: list[Signal]) -> None:
    assert fuse(order).state is I
    assert SETTLE_S < 3.0

"""Who calls, from a lineage: rules without a process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.caller import Caller, NotForAgents, Owned, caller_of
from bot.operations.rights import RIGHTS, check
from bot.tmux.lineage import Lineage, Mark
from bot.tmux.processes import Process

HOME = Path("/shop/.maf")
OURS, OTHERS = Mark("w1", str(HOME)), Mark("w1", "/else/.maf")


def process(pid: int, *, session: int = 900, start: float = 0.0) -> Process:
    return Process(pid, pid - 1, pid, session, -1, "S", "x", start, 0, 0.0, 0.0)


def line(*marks: Mark, whole: bool = True) -> Lineage:
    return Lineage(tuple(process(pid) for pid in (30, 20, 10)), marks, whole)


@pytest.mark.parametrize(
    ("given_", "agent"),
    [
        (line(), None),
        (line(whole=False), ""),
        (line(OURS), "w1"),
        (line(OTHERS), ""),
        (line(Mark("w2", str(HOME)), OURS), "w1"),  # what is below came from what is above, whatever it says
        (line(OURS, OTHERS), ""),
        (line(Mark("w1", "")), ""),
        (Lineage((), (), whole=False), ""),
    ],
)
def test_marks_tell_the_agent(given_: Lineage, agent: str | None) -> None:
    assert caller_of(given_, uid=os.getuid(), home=HOME).agent == agent


@pytest.mark.parametrize(
    ("owned", "agent"),
    [
        (Owned({(20, 0.0): "d1"}, {}), "d1"),
        (Owned({(20, 1.0): "d1"}, {}), None),  # the number is another process's now
        (Owned({}, {900: "d1"}), "d1"),
        (Owned({(30, 0.0): "low", (10, 0.0): "high"}, {}), "high"),
    ],
)
def test_a_process_of_an_agent_tells_it(owned: Owned, agent: str | None) -> None:
    assert caller_of(line(), uid=os.getuid(), home=HOME, owned=owned).agent == agent


def test_who_runs_a_bot_inside_an_agent_is_its_person() -> None:
    assert caller_of(line(OTHERS), uid=os.getuid(), home=HOME, above={OTHERS}).agent is None
    assert caller_of(line(OURS, OTHERS), uid=os.getuid(), home=HOME, above={OTHERS}).agent == "w1"


@given(
    st.lists(st.builds(Mark, st.text(min_size=1, max_size=5), st.sampled_from(["", str(HOME), "/else"])), max_size=4),
    st.booleans(),
    st.sampled_from(sorted(RIGHTS)),
    st.dictionaries(st.sampled_from(["id", "agent", "rotate", "forced"]), st.text(max_size=5) | st.booleans()),
)
def test_no_agent_gets_more_than_the_table_says(
    marks: list[Mark], whole: bool, op: str, params: dict[str, object]
) -> None:
    caller = caller_of(line(*marks, whole=whole), uid=os.getuid(), home=HOME)
    assert caller.is_agent == (bool(marks) or not whole)
    right = RIGHTS[op]
    own = bool(right.own and caller.agent and params.get(right.own) == caller.agent)
    allowed = not caller.is_agent or right.reads or (own and not any(params.get(name) for name in right.without))
    if allowed:
        check(caller, op, params)
    else:
        with pytest.raises(NotForAgents) as caught:
            check(caller, op, params)
        assert caught.value.exit_code == 1
        assert not caught.value.hint


def test_an_operation_that_nobody_named_is_for_persons() -> None:
    check(Caller(None, "cli:olga"), "new.thing", {})
    with pytest.raises(NotForAgents):
        check(Caller("w1", "agent:w1"), "new.thing", {"id": "w1"})

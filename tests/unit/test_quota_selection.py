"""Which profile serves next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.quota.selection import Candidate, select

CANDIDATES = st.lists(
    st.builds(
        Candidate,
        name=st.sampled_from("abcdefgh"),
        kind=st.sampled_from(["codex", "claude"]),
        priority=st.integers(1, 7),
        active=st.booleans(),
        tracked=st.booleans(),
        reached=st.sampled_from(["", "5h window used up"]),
        emergency=st.booleans(),
        login_needed=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda c: c.name,
)


@given(CANDIDATES, st.booleans(), st.sampled_from([None, *"abcdefgh"]))
def test_selection_never_returns_an_excluded_profile(
    candidates: list[Candidate], enforce: bool, last: str | None
) -> None:
    choice = select(candidates, enforce=enforce, last=last)
    assert choice.profile not in {name for name, _ in choice.rejected}
    rejected = {name for name, _ in choice.rejected}
    free = [c for c in candidates if c.name not in rejected]
    assert (choice.profile is None) == (not free)
    if choice.profile is not None and any(c.priority < 5 for c in free):
        chosen = next(c for c in free if c.name == choice.profile)
        assert chosen.priority == min(c.priority for c in free)


def test_equals_take_turns() -> None:
    three = [Candidate(n, "codex", 1) for n in ("a", "b", "c")]
    last, order = None, []
    for _ in range(4):
        last = select(three, last=last).profile
        order.append(last)
    assert order == ["a", "b", "c", "a"]


def test_codex_profile_forces_and_skips_the_checks() -> None:
    used_up = [Candidate("a", "codex", 1, reached="5h window used up"), Candidate("b", "codex", 2)]
    assert select(used_up, forced="a").profile == "a"
    assert select(used_up).profile == "b"
    assert select(used_up).rejected == (("a", "5h window used up"),)


@pytest.mark.parametrize(
    ("kind", "default", "chosen"),
    [("codex", "b", "b"), ("codex", "claude-sonnet-4", "a"), ("codex", None, "a"), ("claude", "b", "c")],
)
def test_switched_off_the_default_serves_or_the_highest_priority_of_that_kind(
    kind: str, default: str | None, chosen: str
) -> None:
    some = [Candidate("a", "codex", 1), Candidate("b", "codex", 2), Candidate("c", "claude", 3)]
    some.append(Candidate("off", "codex", 0, active=False))
    assert select(some, kind=kind, enabled=False, default=default).profile == chosen


def test_fallback_profiles_serve_only_when_all_others_are_used_up() -> None:
    both = [Candidate("spare", "codex", 5), Candidate("main", "codex", 4)]
    assert select(both).profile == "main"
    assert select([both[0], Candidate("main", "codex", 4, reached="used up")]).profile == "spare"


@pytest.mark.parametrize(
    ("candidate", "enforced", "switched_off"),
    [
        (Candidate("a", "codex", 1, emergency=True), "b", "a"),
        (Candidate("a", "codex", 1, reached="5h window is used up", emergency=True), "b", "b"),
        (Candidate("a", "codex", 1, login_needed=True), "b", "b"),
        (Candidate("a", "codex", 1, active=False), "b", "b"),
    ],
)
def test_without_enforcement_an_account_serves_until_it_is_used_up(
    candidate: Candidate, enforced: str, switched_off: str
) -> None:
    some = [candidate, Candidate("b", "codex", 2)]
    assert select(some, enforce=True).profile == enforced
    assert select(some, enforce=False).profile == switched_off

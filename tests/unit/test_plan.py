"""Planning: tables for each rule, properties for what must never happen."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.beads.model import Bead
from bot.broadcast.model import SENDS, Action, Headroom, ItemPlan, PlanAgent
from bot.broadcast.plan import plan
from bot.clis.model import State
from bot.packs.model import Pack
from bot.work.claims import OpenClaim
from bot.work.paths import overlap
from bot.work.routing import fits

NOW = datetime(2026, 9, 24, 12, 0, tzinfo=UTC)
REPO = "/shop"
ANY = Pack(id="any", title="Any")


def agent(name: str, role: str = "implementor", **changes: object) -> PlanAgent:
    base: dict[str, object] = {"kind": "demo", "state": State.IDLE, "repo": REPO, "workdir": Path(REPO)}
    return PlanAgent(id=name, role=role, **(base | changes))  # type: ignore[arg-type]


def bead(number: int, **changes: object) -> Bead:
    base: dict[str, object] = {
        "title": f"Task {number}",
        "created_at": NOW - timedelta(days=9) + timedelta(minutes=number),
        "updated_at": NOW - timedelta(hours=3),
        "repo": REPO,
    }
    return Bead(id=f"shop-{number}", **(base | changes))  # type: ignore[arg-type]


def made(items: list[ItemPlan]) -> dict[str, tuple[str, str]]:
    return {item.agent: (item.action.value, item.bead.id if item.bead else "") for item in items}


def test_priority_then_unblocking_then_age() -> None:
    beads = [bead(1), bead(2, dependents_count=3), bead(3, priority=0), bead(4, priority=3)]
    items = plan([agent("w1"), agent("w2"), agent("w10")], beads, [], ANY, {}, [])
    assert [(i.agent, i.bead.id if i.bead else "") for i in items] == [
        ("w1", "shop-3"),
        ("w2", "shop-2"),
        ("w10", "shop-1"),
    ]
    assert [i.reason for i in items] == [
        "best ready bead (P0)",
        "best ready bead (P2), unblocks 3",
        "best ready bead (P2)",
    ]


def test_the_bead_in_hand_comes_first() -> None:
    held = bead(17, status="in_progress", assignee="w2", started_at=NOW - timedelta(minutes=40))
    items = plan([agent("w1"), agent("w2")], [bead(41, priority=0)], [held], ANY, {}, [], now=NOW)
    assert made(items) == {"w1": ("assign", "shop-41"), "w2": ("resume", "shop-17")}
    assert items[1].reason == "w2 holds this bead since 11:20"


def test_a_claim_of_ours_counts_where_beads_are_read_only() -> None:
    claim = OpenClaim("w2", "shop-41", REPO, NOW - timedelta(days=1))
    items = plan([agent("w1"), agent("w2")], [bead(41)], [], ANY, {}, [claim], read_only={REPO}, now=NOW)
    assert made(items) == {"w1": ("standby", ""), "w2": ("resume", "shop-41")}
    assert items[1].reason == "w2 holds this bead since 23 Sep 12:00"
    assert items[1].context.beads_writable is False


def test_a_working_agent_is_not_told_again_what_it_works_on() -> None:
    held = bead(17, status="in_progress", assignee="w2")
    items = plan([agent("w2", state=State.WORKING)], [bead(41)], [held], ANY, {}, [])
    assert made(items) == {"w2": ("standby", "")} and items[0].reason == "is working on shop-17"


def test_a_busy_agent_gets_what_no_idle_one_can_take() -> None:
    agents = [agent("w1", state=State.WORKING), agent("w2")]
    assert made(plan(agents, [bead(1)], [], ANY, {}, [])) == {"w1": ("standby", ""), "w2": ("assign", "shop-1")}
    both = plan(agents, [bead(1), bead(2)], [], ANY, {}, [])
    assert made(both) == {"w1": ("assign", "shop-2"), "w2": ("assign", "shop-1")}
    assert both[0].reason == "best ready bead (P2); w1 is busy, it waits"
    idle = plan(agents, [bead(1), bead(2)], [], ANY, {}, [], idle_only=True)
    assert made(idle) == {"w1": ("skip", ""), "w2": ("assign", "shop-1")}


def test_labels_of_the_agent_its_role_and_the_bead() -> None:
    pack = Pack.model_validate(
        {
            "id": "p",
            "title": "P",
            "roles": {"implementor": {"labels": ["frontend"]}},
            "agents": {"w2": {"labels": ["db"]}},
        }
    )
    beads = [bead(1, labels=("frontend",)), bead(2, labels=("db",)), bead(3, labels=("docs",))]
    items = plan([agent("w1"), agent("w2")], beads, [], pack, {}, [])
    assert made(items) == {"w1": ("assign", "shop-1"), "w2": ("assign", "shop-2")}
    assert items[0].reason == "best ready bead for frontend (P2)"
    # One shared label is enough, the role's too, where the agent's own field has nothing.
    assert made(plan([agent("w2")], [beads[0]], [], pack, {}, [])) == {"w2": ("assign", "shop-1")}
    nothing = plan([agent("w2")], [beads[2]], [], pack, {}, [])
    assert nothing[0].reason == "no ready bead fits (db, frontend), stands by"


def test_no_agent_is_left_empty_because_another_took_its_only_bead() -> None:
    agents = [agent("w1", labels=("frontend",)), agent("w2", labels=("backend",))]
    items = plan(agents, [bead(1, priority=0), bead(2, labels=("frontend",))], [], ANY, {}, [])
    assert made(items) == {"w1": ("assign", "shop-2"), "w2": ("assign", "shop-1")}


def test_two_agents_are_not_sent_into_the_same_files() -> None:
    held = bead(9, status="in_progress", assignee="w3", paths=("apps/api/**",))
    beads = [
        bead(1, paths=("apps/site/**",)),
        bead(2, paths=("apps/site/cart.js",)),
        bead(3, paths=("apps/api/x.py",)),
        bead(4, paths=("docs/**",)),
    ]
    items = plan([agent("w1"), agent("w2"), agent("w3", state=State.WORKING)], beads, [held], ANY, {}, [])
    assert made(items) == {"w1": ("assign", "shop-1"), "w2": ("assign", "shop-4"), "w3": ("standby", "")}


def test_review_commit_and_help() -> None:
    in_hand = [
        bead(38, status="in_progress", assignee="w2", labels=("needs-review",)),
        bead(39, status="in_progress", assignee="w2", labels=("approved",)),
        bead(40, status="in_progress", assignee="w3", labels=("help-wanted",)),
    ]
    agents = [
        agent("r1", "reviewer"),
        agent("c1", "committer"),
        agent("w1"),
        agent("w2"),
        agent("w3", state=State.WORKING),
        agent("s1", "supervisor"),
        agent("sh", "none"),
    ]
    items = plan(agents, [], in_hand, ANY, {}, [], now=NOW)
    assert made(items) == {
        "r1": ("review", "shop-38"),
        "c1": ("commit", "shop-39"),
        "w1": ("assist", "shop-40"),
        "w2": ("standby", ""),
        "w3": ("standby", ""),
        "s1": ("standby", ""),
        "sh": ("skip", ""),
    }
    reasons = {item.agent: item.reason for item in items}
    assert reasons["r1"] == "w2 asked 3 h ago"
    assert reasons["c1"] == "approved 3 h ago, waits to be committed"
    assert reasons["w1"] == "w3 asked for help"
    assert reasons["w2"] == "no ready bead, stands by"
    assert next(item for item in items if item.agent == "r1").context.partner == "w2"
    assert plan([agent("c1", "committer")], [], [], ANY, {}, [])[0].reason == "nothing to commit, stands by"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": State.LIMITED, "limited_until": NOW + timedelta(hours=4, minutes=5)}, "usage limit, back 16:05"),
        ({"state": State.WAITING}, "waits for an answer"),
        ({"state": State.COMPOSING}, "someone is typing there"),
        ({"state": State.DEAD}, "has died"),
        ({"state": State.STOPPED}, "is stopped"),
        ({"profile": "codex-plus-2"}, "codex-plus-2 is at 97 %, back 16:05"),
    ],
)
def test_who_cannot_take_a_prompt_is_skipped_with_the_reason(change: dict[str, object], reason: str) -> None:
    room = {"codex-plus-2": Headroom("codex-plus-2", False, 97.2, NOW + timedelta(hours=4, minutes=5))}
    (item,) = plan([agent("w4", **change)], [bead(1)], [], ANY, room, [], now=NOW)
    assert item.action is Action.SKIP and item.status == "skipped" and reason in item.reason


def test_only_narrows_but_the_others_keep_what_they_hold() -> None:
    held = bead(1, status="in_progress", assignee="w1")
    items = plan([agent("w1"), agent("w2"), agent("w3")], [bead(2)], [held], ANY, {}, [], only={"w2"})
    assert made(items) == {"w2": ("assign", "shop-2")}


def test_a_blocked_bead_in_hand_is_not_resumed() -> None:
    held = bead(1, status="in_progress", assignee="w1", blocked_by=("shop-7",))
    assert made(plan([agent("w1")], [bead(2)], [held], ANY, {}, [])) == {"w1": ("assign", "shop-2")}
    assert plan([agent("w1")], [], [held], ANY, {}, [])[0].reason == "shop-1 waits for shop-7, stands by"


FIELDS = ["frontend", "backend", "db", "docs"]
PATHS = ["apps/site/**", "apps/api/**", "apps/site/cart.js", "db/**"]
STAGES = [(), (), (), ("needs-review",), ("approved",), ("help-wanted",)]
NAMES = [f"w{n}" for n in range(1, 9)]
ROLES = ["implementor", "implementor", "implementor", "reviewer", "committer", "supervisor"]
QUOTA = {"full": Headroom("full", True, 10), "empty": Headroom("empty", False, 99)}


@dataclass(frozen=True)
class Drawn:
    """One situation to plan for."""

    agents: list[PlanAgent]
    ready: list[Bead]
    held: list[Bead]
    pack: Pack
    claims: list[OpenClaim]
    read_only: set[str]
    idle_only: bool

    def planned(self) -> list[ItemPlan]:
        return plan(
            self.agents,
            self.ready,
            self.held,
            self.pack,
            QUOTA,
            self.claims,
            idle_only=self.idle_only,
            read_only=self.read_only,
            now=NOW,
        )

    def holder(self, one: Bead) -> str:
        """Who has it in hand, as the words of the issue have it: whom we gave it, else whom Beads name."""
        ours = next((c.agent for c in self.claims if (c.repo, c.bead) == (one.repo, one.id)), "")
        return ours or (one.assignee if one.status == "in_progress" else "")

    def at_work(self, who: PlanAgent) -> list[Bead]:
        """What others have in hand in the project of this agent."""
        return [b for b in (*self.ready, *self.held) if b.repo == who.repo and self.holder(b) not in {"", who.id}]


def situation(seed: int) -> Drawn:
    """Made from one number: drawn piece by piece, hypothesis keeps everything so small that hard cases are rare."""
    dice = random.Random(seed)

    def some(of: Sequence[Any], most: int) -> list[Any]:
        return dice.sample(of, dice.randint(0, most))

    def brief() -> dict[str, list[str]]:
        return {"labels": some(FIELDS, 2), "paths": dice.choice([[], [], some(PATHS, 2)])}

    beads = []
    for number in some(range(1, 21), 12):
        for repo in dice.choice([[REPO], [REPO], ["/other"], [REPO, "/other"]]):  # one id may be in both
            status = dice.choice(["open", "open", "in_progress"])
            beads.append(
                bead(
                    number,
                    repo=repo,
                    priority=dice.randint(0, 4),
                    dependents_count=dice.randint(0, 2),
                    labels=(*some(FIELDS, 2), *dice.choice(STAGES)),
                    paths=tuple(some(PATHS, 2)),
                    status=status,
                    assignee=dice.choice(["", "", *NAMES[:4], "alice"] if status == "open" else [*NAMES, "alice"]),
                    blocked_by=dice.choice([(), (), (), ("shop-99",)]),
                    issue_type=dice.choice(["task", "task", "task", "epic"]),
                    hidden=dice.random() < 0.1,
                )
            )
    claims = [OpenClaim(dice.choice(NAMES), b.id, b.repo, NOW) for b in beads if dice.random() < 0.2]
    holds = {claim.agent: claim.bead for claim in claims}
    agents = [
        agent(
            name,
            dice.choice(ROLES),
            state=dice.choice([State.IDLE, State.IDLE, State.IDLE, State.WORKING, *State]),
            labels=tuple(some(FIELDS, 2)),
            profile=dice.choice([None, "full", "empty", "unknown"]),
            repo=dice.choice([REPO, REPO, "/other", ""]),
            bead=holds.get(name),
        )
        for name in some(NAMES, 8)
    ]
    pack = Pack.model_validate(
        {
            "id": "p",
            "title": "P",
            "bead_prefixes": dice.choice([[], [], ["shop-1"], ["none-"]]),
            "roles": {role: brief() for role in some(["implementor", "reviewer"], 2)},
            "agents": {name: brief() for name in some(NAMES, 4)},
        }
    )
    # Blocked ones are among the ready, and some stand in both lists: planning must not rely on its caller.
    ready = [b for b in beads if b.status == "open" or dice.random() < 0.2]
    held = [b for b in beads if b.status != "open"]
    return Drawn(agents, ready, held, pack, claims, set(dice.choice([[], [REPO]])), dice.random() < 0.3)


situations = st.integers(0, 2**32 - 1).map(situation)


@settings(max_examples=1000, deadline=None)
@given(situations)
def test_what_must_never_happen(drawn: Drawn) -> None:
    items = drawn.planned()
    by_id = {a.id: a for a in drawn.agents}
    assert sorted(i.agent for i in items) == sorted(by_id), "every agent exactly once"
    given_out = [i.bead for i in items if i.bead]
    assert len({(b.repo, b.id) for b in given_out}) == len(given_out), "no bead twice"
    assert all(not b.blocked_by for b in given_out), "nothing blocked"
    assert all(drawn.pack.covers(b.id) for b in given_out), "nothing outside the pack"
    assert not any(b.hidden or b.issue_type == "epic" for b in given_out), "only what is work"
    for item in items:
        who = by_id[item.agent]
        assert (item.bead is not None) == (item.action in SENDS)
        assert item.reason
        if item.bead is None:
            continue
        assert item.bead.repo == who.repo, "never across projects"
        assert who.state in {State.IDLE, State.WORKING}
        assert who.profile != "empty", "nothing for an account that is used up"
        assert not (drawn.idle_only and who.state is not State.IDLE)
        assert item.context.beads_writable == (item.bead.repo not in drawn.read_only)
        if item.action is Action.ASSIGN:
            assert fits(who, item.bead, drawn.pack) is None
            assert drawn.holder(item.bead) in {"", who.id}, "never somebody else's"
            theirs = [b.paths for b in drawn.at_work(who) if b.id != item.bead.id]
            assert not any(overlap(item.bead.paths, paths) for paths in theirs), "not where another works"
        if item.action is Action.RESUME:
            assert drawn.holder(item.bead) == who.id
        if item.action is Action.ASSIST:
            assert drawn.holder(item.bead) not in {"", who.id}
    fresh = [i.bead for i in items if i.bead and i.action is Action.ASSIGN]
    for n, one in enumerate(fresh):
        for other in fresh[n + 1 :]:
            assert one.repo != other.repo or not overlap(one.paths, other.paths), "never into the same files"


@settings(max_examples=500, deadline=None)
@given(situations)
def test_nobody_stands_by_while_there_is_a_bead_for_it(drawn: Drawn) -> None:
    items = drawn.planned()
    given_out = {(i.bead.repo, i.bead.id) for i in items if i.bead}
    handed = [i.bead for i in items if i.bead and i.action is Action.ASSIGN]
    by_id = {a.id: a for a in drawn.agents}
    for item in items:
        who = by_id[item.agent]
        if item.action is not Action.STANDBY or who.role != "implementor" or item.reason.startswith(("is ", "holds ")):
            continue
        busy = drawn.at_work(who)
        in_hand = {(b.repo, b.id) for b in drawn.held}
        for one in drawn.ready:
            left = (one.repo, one.id) not in given_out | in_hand and drawn.holder(one) in {"", who.id}
            clash = any(overlap(one.paths, b.paths) for b in (*busy, *handed) if b.repo == one.repo and b.id != one.id)
            assert not left or clash or fits(who, one, drawn.pack) is not None, f"{who.id} could have {one.id}"


@settings(max_examples=500, deadline=None)
@given(situations, st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(drawn: Drawn, dice: random.Random) -> None:
    def mixed(group: list[Any]) -> list[Any]:
        return dice.sample(group, len(group))

    again = replace(
        drawn,
        agents=mixed(drawn.agents),
        ready=mixed(drawn.ready),
        held=mixed(drawn.held),
        claims=mixed(drawn.claims),
    )
    assert again.planned() == drawn.planned()


def test_the_drawn_situations_reach_the_hard_cases() -> None:
    """Else the properties above would hold of nothing."""
    left = set(HARD)
    for seed in range(2000):
        drawn = situation(seed)
        items = drawn.planned()
        left.difference_update([case for case in left if HARD[case](drawn, items)])
    assert not left


def _some(action: Action) -> Case:
    return lambda drawn, items: any(item.action is action for item in items)


def _said(words: str) -> Case:
    return lambda drawn, items: any(words in item.reason for item in items)


def _for_labels(wanted: Callable[[Pack, str], list[str]]) -> Case:
    return lambda drawn, items: any(
        item.action is Action.ASSIGN and item.bead and set(wanted(drawn.pack, item.agent)) & set(item.bead.labels)
        for item in items
    )


def _files_of_another(drawn: Drawn, items: list[ItemPlan]) -> bool:
    """An implementor goes without a bead that fits and that nobody has: its files are another's."""
    given_out = {(i.bead.repo, i.bead.id) for i in items if i.bead}
    idle = {i.agent for i in items if i.reason.startswith("every bead that fits is taken")}
    return any(
        fits(who, one, drawn.pack) is None and (one.repo, one.id) not in given_out and not drawn.holder(one)
        for who in drawn.agents
        for one in drawn.ready
        if who.id in idle and one not in drawn.held
    )


Case = Callable[[Drawn, list[ItemPlan]], bool]
HARD: dict[str, Case] = {
    **{str(action): _some(action) for action in Action},
    "an account that is used up": _said("empty is at 99 %"),
    "a bead for a label": _said("best ready bead for "),
    "no bead for its labels": _said("no ready bead fits ("),
    "a bead outside the pack in hand": _said("outside this pack"),
    "a blocked bead in hand": _said("waits for shop-99"),
    "files of another": _files_of_another,
    "one id in two projects": lambda drawn, items: len({b.id for b in drawn.ready}) < len(drawn.ready),
    "a bead in both lists": lambda drawn, items: any(b in drawn.held for b in drawn.ready),
    "labels of a role in the pack": _for_labels(lambda pack, name: pack.role_brief("implementor").labels),
    "labels of an agent in the pack": _for_labels(lambda pack, name: pack.agent_brief(name).labels),
    "paths of the pack": lambda drawn, items: any(
        (fits(a, b, drawn.pack) or "").startswith("touches ") for a in drawn.agents for b in drawn.ready
    ),
}

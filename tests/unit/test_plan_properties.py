"""Planning: what must never happen, over situations that are known to reach the hard cases."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.beads.model import Bead
from bot.broadcast.model import SENDS, Action, Headroom, ItemPlan, PlanAgent
from bot.broadcast.plan import plan
from bot.broadcast.situation import Situation
from bot.clis.model import State
from bot.packs.model import Pack
from bot.work.claims import OpenClaim
from bot.work.paths import overlap
from bot.work.routing import fits
from tests.unit.test_plan import NOW, REPO, agent, bead

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
        return plan(self.situation, self.pack, idle_only=self.idle_only, now=NOW)

    @property
    def situation(self) -> Situation:
        held, claims = tuple(self.held), tuple(self.claims)
        return Situation(tuple(self.agents), tuple(self.ready), held, claims, QUOTA, frozenset(self.read_only))

    def holder(self, one: Bead) -> str:
        """Who has it in hand, as the words of the issue have it: whom we gave it, else whom Beads name."""
        ours = next((c.agent for c in self.claims if (c.repo, c.bead) == (one.repo, one.id)), "")
        return ours or (one.assignee if one.status == "in_progress" else "")

    def at_work(self, who: PlanAgent) -> list[Bead]:
        """What others have in hand in the project of this agent."""
        return [b for b in (*self.ready, *self.held) if b.repo == who.repo and self.holder(b) not in {"", who.id}]


def some(dice: random.Random, of: Sequence[Any], most: int) -> list[Any]:
    return dice.sample(of, dice.randint(0, most))


def some_beads(dice: random.Random) -> list[Bead]:
    """Of two projects, the same ids now and then in both."""
    beads = []
    for number in some(dice, range(1, 21), 12):
        for repo in dice.choice([[REPO], [REPO], ["/other"], [REPO, "/other"]]):
            status = dice.choice(["open", "open", "in_progress"])
            beads.append(
                bead(
                    number,
                    repo=repo,
                    priority=dice.randint(0, 4),
                    dependents_count=dice.randint(0, 2),
                    labels=(*some(dice, FIELDS, 2), *dice.choice(STAGES)),
                    paths=tuple(some(dice, PATHS, 2)),
                    status=status,
                    assignee=dice.choice(["", "", *NAMES[:4], "alice"] if status == "open" else [*NAMES, "alice"]),
                    blocked_by=dice.choice([(), (), (), ("shop-99",)]),
                    issue_type=dice.choice(["task", "task", "task", "epic"]),
                    hidden=dice.random() < 0.1,
                )
            )
    return beads


def some_agents(dice: random.Random, holds: Mapping[str, str]) -> list[PlanAgent]:
    return [
        agent(
            name,
            dice.choice(ROLES),
            state=dice.choice([State.IDLE, State.IDLE, State.IDLE, State.WORKING, *State]),
            labels=tuple(some(dice, FIELDS, 2)),
            profile=dice.choice([None, "full", "empty", "unknown"]),
            repo=dice.choice([REPO, REPO, "/other", ""]),
            bead=holds.get(name),
        )
        for name in some(dice, NAMES, 8)
    ]


def some_pack(dice: random.Random) -> Pack:
    def brief() -> dict[str, list[str]]:
        return {"labels": some(dice, FIELDS, 2), "paths": dice.choice([[], [], some(dice, PATHS, 2)])}

    return Pack.model_validate(
        {
            "id": "p",
            "title": "P",
            "bead_prefixes": dice.choice([[], [], ["shop-1"], ["none-"]]),
            "roles": {role: brief() for role in some(dice, ["implementor", "reviewer"], 2)},
            "agents": {name: brief() for name in some(dice, NAMES, 4)},
        }
    )


def situation(seed: int) -> Drawn:
    """Made from one number: drawn piece by piece, hypothesis keeps everything so small that hard cases are rare."""
    dice = random.Random(seed)
    beads = some_beads(dice)
    claims = [OpenClaim(dice.choice(NAMES), b.id, b.repo, NOW) for b in beads if dice.random() < 0.2]
    return Drawn(
        agents=some_agents(dice, {claim.agent: claim.bead for claim in claims}),
        # Blocked ones are among the ready, and some stand in both lists: planning must not rely on its caller.
        ready=[b for b in beads if b.status == "open" or dice.random() < 0.2],
        held=[b for b in beads if b.status != "open"],
        pack=some_pack(dice),
        claims=claims,
        read_only=set(dice.choice([[], [REPO]])),
        idle_only=dice.random() < 0.3,
    )


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

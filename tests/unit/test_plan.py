"""Planning: a table for each rule. What must never happen is in test_plan_properties.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.beads.model import Bead
from bot.broadcast.model import Action, Headroom, ItemPlan, PlanAgent
from bot.broadcast.plan import plan
from bot.broadcast.situation import Situation
from bot.clis.model import State
from bot.packs.model import Pack
from bot.work.claims import OpenClaim

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


def planned(  # the parts of a situation, most of which most rules do not look at
    agents: Sequence[PlanAgent],
    ready: Sequence[Bead],
    in_progress: Sequence[Bead],
    pack: Pack,
    headroom: Mapping[str, Headroom],
    claims: Sequence[OpenClaim],
    *,
    read_only: Collection[str] = (),
    **options: Any,
) -> list[ItemPlan]:
    situation = Situation(
        tuple(agents), tuple(ready), tuple(in_progress), tuple(claims), headroom, frozenset(read_only)
    )
    return plan(situation, pack, **options)


def made(items: list[ItemPlan]) -> dict[str, tuple[str, str]]:
    return {item.agent: (item.action.value, item.bead.id if item.bead else "") for item in items}


def test_priority_then_unblocking_then_age() -> None:
    beads = [bead(1), bead(2, dependents_count=3), bead(3, priority=0), bead(4, priority=3)]
    items = planned([agent("w1"), agent("w2"), agent("w10")], beads, [], ANY, {}, [])
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
    items = planned([agent("w1"), agent("w2")], [bead(41, priority=0)], [held], ANY, {}, [], now=NOW)
    assert made(items) == {"w1": ("assign", "shop-41"), "w2": ("resume", "shop-17")}
    assert items[1].reason == "w2 holds this bead since 11:20"


def test_a_claim_of_ours_counts_where_beads_are_read_only() -> None:
    claim = OpenClaim("w2", "shop-41", REPO, NOW - timedelta(days=1))
    items = planned([agent("w1"), agent("w2")], [bead(41)], [], ANY, {}, [claim], read_only={REPO}, now=NOW)
    assert made(items) == {"w1": ("standby", ""), "w2": ("resume", "shop-41")}
    assert items[1].reason == "w2 holds this bead since 23 Sep 12:00"
    assert items[1].context.beads_writable is False


def test_a_working_agent_is_not_told_again_what_it_works_on() -> None:
    held = bead(17, status="in_progress", assignee="w2")
    items = planned([agent("w2", state=State.WORKING)], [bead(41)], [held], ANY, {}, [])
    assert made(items) == {"w2": ("standby", "")} and items[0].reason == "is working on shop-17"


def test_a_busy_agent_gets_what_no_idle_one_can_take() -> None:
    agents = [agent("w1", state=State.WORKING), agent("w2")]
    assert made(planned(agents, [bead(1)], [], ANY, {}, [])) == {"w1": ("standby", ""), "w2": ("assign", "shop-1")}
    both = planned(agents, [bead(1), bead(2)], [], ANY, {}, [])
    assert made(both) == {"w1": ("assign", "shop-2"), "w2": ("assign", "shop-1")}
    assert both[0].reason == "best ready bead (P2); w1 is busy, it waits"
    idle = planned(agents, [bead(1), bead(2)], [], ANY, {}, [], idle_only=True)
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
    items = planned([agent("w1"), agent("w2")], beads, [], pack, {}, [])
    assert made(items) == {"w1": ("assign", "shop-1"), "w2": ("assign", "shop-2")}
    assert items[0].reason == "best ready bead for frontend (P2)"
    # One shared label is enough, the role's too, where the agent's own field has nothing.
    assert made(planned([agent("w2")], [beads[0]], [], pack, {}, [])) == {"w2": ("assign", "shop-1")}
    nothing = planned([agent("w2")], [beads[2]], [], pack, {}, [])
    assert nothing[0].reason == "no ready bead fits (db, frontend), stands by"


def test_no_agent_is_left_empty_because_another_took_its_only_bead() -> None:
    agents = [agent("w1", labels=("frontend",)), agent("w2", labels=("backend",))]
    items = planned(agents, [bead(1, priority=0), bead(2, labels=("frontend",))], [], ANY, {}, [])
    assert made(items) == {"w1": ("assign", "shop-2"), "w2": ("assign", "shop-1")}


def test_two_agents_are_not_sent_into_the_same_files() -> None:
    held = bead(9, status="in_progress", assignee="w3", paths=("apps/api/**",))
    beads = [
        bead(1, paths=("apps/site/**",)),
        bead(2, paths=("apps/site/cart.js",)),
        bead(3, paths=("apps/api/x.py",)),
        bead(4, paths=("docs/**",)),
    ]
    items = planned([agent("w1"), agent("w2"), agent("w3", state=State.WORKING)], beads, [held], ANY, {}, [])
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
    items = planned(agents, [], in_hand, ANY, {}, [], now=NOW)
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
    assert planned([agent("c1", "committer")], [], [], ANY, {}, [])[0].reason == "nothing to commit, stands by"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": State.LIMITED, "limit_resets": "4:05 PM"}, "has reached its usage limit, back 4:05 PM"),
        ({"state": State.LIMITED}, "has reached its usage limit"),
        ({"state": State.WAITING}, "waits for an answer"),
        ({"state": State.COMPOSING}, "someone is typing there"),
        ({"state": State.DEAD}, "has died"),
        ({"state": State.STOPPED}, "is stopped"),
        ({"profile": "codex-plus-2"}, "codex-plus-2 is at 97 %, back 16:05"),
    ],
)
def test_who_cannot_take_a_prompt_is_skipped_with_the_reason(change: dict[str, object], reason: str) -> None:
    room = {"codex-plus-2": Headroom("codex-plus-2", False, 97.2, NOW + timedelta(hours=4, minutes=5))}
    (item,) = planned([agent("w4", **change)], [bead(1)], [], ANY, room, [], now=NOW)
    assert item.action is Action.SKIP and item.status == "skipped" and reason in item.reason


def test_only_narrows_but_the_others_keep_what_they_hold() -> None:
    held = bead(1, status="in_progress", assignee="w1")
    items = planned([agent("w1"), agent("w2"), agent("w3")], [bead(2)], [held], ANY, {}, [], only={"w2"})
    assert made(items) == {"w2": ("assign", "shop-2")}


def test_a_blocked_bead_in_hand_is_not_resumed() -> None:
    held = bead(1, status="in_progress", assignee="w1", blocked_by=("shop-7",))
    assert made(planned([agent("w1")], [bead(2)], [held], ANY, {}, [])) == {"w1": ("assign", "shop-2")}
    assert planned([agent("w1")], [], [held], ANY, {}, [])[0].reason == "shop-1 waits for shop-7, stands by"

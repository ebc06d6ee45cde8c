"""What may have changed between a draft and its tap; and where nothing has, the draft is sent as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings

from bot.beads.model import Bead
from bot.broadcast.model import Headroom, Item
from bot.broadcast.situation import Situation
from bot.broadcast.validate import objection
from bot.clis.model import State
from bot.work.claims import OpenClaim
from tests.unit.test_plan import NOW, REPO, agent, bead
from tests.unit.test_plan_properties import Drawn, situations

W1 = agent("w1", profile="p1")
HELD = bead(5, status="in_progress", assignee="w1")
ASKED = bead(5, status="in_progress", assignee="w2", labels=("help-wanted",))


def item(action: str, bead: str | None = "shop-5") -> Item:
    return Item(1, "w1", action, bead, "Task 5", "prompt", "", "intended", None)


def claim(who: str) -> OpenClaim:
    return OpenClaim(who, "shop-5", REPO, NOW)


@pytest.mark.parametrize(
    ("action", "now", "claims", "says"),
    [
        ("assign", bead(5), [], ""),
        ("assign", bead(5), [claim("w1")], ""),
        ("assign", HELD, [], ""),
        ("assign", bead(5), [claim("w2")], "shop-5 went to w2"),
        ("assign", bead(5, assignee="ann"), [], "shop-5 went to ann"),
        ("assign", bead(5, status="in_progress", assignee="w2"), [], "shop-5 went to w2"),
        ("assign", bead(5, blocked_by=("shop-9",)), [], "shop-5 waits for shop-9"),
        ("assign", bead(5, status="deferred"), [], "shop-5 is deferred"),
        ("assign", bead(5, labels=("needs-review",)), [], "shop-5 is in review"),
        ("assign", bead(5, status="closed"), [], "shop-5 is closed"),
        ("assign", None, [], "shop-5 is closed"),
        ("resume", HELD, [], ""),
        ("resume", bead(5), [claim("w1")], ""),
        ("resume", bead(5), [], "w1 holds shop-5 no more"),
        ("resume", HELD, [claim("w2")], "shop-5 went to w2"),
        ("resume", replace(HELD, blocked_by=("shop-9",)), [], "shop-5 waits for shop-9"),
        ("resume", replace(HELD, labels=("needs-review",)), [], "shop-5 is in review"),
        ("resume", replace(HELD, labels=("approved",)), [], "shop-5 is approved already"),
        ("review", replace(HELD, labels=("needs-review",)), [], ""),
        ("review", HELD, [], "shop-5 waits for no review any more"),
        ("commit", replace(HELD, labels=("approved",)), [], ""),
        ("commit", HELD, [], "shop-5 does not wait to be committed any more"),
        ("assist", ASKED, [], ""),
        ("assist", replace(ASKED, labels=()), [], "shop-5 wants no help any more"),
        ("assist", replace(ASKED, status="open", assignee=""), [], "shop-5 wants no help any more"),
    ],
)
def test_a_bead_that_changed_after_the_draft(action: str, now: Bead | None, claims: list[OpenClaim], says: str) -> None:
    assert objection(item(action), Situation((W1,), claims=tuple(claims)), now) == says


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (State.IDLE, ""),
        (State.WORKING, ""),
        (State.STOPPED, "w1 is stopped"),
        (State.DEAD, "w1 is dead"),
        (State.FROZEN, "w1 is frozen"),
    ],
)
def test_an_agent_that_is_away(state: State, says: str) -> None:
    assert objection(item("assist", None), Situation((replace(W1, state=state),)), None) == says


def test_an_agent_that_is_gone_and_an_account_that_is_used_up() -> None:
    assert objection(item("assign"), Situation((agent("w2"),)), bead(5)) == "this agent is gone"
    room = {"p1": Headroom("p1", False, 97.4, datetime(2026, 9, 24, 16, 5, tzinfo=UTC))}
    assert objection(item("assign"), Situation((W1,), headroom=room), bead(5)) == "p1 is at 97 %"


@settings(max_examples=500, deadline=None)
@given(situations)
def test_nothing_is_objected_to_where_nothing_has_changed(drawn: Drawn) -> None:
    situation = drawn.situation
    for made in drawn.planned():
        if made.bead is None:
            continue
        one = Item(1, made.agent, str(made.action), made.bead.id, made.title, "prompt", "", "intended", None)
        assert objection(one, situation, situation.bead(situation.agent(made.agent), made.bead.id)) == "", made

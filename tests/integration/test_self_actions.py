"""What the bot does by itself: told before, declined for good, begun once, and audited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.clock import SystemClock
from bot.fleet.self_action import GO_ON, MOVE, SelfAction, TooLate, key_of
from bot.fleet.self_actions import TELL_AGAIN, SelfActions
from bot.store import Store
from bot.store.audit import Audit
from bot.store.tables import AuditRow, OutboxRow


@pytest.fixture
def actions(store: Store) -> SelfActions:
    return restarted(store)


def restarted(store: Store) -> SelfActions:
    """As a bot has them that was just started."""
    clock = SystemClock()
    return SelfActions(store, clock, Audit(store, clock))


async def announced(actions: SelfActions, **more: object) -> SelfAction:
    return await actions.announce(GO_ON, "w1", "limit 1", data={"bead": "shop-1", **more})


async def tell(store: Store, action: SelfAction, ago: timedelta) -> None:
    """Its message went out."""
    async with store.begin() as tx:
        row = await tx.scalar(select(OutboxRow).where(OutboxRow.key == key_of(action.id)))
        assert row is not None
        row.sent_at = datetime.now(UTC) - ago


async def notices(store: Store) -> list[OutboxRow]:
    async with store.begin() as tx:
        return list(await tx.scalars(select(OutboxRow).order_by(OutboxRow.id)))


async def trail(store: Store) -> list[AuditRow]:
    async with store.begin() as tx:
        return list(await tx.scalars(select(AuditRow).order_by(AuditRow.id)))


async def test_it_is_announced_once_and_its_message_follows_what_changes(actions: SelfActions, store: Store) -> None:
    first = await announced(actions)
    assert await announced(actions) == first
    changed = await announced(actions, resets_at=5.0)
    assert (changed.id, changed.data["resets_at"]) == (first.id, 5.0)
    (notice,) = await notices(store)
    assert (notice.version, notice.urgent, notice.silent) == (2, True, True), "told at night too, and does not ring"


async def test_it_is_ready_once_its_message_has_stood_for_a_while(actions: SelfActions, store: Store) -> None:
    action = await announced(actions)
    assert not actions.ready(action), "nobody could have been told"
    await tell(store, action, timedelta(seconds=30))
    assert not actions.ready(await announced(actions))
    await tell(store, action, timedelta(seconds=61))
    again = restarted(store)
    assert not again.ready(await announced(again)), "when it was told first is what counts"
    async with store.begin() as tx:
        await tx.delete((await tx.scalars(select(OutboxRow))).one())
    actions.lead = timedelta(seconds=30)
    assert actions.ready(await announced(actions)), "and is remembered"


async def test_a_message_that_failed_for_good_is_sent_anew_after_a_while(actions: SelfActions, store: Store) -> None:
    await announced(actions)
    async with store.begin() as tx:
        (await tx.scalars(select(OutboxRow))).one().status = "failed"
    await announced(actions)
    assert len(await notices(store)) == 1
    async with store.begin() as tx:
        (await tx.scalars(select(OutboxRow))).one().created_at -= TELL_AGAIN
    for _ in range(2):
        await announced(actions)
    assert [notice.status for notice in await notices(store)] == ["failed", "due"]


async def test_a_decline_holds_across_a_restart_and_is_the_same_twice(actions: SelfActions, store: Store) -> None:
    action = await announced(actions)
    await tell(store, action, timedelta(hours=1))
    assert (await actions.decline(action.id, "Olga")).declined
    assert (await actions.decline(action.id, "Sam")).declined_by == "Olga"
    after = restarted(store)
    standing = (await after.standing(GO_ON))["limit 1"]
    assert standing.declined
    assert not after.ready(standing)
    assert not await after.begun(standing)
    assert not await after.begun(action), "whoever read it before the tap begins nothing either"
    assert (await announced(after, resets_at=9.0)).declined, "what changes about it undoes no decline"
    assert await trail(store) == []
    await after.drop(standing, "it went on by itself")
    assert (await after.get(action.id)).declined, "how it ended stays"
    with pytest.raises(TooLate):
        await after.allow(action.id, "Olga")


async def test_it_is_begun_once_and_the_trail_says_what_was_done(actions: SelfActions, store: Store) -> None:
    action = await announced(actions)
    assert await actions.begun(action, {"characters": 7})
    assert not await restarted(store).begun(action)
    with pytest.raises(TooLate, match="being done at this moment"):
        await actions.decline(action.id, "Olga")
    (row,) = await trail(store)
    assert (row.actor, row.place, row.action, row.target, row.outcome) == (
        "bot", "schedule", "agent.go-on", "w1", "begun",
    )  # fmt: skip
    assert row.detail == {"bead": "shop-1", "characters": 7}
    await actions.end(action)
    (row,) = await trail(store)
    assert (row.outcome, row.finished_at is not None) == ("done", True)
    with pytest.raises(TooLate, match="done already"):
        await actions.decline(action.id, "Olga")
    assert await actions.standing(GO_ON) == {}


async def test_one_that_came_to_nothing_stands_again_and_each_try_is_in_the_trail(
    actions: SelfActions, store: Store
) -> None:
    action = await announced(actions)
    assert await actions.begun(action)
    await actions.again(action, "w1 asks a question.")
    assert await actions.begun(action)
    await actions.end(action, failed=True, outcome="its pane is gone")
    assert [row.outcome for row in await trail(store)] == ["refused: w1 asks a question.", "failed: its pane is gone"]
    assert await actions.failed_since(GO_ON, "limit 1", action.announced_at)


async def test_a_person_may_let_it_after_all(actions: SelfActions) -> None:
    action = await announced(actions)
    await actions.decline(action.id, "Olga")
    assert (await actions.allow(action.id, "Olga")).status == "announced"
    assert await actions.begun(action)


async def test_what_a_person_asked_for_needs_no_time(actions: SelfActions) -> None:
    assert actions.ready(await actions.announce(MOVE, "w1", "w1", data={"asked_by": "Ann"}))


async def test_the_next_agent_of_that_name_has_nothing_of_it(actions: SelfActions, store: Store) -> None:
    action = await announced(actions)
    await actions.decline(action.id, "Olga")
    await actions.forget("w1")
    assert await actions.standing(GO_ON) == {}
    assert not (await announced(actions)).declined
    assert len(await notices(store)) == 2

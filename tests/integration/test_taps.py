"""Two who tap at the same moment, on both databases: one wins, and the other is told who."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.broadcast import ledger
from bot.broadcast.ledger import DraftChanged, DraftClosed
from bot.broadcast.model import Draft, NewItem
from bot.clock import SystemClock
from bot.store import Store


async def draft(store: Store) -> str:
    now = SystemClock().now()
    async with store.begin() as tx:
        return await ledger.insert(
            tx,
            [NewItem("w1", "assist", prompt="one"), NewItem("w2", "assist", prompt="two")],
            pack="general",
            by="Ann",
            now=now,
            expires_at=now + timedelta(minutes=30),
            chat_id=None,
            options={},
        )


async def at_once(store: Store, draft_id: str, status: str) -> list[Draft | BaseException]:
    """Five people do it, all having read the draft before any of them has written it."""
    read = asyncio.Barrier(5)

    async def tap(who: str) -> Draft:
        async with store.begin() as tx:
            if not store.is_sqlite:  # which lets one in after the other
                await ledger.read(tx, draft_id)
                await read.wait()
            values = {"status": status, "applied_by": who} if status == "applying" else {}
            return await ledger.take(tx, draft_id, 1, SystemClock().now(), changed=f"{who} skipped w1", **values)

    return await asyncio.gather(*(tap(f"P{n}") for n in range(5)), return_exceptions=True)


async def test_one_sends_and_the_others_learn_who(any_store: Store) -> None:
    done = await at_once(any_store, await draft(any_store), "applying")
    (winner,) = [one for one in done if isinstance(one, Draft)]
    others = [one for one in done if not isinstance(one, Draft)]
    assert {(type(one), str(one)) for one in others} == {
        (DraftClosed, f"{winner.applied_by} sent draft {winner.id} already.")
    }


async def test_one_changes_it_and_the_others_learn_what_was_done(any_store: Store) -> None:
    done = await at_once(any_store, await draft(any_store), "pending")
    (winner,) = [one for one in done if isinstance(one, Draft)]
    others = [one for one in done if not isinstance(one, Draft)]
    what = f"This draft has changed since you opened it: {winner.options['changed']}. Here is the new one."
    assert {(type(one), str(one)) for one in others} == {(DraftChanged, what)}

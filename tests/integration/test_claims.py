"""Claims on both databases, with read-only Beads: one wins, whoever comes at the same time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.beads import BeadsBook, NoBeads
from bot.beads.sample import write_sample
from bot.clock import SystemClock
from bot.errors import MafError, NotFound
from bot.home import Home
from bot.packs import Packs
from bot.store import Store
from bot.store.audit import Audit
from bot.store.tables import AuditRow
from bot.work.claims import DELETED, Claims


@pytest.fixture
def book(tmp_path: Path) -> BeadsBook:
    write_sample(tmp_path / "shop")
    return BeadsBook({}, binary=None)


async def test_of_ten_at_once_one_wins_and_the_others_learn_who(
    any_store: Store, book: BeadsBook, tmp_path: Path
) -> None:
    claims = Claims(any_store, book, SystemClock())
    bead = await (await book.for_workdir(tmp_path / "shop")).show("shop-41")
    results = await asyncio.gather(*(claims.claim(f"w{n}", bead) for n in range(10)))
    winners = [result for result in results if result.won]
    assert len(winners) == 1 and winners[0].fresh and not winners[0].in_beads
    assert {result.holder for result in results} == {winners[0].agent}
    again = await claims.claim(winners[0].agent, bead)
    assert again.won and not again.fresh
    assert [claim.bead for claim in await claims.of(winners[0].agent)] == ["shop-41"]
    assert await claims.release("shop-41", "nobody", "test") is False
    assert await claims.release("shop-41", winners[0].agent, "test") is True
    assert await claims.all_open() == []
    assert (await claims.claim("w99", bead)).fresh, "free again"


async def test_what_a_deleted_agent_left_is_not_the_next_one_s_until_it_takes_it(
    any_store: Store, book: BeadsBook, tmp_path: Path
) -> None:
    claims = Claims(any_store, book, SystemClock())
    bead = await (await book.for_workdir(tmp_path / "shop")).show("shop-41")
    await claims.claim("w1", bead)
    await claims.mark((await claims.of("w1"))[0], DELETED)
    assert await claims.of("w1") == [], "another one may have the name by now"
    assert (await claims.claim("w1", bead, made_for="draft k7q2")).won
    assert [claim.made_for for claim in await claims.of("w1")] == ["draft k7q2"]
    await claims.mark((await claims.of("w1"))[0], DELETED)
    assert await claims.release("shop-41", "w1", DELETED) is True
    assert await claims.all_open() == []


async def test_claims_of_finished_beads_are_closed(any_store: Store, book: BeadsBook, tmp_path: Path) -> None:
    claims = Claims(any_store, book, SystemClock())
    client = await book.for_workdir(tmp_path / "shop")
    for name in ("shop-41", "shop-17"):
        await claims.claim("w1", await client.show(name))
    read_at = SystemClock().now()
    await claims.claim("w2", await client.show("shop-55"))
    closed = await claims.settle(str(client.repo), {"shop-17"}, read_at=read_at)
    assert [claim.bead for claim in closed] == ["shop-41"]
    assert [claim.bead for claim in await claims.all_open()] == ["shop-17", "shop-55"]


async def test_what_is_given_back_while_nobody_asks_is_in_the_trail(
    any_store: Store, book: BeadsBook, tmp_path: Path
) -> None:
    claims = Claims(any_store, book, SystemClock())
    client = await book.for_workdir(tmp_path / "shop")
    for bead in ("shop-41", "shop-52", "shop-55"):
        await claims.claim("w1", await client.show(bead))
    await claims.release("shop-41", "w1", "asked for")
    await claims.release("shop-52", "w1", "the prompt was refused", asked=False)
    await claims.settle(str(client.repo), set(), read_at=SystemClock().now())
    async with any_store.begin() as tx:
        trail = [
            (row.actor, row.action, row.target, row.detail["agent"], row.detail["reason"])
            for row in await tx.scalars(select(AuditRow).order_by(AuditRow.id))
        ]
    assert trail == [
        ("bot", "bead.release", "shop-52", "w1", "the prompt was refused"),
        ("bot", "bead.done", "shop-55", "w1", "done"),
    ]


async def test_what_is_given_back_is_in_the_trail_before_and_once_however_often_it_is_tried(
    any_store: Store, book: BeadsBook, tmp_path: Path
) -> None:
    clock = SystemClock()
    bead = await (await book.for_workdir(tmp_path / "shop")).show("shop-41")
    await Claims(any_store, book, clock).claim("w1", bead)
    program = tmp_path / "bd"
    program.write_text("#!/bin/sh\necho 'the database is locked' >&2\nexit 1\n")
    program.chmod(0o755)
    (tmp_path / "shop" / ".beads" / "beads.db").touch()  # to be written with bd
    down, audit = Claims(any_store, BeadsBook({}, binary=str(program)), clock), Audit(any_store, clock)
    for _ in range(2):
        with pytest.raises(MafError):
            await down.release("shop-41", "w1", DELETED, asked=False)
    did = {"agent": "w1", "repo": bead.repo, "reason": DELETED}
    (row,) = await audit.recent()
    assert (row.actor, row.action, row.target, row.detail, row.outcome) == (
        ("bot", "bead.release", "shop-41", did, "begun")
    )
    await audit.interrupted()  # by a restart
    assert await Claims(any_store, book, clock).release("shop-41", "w1", DELETED, asked=False)
    (row,) = await audit.recent()
    assert (row.detail, row.outcome) == (did, "done")


async def test_a_bead_to_be_given_back_stays_with_who_takes_it_up_under_the_same_name(
    any_store: Store, book: BeadsBook, tmp_path: Path
) -> None:
    claims = Claims(any_store, book, SystemClock())
    bead = await (await book.for_workdir(tmp_path / "shop")).show("shop-41")
    await claims.claim("w1", bead, made_for="an old draft")
    (held,) = await claims.of("w1")
    await claims.mark(held, DELETED)
    assert (await claims.claim("w2", bead)).holder == "w1"
    assert [one.made_for for one in await claims.all_open()] == [DELETED]
    assert (await claims.claim("w1", bead, made_for="a new draft")).won
    (taken,) = await claims.all_open()
    assert taken.made_for == "a new draft" and taken.claimed_at > held.claimed_at


async def test_a_claim_that_beads_refuse_leaves_nothing(any_store: Store, book: BeadsBook, tmp_path: Path) -> None:
    claims = Claims(any_store, book, SystemClock())
    bead = await (await book.for_workdir(tmp_path / "shop")).show("shop-41")
    (tmp_path / "shop" / ".beads" / "issues.jsonl").unlink()
    with pytest.raises(NoBeads):
        await claims.claim("w1", bead)
    assert await claims.all_open() == []


async def test_gather_reads_each_repo_once_and_says_what_is_wrong(book: BeadsBook, tmp_path: Path) -> None:
    (tmp_path / "shop" / "src").mkdir()
    (tmp_path / "empty").mkdir()
    found = await book.gather([tmp_path / "shop", tmp_path / "shop" / "src", tmp_path / "empty"])
    assert len(found.ready) == 9 and found.ready[0].id == "shop-55"
    assert set(found.repo_of.values()) == {str(tmp_path / "shop")} and len(found.repo_of) == 2
    assert found.read_only == {str(tmp_path / "shop")}
    assert len(found.notes) == 2 and "bd init" in found.notes[0] and "read-only" in found.notes[1]


async def test_an_unknown_bead_names_the_nearest(book: BeadsBook, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="shop-41"):
        await (await book.for_workdir(tmp_path / "shop")).show("shop-411")


async def test_the_active_pack_is_kept(any_store: Store, tmp_path: Path) -> None:
    packs = Packs(Home(tmp_path))
    async with any_store.begin() as tx:
        assert await packs.active(tx) == "general"
        await packs.set_active(tx, "release")
    with pytest.raises(NotFound, match="Did you mean release"):
        async with any_store.begin() as tx:
            await packs.set_active(tx, "relese")
    async with any_store.begin() as tx:
        assert await packs.active(tx) == "release"

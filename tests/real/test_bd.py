"""The real `bd`: its answers, its claims, and our own reading of its export beside its own `ready`."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.beads import Beads, BeadsBook, BeadsError, BeadTaken
from bot.beads.bd import Bd
from bot.beads.sample import sample_lines
from bot.clock import SystemClock
from bot.errors import NotFound, Refused
from bot.settings import tool_environment
from bot.store import Store, migrate
from bot.work.claims import Claims
from tests.patience import PATIENCE_S
from tests.real.installed import need


@pytest.fixture(scope="module")
def bd() -> Path:
    return Path(need("bd"))


def run(bd: Path, folder: Path, *args: str) -> str:
    done = subprocess.run(
        [bd, "--json", "--actor", "ann", *args],
        cwd=folder, env=tool_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"bd {args}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def made_once(bd: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repo with the sample in a real database; making one takes seconds, so each test gets a copy."""
    folder = tmp_path_factory.mktemp("made") / "shop"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True, timeout=PATIENCE_S)
    run(bd, folder, "init", "--prefix", "shop", "--non-interactive", "--skip-agents", "--skip-hooks")
    source = folder / "sample.jsonl"
    source.write_text("\n".join(sample_lines()) + "\n", encoding="utf-8")
    run(bd, folder, "import", str(source))
    return folder


@pytest.fixture
def shop(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "shop", symlinks=True))


@pytest.fixture
def book(bd: Path) -> BeadsBook:
    return BeadsBook(tool_environment(), binary=bd)


@pytest.fixture
async def beads(book: BeadsBook, shop: Path) -> Beads:
    return await book.for_workdir(shop)


async def test_the_database_is_read_by_bd(beads: Beads, shop: Path) -> None:
    assert beads.writable and beads.repo == shop
    snapshot = await beads.snapshot()
    assert [bead.id for bead in snapshot.ready][:3] == ["shop-55", "shop-17", "shop-41"]
    assert len(snapshot.ready) == 9 and len(snapshot.open) == 12 and snapshot.in_progress == ()
    cart = await beads.show("shop-41")
    assert cart.acceptance.startswith("- The total equals") and cart.labels == ("frontend",)
    assert (await beads.show("shop-38")).blocked_by == ("shop-17",)
    with pytest.raises(NotFound, match="shop-41"):
        await beads.show("shop-411")


async def test_claim_and_release(beads: Beads) -> None:
    assert (await beads.claim("shop-41", "w1")).assignee == "w1"
    assert (await beads.claim("shop-41", "w1")).status == "in_progress", "again by the same is no error"
    with pytest.raises(BeadTaken) as taken:
        await beads.claim("shop-41", "w2")
    assert taken.value.holder == "w1"
    with pytest.raises(Refused, match=r"shop-38 waits for shop-17\."):
        await beads.claim("shop-38", "w2")
    work = await beads.snapshot()
    assert [bead.id for bead in work.in_progress] == ["shop-41"]
    assert "shop-41" not in [bead.id for bead in work.ready]
    assert await beads.release("shop-41", "w2") is False
    assert await beads.release("shop-41", "w1") is True
    assert await beads.release("shop-41", "w1") is False
    back = await beads.show("shop-41")
    assert (back.status, back.assignee) == ("open", "")


async def test_a_closed_bead_cannot_be_claimed(beads: Beads, bd: Path, shop: Path) -> None:
    run(bd, shop, "close", "shop-41", "-r", "done")
    with pytest.raises(Refused, match="already closed"):
        await beads.claim("shop-41", "w1")


async def test_eight_clients_at_once_and_one_wins(bd: Path, shop: Path) -> None:
    """Each with a lock of its own, as eight processes would be."""
    clients = [await BeadsBook(tool_environment(), binary=bd).for_workdir(shop) for _ in range(8)]
    results = await asyncio.gather(
        *(client.claim("shop-55", f"w{n}") for n, client in enumerate(clients)), return_exceptions=True
    )
    winners = [result.assignee for result in results if not isinstance(result, BaseException)]
    losers = [result for result in results if isinstance(result, BaseException)]
    assert len(winners) == 1 and all(isinstance(loser, BeadTaken) for loser in losers), losers
    assert {loser.holder for loser in losers if isinstance(loser, BeadTaken)} == set(winners)


async def test_a_claim_of_ours_is_written_to_beads_and_back(book: BeadsBook, beads: Beads, tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/maf.db"
    await migrate.upgrade(url)
    store = Store(url)
    try:
        claims = Claims(store, book, SystemClock())
        result = await claims.claim("w1", await beads.show("shop-41"))
        assert result.won and result.fresh and result.in_beads
        assert (await beads.show("shop-41")).assignee == "w1"
        assert await claims.release("shop-41", "w1", "prompt refused")
        assert (await beads.show("shop-41")).assignee == "" and await claims.all_open() == []
        await beads.claim("shop-17", "alice")
        lost = await claims.claim("w1", await beads.show("shop-17"))
        assert (lost.won, lost.holder) == (False, "alice") and await claims.all_open() == []
    finally:
        await store.close()


async def test_our_ready_is_that_of_bd(bd: Path, shop: Path, tmp_path: Path) -> None:
    """Blockers, parents, deferral, closing: the export read by us against what bd itself says."""
    for args in (
        ("create", "Group", "--type", "epic", "--id", "shop-100"),
        ("create", "In the group", "--parent", "shop-100"),
        ("create", "In it too", "--parent", "shop-100"),
        ("dep", "add", "shop-100", "shop-55", "--type", "blocks"),
        ("create", "Later", "--defer", "2030-01-01", "--id", "shop-103"),
        ("dep", "add", "shop-60", "shop-45", "--type", "related"),
        ("dep", "add", "shop-47", "shop-56", "--type", "waits-for"),
        ("dep", "add", "shop-41", "shop-100", "--type", "waits-for"),
        ("close", "shop-17", "-r", "done"),
        ("update", "shop-44", "--claim"),
        ("update", "shop-45", "--status", "blocked"),
    ):
        run(bd, shop, *args)
    theirs = {raw["id"] for raw in json.loads(run(bd, shop, "ready", "--limit", "0")) if raw["status"] == "open"}
    copy = tmp_path / "copy" / ".beads"
    copy.mkdir(parents=True)
    run(bd, shop, "export", "-o", str(copy / "issues.jsonl"))
    alone = BeadsBook({}, binary=None)
    ours = await (await alone.for_workdir(copy.parent)).snapshot()
    assert {bead.id for bead in ours.ready} == theirs
    assert {"shop-38", "shop-47"} <= theirs and not theirs & {
        "shop-41",
        "shop-100.1",
        "shop-100.2",
        "shop-103",
        "shop-44",
        "shop-45",
    }
    # And the two ways of reading give the same beads with the same blockers.
    by_bd = await (await BeadsBook(tool_environment(), binary=bd).for_workdir(shop)).snapshot()
    assert [(b.id, b.blocked_by, b.dependents_count) for b in by_bd.open] == [
        (b.id, b.blocked_by, b.dependents_count) for b in ours.open
    ]


async def test_the_envelope_is_understood(bd: Path, shop: Path) -> None:
    direct = Bd(bd, shop, tool_environment())
    # The person's own BD_ variables do not reach bd; here the envelope is wanted, to read it.
    direct._env = direct._env | {"BD_JSON_ENVELOPE": "1"}
    assert len(await direct.read("list", "--limit", "0")) == 12
    assert await direct.read("show", "shop-0", missing_ok=True) == []


async def test_a_bd_that_hangs_or_fails_is_an_error_in_words(shop: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    with pytest.raises(BeadsError, match=r"did not answer within 0\.5 s"):
        await Bd(slow, shop, tool_environment(), timeout=0.5).read("list")
    (tmp_path / "none").mkdir()
    with pytest.raises(BeadsError, match="bd list failed"):
        await Bd(Path(need("bd")), tmp_path / "none", tool_environment()).read("list")


async def test_a_database_without_bd_says_what_to_do(shop: Path) -> None:
    with pytest.raises(BeadsError) as caught:
        await BeadsBook({}, binary=None).for_workdir(shop)
    assert "needs the bd program" in caught.value.message and "bd export" in caught.value.hint

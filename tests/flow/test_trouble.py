"""Trouble while the main job runs: slow Telegram, repeated updates, drafts that are too old, agents that are away."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.app import App
from bot.broadcast import ledger
from bot.cli.running import run_bot
from bot.cli.terminal import Terminal
from bot.errors import DEPENDENCY, NotFound, RemoteError
from bot.home import Home
from bot.remote import client
from bot.settings import load_settings
from bot.store import engine
from bot.store.tables import DraftRow
from tests.clocks import Ahead
from tests.flow.product import button, pair_owner, product, socket_of, until
from tests.integration.sandbox_client import running
from tests.patience import PATIENCE_S
from tests.private_tmux import end_server


async def test_telegram_that_slows_down_fails_and_repeats_changes_nothing_for_the_agents(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        draft = await p.draft()
        await p.client.fault("429", method="editMessageText", count=2, retry_after=1)
        await p.client.fault("500", method="editMessageText", count=1)
        await p.client.fault("duplicate", method="getUpdates", count=3)
        await p.client.press(draft["message_id"], button(draft, "Send 3"))
        await p.becomes(draft["message_id"], lambda m: m["text"].count("started") == 3)
        assert [len(p.prompts(agent)) for agent in p.agents] == [1, 1, 1]


async def locked(file: Path) -> sqlite3.Connection:
    """The store, locked by another program until the connection is closed."""
    other = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
    # In a thread: a transaction of ours may be open, and it ends only while the loop goes on.
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
    return other


def waits(caplog: pytest.LogCaptureFixture) -> int:
    """How often the bot said that it waits for its store."""
    return sum("The store is locked by another process. Waiting" in record.message for record in caplog.records)


async def test_a_store_that_another_program_locks_is_said_and_what_came_meanwhile_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 2.0)  # enough for our own, and soon over for this test
    async with product(tmp_path, agents=1) as p:
        with closing(await locked(p.home.database)):
            asked = asyncio.to_thread(client.call, p.home.socket, "pair.create", {"role": "viewer"}, timeout=PATIENCE_S)
            with pytest.raises(RemoteError, match="The store is locked by another process") as caught:
                await asked
            assert (caught.value.code, caught.value.exit_code) == ("store", DEPENDENCY)
            await p.client.say("/agent w1")
        await p.message(lambda m: m["from"]["is_bot"] and m["text"].startswith("🟢 w1"))


async def test_a_bot_that_starts_while_its_store_is_locked_waits_and_then_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.3)
    home = Home(tmp_path / "home")
    home.root.mkdir()
    async with running() as person:
        sandbox = person.sandbox
        settings = load_settings(
            home, bot_token=sandbox.token, telegram_api=sandbox.origin, tmux_socket=socket_of(tmp_path)
        )
        async with App.open(home, settings, background=True) as app:
            await pair_owner(app, sandbox.owner)
            with closing(await locked(home.database)):
                bot = asyncio.create_task(app.run())
                await until(lambda: waits(caplog) > 0 or bot.done(), what="waiting")
                await person.say("/agents")
            await person.until(lambda m: any("There are no agents yet" in x["text"] for x in m))
            assert not bot.done()
            bot.cancel()
            await asyncio.gather(bot, return_exceptions=True)


async def test_maf_run_waits_for_a_locked_store_too_and_brings_its_agents_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.3)
    home, socket = Home(tmp_path / "home"), socket_of(tmp_path)
    home.root.mkdir()
    async with running() as person:
        sandbox = person.sandbox
        settings = load_settings(
            home, bot_token=sandbox.token, telegram_api=sandbox.origin, tmux_socket=socket, project_root=tmp_path
        )
        async with App.open(home, settings) as app:
            await pair_owner(app, sandbox.owner)
            await app.call("agent.create", {"type": "demo", "id": "d1"})
        end_server(socket)
        try:
            with closing(await locked(home.database)):
                bot = asyncio.create_task(run_bot(Terminal(home_option=str(home.root)), settings))
                await until(lambda: waits(caplog) > 0 or bot.done(), what="waiting")
                ended, _ = await asyncio.wait({bot}, timeout=1.0)  # more than one who asks is left waiting
                assert not ended, bot.exception()
            await person.until(lambda m: any("1 agent is back" in x["text"] for x in m), within=60)
            assert not bot.done()
            bot.cancel()
            await asyncio.gather(bot, return_exceptions=True)
        finally:
            end_server(socket)


async def test_prompts_on_their_way_wait_for_a_locked_store_and_arrive_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.3)
    reached = asyncio.Event()
    async with product(tmp_path, checkpoint=lambda point, _: reached.set() if point == "after_paste" else None) as p:
        draft = await p.draft()
        await p.client.press(draft["message_id"], button(draft, "Send 3"))
        await reached.wait()
        with closing(await locked(p.home.database)):
            await until(lambda: waits(caplog) > 2, what="waiting")
        await p.becomes(draft["message_id"], lambda m: m["text"].count("started") == 3)
        assert [len(p.prompts(agent)) for agent in p.agents] == [1, 1, 1]
        pane = str((await p.app.services.registry.get("w1")).pane)
        await until(lambda: p.app.services.watch.view("w1").state == "idle", what="w1 idle")
        await p.app.services.panes.keys(pane, "SHELL", literal=True)
        await p.app.services.panes.keys(pane, "Enter")
        await p.message(lambda m: "w1 wants to run" in m["text"])


async def test_who_sends_while_the_store_gets_locked_is_told_how_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A script that is told of the store instead would send it again."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.3)
    reached = asyncio.Event()
    async with product(
        tmp_path, agents=1, beads=False, checkpoint=lambda point, _: reached.set() if point == "after_paste" else None
    ) as p:
        params = {"id": "w1", "text": "once", "wait": 1.0}
        asked = asyncio.create_task(
            asyncio.to_thread(client.call, p.home.socket, "agent.send", params, timeout=PATIENCE_S)
        )
        await reached.wait()
        with closing(await locked(p.home.database)):
            await until(lambda: waits(caplog) > 0, what="waiting")
            await asyncio.wait({asked}, timeout=2.0)  # longer than it was to wait
        answer = await asked
        assert answer["status"] in ("submitted", "started"), answer
        assert len(p.prompts("w1")) == 1


async def test_a_draft_that_is_too_old_is_not_sent(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        draft = await p.draft()
        async with p.app.services.store.begin() as tx:
            await tx.execute(update(DraftRow).values(expires_at=p.app.services.clock.now() - timedelta(seconds=1)))
        answer = await p.client.press(draft["message_id"], button(draft, "Send 1"))
        await p.told("has expired; nothing of it was sent", answer)
        closed = await p.becomes(draft["message_id"], lambda m: "has expired" in m["text"])
        await p.client.press(draft["message_id"], button(closed, "Fresh draft"))
        fresh = await p.message(lambda m: m["message_id"] != draft["message_id"] and "1 prompt " in m["text"])
        assert p.prompts("w1") == []
        assert button(fresh, "Send 1")


async def test_refused_items_give_back_what_was_claimed_for_them_and_are_tried_again(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        draft = await p.draft()
        mid, claims = draft["message_id"], p.app.services.claims
        _, stopped, asks = [i["bead"] for i in (await p.status())["items"]]
        await p.app.call("agent.stop", {"id": "w2"})
        beads = await p.app.services.book.for_workdir(p.project)
        await claims.claim("w3", await beads.show(asks))  # its own doing, which a refusal must not undo
        pane = str((await p.app.services.registry.get("w3")).pane)
        await p.app.services.panes.keys(pane, "SHELL", literal=True)
        await p.app.services.panes.keys(pane, "Enter")
        await until(lambda: p.app.services.watch.view("w3").state == "waiting", what="w3's question")
        await p.client.press(mid, button(draft, "Send 3"))
        report = await p.becomes(mid, lambda m: "w2 is stopped" in m["text"] and "Retry" in str(m))
        assert "1 of 3 taken" in report["text"]
        assert "w3 waits for a permission; your text would have answered it." in report["text"]
        held = {c.bead: c.agent for c in await claims.all_open()}
        assert stopped not in held
        assert held[asks] == "w3"
        await p.app.services.panes.keys(pane, "Escape")
        await p.app.call("agent.start", {"id": "w2"})
        await until(lambda: p.app.services.watch.view("w3").state == "idle", what="w3 idle")
        taps = [p.client.press(mid, button(report, "Retry failed")) for _ in range(2)]
        await p.told("There is nothing to retry in draft", *await asyncio.gather(*taps))
        await p.becomes(mid, lambda m: "3 of 3 taken" in m["text"])
        assert [len(p.prompts(agent)) for agent in p.agents] == [1, 1, 2]


async def test_a_bead_that_somebody_took_meanwhile_is_not_given_twice(tmp_path: Path) -> None:
    async with product(tmp_path) as p:
        draft = await p.draft()
        first = (await p.status())["items"][0]
        beads = await p.app.services.book.for_workdir(p.project)
        await p.app.services.claims.claim("somebody", await beads.show(first["bead"]))
        await p.client.press(draft["message_id"], button(draft, "Send 3"))
        await p.becomes(draft["message_id"], lambda m: f"{first['bead']} went to somebody" in m["text"])
        assert p.prompts("w1") == []


async def test_no_agents_and_no_beads_say_what_to_do(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        await p.client.say("/broadcast_targeted")
        await p.message(lambda m: "There are no agents yet" in m["text"] and "/new" in m["text"])
        await p.client.say("/brodcast_targeted")
        await p.message(lambda m: "Did you mean /broadcast_targeted" in m["text"])
        await p.client.say("hello")
        await p.message(lambda m: "I did nothing with that" in m["text"] and "/help" in m["text"])
        await p.client.say("/broadcast_apply zzzz")
        await p.message(lambda m: "No draft named zzzz" in m["text"])
        with pytest.raises(NotFound):
            await p.app.services.drafts.get()


async def test_a_busy_agent_gets_its_prompt_when_it_is_free(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as p:
        draft = await p.draft()
        pane = str((await p.app.services.registry.get("w1")).pane)
        await p.app.services.panes.keys(pane, "WAIT4", literal=True)
        await p.app.services.panes.keys(pane, "Enter")
        await until(lambda: p.prompts("w1") == ["WAIT4"], what="work of the person's own")
        await p.client.press(draft["message_id"], button(draft, "Send 2"))
        waits = await p.becomes(draft["message_id"], lambda m: "queued, sent when it is free" in m["text"])
        assert "w1 is working" in waits["text"]
        assert len(p.prompts("w1")) == 1
        await p.becomes(draft["message_id"], lambda m: m["text"].count("started") == 2)
        assert [len(p.prompts(agent)) for agent in p.agents] == [2, 1]


async def test_two_that_begin_at_the_same_items_send_each_prompt_once(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as p:
        draft = await p.draft()
        store, sender = p.app.services.store, p.app.services.apply._sender
        async with store.begin() as tx:
            before = await ledger.read(tx)
            for item in before.items:
                await ledger.set_item(tx, item.id, {"drafted"}, status="intended")
            await ledger.set_status(tx, before.id, {"pending"}, status="applying", applied_at=before.created_at)
        ids = [item.id for item in before.items]
        await asyncio.gather(*(sender.send(before.id, ids) for _ in range(3)))
        await p.becomes(draft["message_id"], lambda m: m["text"].count("started") == 2)
        assert [len(p.prompts(agent)) for agent in p.agents] == [1, 1]
        assert {(c.agent, c.bead) for c in await p.app.services.claims.all_open()} == {
            (i.agent, i.bead) for i in before.items
        }


async def test_what_was_approved_too_long_ago_is_not_sent_until_somebody_says_so_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the store is locked for hours right after the tap."""
    clock = Ahead()
    monkeypatch.setattr("bot.app.wiring.SystemClock", lambda: clock)  # the machine's own cannot be moved

    def hours_pass(point: str, _: str) -> None:
        if point == "after_taken":
            clock.by = timedelta(hours=3)

    async with product(tmp_path, agents=1, checkpoint=hours_pass) as p:
        draft = await p.draft()
        await p.client.press(draft["message_id"], button(draft, "Send 1"))
        late = await p.becomes(draft["message_id"], lambda m: "not sent: it was approved 3 h 00 min ago" in m["text"])
        assert p.prompts("w1") == []
        assert await p.app.services.claims.all_open() == []
        await p.client.press(draft["message_id"], button(late, "Retry"))
        await p.becomes(draft["message_id"], lambda m: "1 of 1 taken" in m["text"])
        assert len(p.prompts("w1")) == 1

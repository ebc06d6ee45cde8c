"""Looking at agents from the chat: the board, their screens, live and as pictures, their last answers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import update

from bot.agents.resources.strain import Strain
from bot.agents.resources.usage import Usage
from bot.agents.seeing.fonts import Fonts
from bot.agents.seeing.picture import MARGIN, SIZE
from bot.app import live as live_messages
from bot.store.tables import OutboxRow
from bot.tmux.processes import Process, children_of
from handlers import screens
from tests.flow.product import Product, button, product, until

NOTHING = Usage(0, None, 10**15, 0, 0)


async def newest(made: Product, wanted: str, **where: Any) -> dict[str, Any]:
    return await made.message(lambda m: wanted in m["text"] and m["from"]["is_bot"], **where)


async def test_the_board_follows_what_happens_and_a_quiet_one_is_left_alone(tmp_path: Path) -> None:
    async with product(tmp_path) as made:
        await made.client.say("/agents")
        board = await newest(made, "🗂 3 agents")
        assert [line.split()[1] for line in board["text"].split("\n")[1:]] == ["/w1", "/w2", "/w3"]
        await made.app.call("agent.send", {"id": "w2", "text": "SHELL `touch a.txt`", "wait": 10})
        asks = await made.becomes(board["message_id"], lambda m: "1 needs you" in m["text"])
        assert asks["text"].split("\n")[1].startswith("✋ /w2 asks")
        assert "touch a.txt" in asks["text"]
        await made.client.press(board["message_id"], button(asks, "Next that needs me"))
        card = await newest(made, "✋ w2 · waiting")
        assert button(card, "Its question")
        # Pressed again it comes round to the only one that needs somebody.
        await made.client.press(board["message_id"], button(asks, "Next that needs me"))
        await until(lambda: count(made, "✋ w2 · waiting", 2), what="the second card")

        await asyncio.sleep(4)  # two rounds in which nothing happens: what is asserted is that nothing is done
        edits = (await made.becomes(board["message_id"], lambda m: True))["edits"]
        await asyncio.sleep(7)
        assert (await made.becomes(board["message_id"], lambda m: True))["edits"] == edits


async def count(made: Product, text: str, least: int) -> bool:
    return sum(text in m["text"] for m in await made.all()) >= least


async def test_ids_are_links_and_cards_have_buttons(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as made:
        for word in ("/w1", "/agent_w1", "/agent w1"):
            before = {m["message_id"] for m in await made.all()}
            await made.client.say(word)
            card = await made.message(
                lambda m, old=before: m["message_id"] not in old and m["text"].startswith("🟢 w1")
            )
            labels = {b["label"] for row in card["buttons"] for b in row}
            assert {"👁 Screen", "🖼 Picture", "📺 Watch", "✉️ Send", "↻ Restart", "⏹ Stop", "❄️ Freeze"} <= labels
        await made.client.say("/w9")
        await newest(made, "There is no command /w9")
        await made.client.press(card["message_id"], "✉️ Send")
        ask = await newest(made, "Reply to this message with the text for w1")
        await made.client.say("do this please", reply_to=ask["message_id"])
        await until(lambda: any("do this please" in p for p in made.prompts("w1")), what="the prompt")
        assert not made.prompts("w2")


async def test_a_screen_is_watched_until_it_is_stopped(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        await made.client.say("/watch w1")
        live = await newest(made, "📺 w1 · 🟢 idle")
        assert "live, " in live["text"]
        await made.app.call("agent.send", {"id": "w1", "text": "say something WAIT3", "wait": 5})
        await made.becomes(live["message_id"], lambda m: "say something" in m["text"] and "working" in m["text"])
        assert await made.client.press(live["message_id"], "⏹ Stop watching")
        over = await made.becomes(live["message_id"], lambda m: "Not live any more." in m["text"])
        edits = over["edits"]
        await made.app.call("agent.send", {"id": "w1", "text": "unseen words", "wait": 15})
        await until(lambda: any("unseen words" in p for p in made.prompts("w1")), what="the prompt")
        await asyncio.sleep(4)  # longer than a round of refreshing: what is asserted is that nothing is done
        after = await made.becomes(live["message_id"], lambda m: True)
        assert (after["edits"], "unseen words" in after["text"]) == (edits, False)


async def test_a_screen_is_watched_no_longer_than_was_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "WATCH_FOR", timedelta(seconds=5))
    async with product(tmp_path, agents=1) as made:
        await made.client.say("/watch w1")
        live = await newest(made, "📺 w1")
        # Telegram slows the chat down just then: the last word comes all the same.
        await made.client.fault("429", method="editMessageText", count=1, retry_after=2)
        over = await made.becomes(live["message_id"], lambda m: "Not live any more." in m["text"])
        assert [b["label"] for row in over["buttons"] for b in row] == ["📺 Again", "↻ Screen"]
        assert not made.app.services.live.of("watch")


async def test_a_second_watch_of_the_same_agent_ends_the_first(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        await made.client.say("/watch w1")
        first = await newest(made, "📺 w1")
        await made.client.say("/watch w1")
        await made.becomes(first["message_id"], lambda m: "Not live any more." in m["text"])
        second = await newest(made, "📺 w1")
        assert second["message_id"] != first["message_id"]


async def test_the_screen_as_picture_and_as_text(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        await made.client.say("/capture w1 picture")
        message = await made.message(lambda m: bool(m.get("photo")))
        content = await download(made, message["photo"]["url"])
        with Image.open(BytesIO(content)) as picture:
            wide, _ = Fonts(SIZE).cell
            columns = (await made.app.services.panes.facts())[pane(made)].width
            assert picture.format == "PNG"
            assert picture.width == columns * wide + 2 * MARGIN
        await made.client.say("/capture w1 5")
        text = await newest(made, "👁 w1")
        assert "Type a task" in text["text"]
        assert text["text"].count("─" * 30) == 2 and "─" * 31 not in text["text"], "a rule takes one line of a phone"
        for wrong, said in (
            ("/capture w1 many", "no number of lines"),
            ("/capture w1 99999", "At most 2,000 lines"),
            ("/capture w9", "No agent"),
        ):
            await made.client.say(wrong)
            await newest(made, said)


def pane(made: Product) -> str:
    found = made.app.services.watch.view("w1").agent.pane
    assert found is not None
    return found


async def download(made: Product, url: str) -> bytes:
    async with made.client.session.get(
        made.client.sandbox.origin + url, headers={"X-Sandbox-Key": made.client.sandbox.key}
    ) as answer:
        assert answer.status == 200
        return await answer.read()


async def test_the_last_answer_in_full(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        await made.client.say("/w1")
        card = await newest(made, "🟢 w1 · idle")
        await made.client.press(card["message_id"], "💬 Last answer")
        await newest(made, "w1 has not answered anything yet.")
        await made.app.call("agent.send", {"id": "w1", "text": "tell me all", "wait": 10})
        await until(lambda: made.app.services.watch.view("w1").state == "idle", what="idle again")
        await made.client.press(card["message_id"], "💬 Last answer")
        said = await newest(made, "💬 w1")
        answer = made.app.services.watch.last("w1")
        assert answer is not None
        assert answer.files.turn.says in said["text"]
        assert any(e["type"] == "expandable_blockquote" for e in said["entities"])


async def test_a_viewer_may_look_and_not_send(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        vera = await made.person("Vera", "viewer")
        await made.client.say("/agents", who=vera, chat=vera)
        board = await made.message(lambda m: "🗂 1 agent" in m["text"], chat=vera)
        await made.client.press(board["message_id"], "🟢 w1", who=vera, chat=vera)
        card = await made.message(lambda m: m["text"].startswith("🟢 w1"), chat=vera)
        answer = await made.client.press(card["message_id"], "✉️ Send", who=vera, chat=vera)
        assert "operator" in str(answer)


@pytest.mark.parametrize("op", ["agent.health", "health"])
async def test_health_tells_what_agents_take(tmp_path: Path, op: str) -> None:
    async with product(tmp_path, agents=1) as made:
        found: Any = None

        async def told() -> bool:
            nonlocal found
            found = await made.app.call(op, {})
            one = found[0] if op == "agent.health" else found
            return bool(one["cpu_percent"] is not None and one["rss_mb"])

        await until(told, what="two samples")
        if op == "agent.health":
            assert found[0]["processes"] == 3  # the keeper, the demo agent and its tool (tests/in_agent.py)
            assert 0 < found[0]["age_s"] < 120
            assert {"tasks", "prompts", "errors", "restarts", "working_s", "waiting_s", "idle_s"} <= set(
                found[0]["stats"]
            )


async def test_what_an_agent_did_is_kept_in_its_row(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        app = made.app.services
        for text in ("one WAIT6", "two"):
            await made.app.call("agent.send", {"id": "w1", "text": text, "wait": 15})

        async def shown() -> bool:
            now = (await made.app.call("agent.show", {"id": "w1"}))["stats"]
            return now["prompts"] == 2 and now["working_s"] > 0

        await until(shown, what="what it did, before that is kept")
        await app.statistics.save()
        stats = (await app.registry.get("w1")).stats
        assert (stats["prompts"], stats["tasks"], stats["errors"], stats["restarts"]) == (2, 0, 0, 0)
        assert stats["working_s"] > 0
        assert (await made.app.call("agent.show", {"id": "w1"}))["stats"]["prompts"] == 2


async def test_an_agent_that_takes_much_is_told_of_once_and_when_it_has_recovered(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        app = made.app.services
        strain = Strain(app.store, app.watch)
        huge = {7: Process(7, 1, 7, 7, 7, "S", "claude", 1.0, 5 * 1024**3, 1.0, 0.0)}
        # Samples of another pane's process begin a history of their own; the next tick's begin the true one again.
        app.watch.resources.every = 3600.0
        app.watch.resources.note("w1", 7, huge, children_of(huge), app.clock.monotonic())
        for _ in range(3):
            await strain.check()
        told = await newest(made, "🌡 w1 takes much memory.")
        assert await count(made, "🌡", 1)
        assert not await count(made, "🌡", 2)
        # After a restart it is remembered.
        await Strain(app.store, app.watch).check()
        app.watch.resources.every = 0.0
        await until(
            lambda: (app.watch.resources.of("w1") or Usage(0, 0, 9**15, 0, 0)).rss < 10**9, what="a true sample"
        )
        await strain.check()
        await made.becomes(told["message_id"], lambda m: "a normal part of the machine again" in m["text"])
        assert not await count(made, "🌡", 2)


async def test_a_pinned_board_stays_up_to_date(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        await made.client.say("/agents")
        pinned = await newest(made, "🗂 1 agent")
        await made.client.press(pinned["message_id"], "📌")
        await until(lambda: bool(made.client.sandbox.world.chats[made.client.sandbox.owner].pinned), what="the pin")
        await made.client.say("/agents")
        other = await made.message(lambda m: "🗂" in m["text"] and m["message_id"] != pinned["message_id"])
        await made.app.call("agent.send", {"id": "w1", "text": "SHELL", "wait": 10})
        for board in (pinned, other):
            await made.becomes(board["message_id"], lambda m: "1 needs you" in m["text"])
        # Days later, in a new process.
        app = made.app.services
        app.live.followed.clear()
        async with app.store.begin() as tx:
            await tx.execute(update(OutboxRow).values(created_at=app.clock.now() - timedelta(days=9)))
        await live_messages.begin(app)
        await made.app.call("agent.stop", {"id": "w1"})
        await made.becomes(pinned["message_id"], lambda m: "stopped" in m["text"])


async def test_what_was_watched_before_a_restart_ends_and_the_board_goes_on(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        await made.client.say("/watch w1")
        live = await newest(made, "📺 w1")
        await made.client.say("/agents")
        board = await newest(made, "🗂 1 agent")
        app = made.app.services
        # As a new process finds it: nothing in memory, everything in the rows.
        app.live.followed.clear()
        await live_messages.begin(app)
        await made.becomes(live["message_id"], lambda m: "Not live any more." in m["text"])
        await made.app.call("agent.send", {"id": "w1", "text": "SHELL", "wait": 10})
        await made.becomes(board["message_id"], lambda m: "1 needs you" in m["text"])
        assert sum("📺" in m["text"] for m in await made.all()) == 0

"""The outbox against the sandbox over HTTP: order, pace, faults, restarts, edits."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.notices import post, touch
from bot.store import Store
from bot.store.tables import ClosedChatRow, OutboxRow
from bot.telegram.card import text_data
from bot.telegram.lane import REPEAT
from bot.telegram.outbox import POLL_S
from bot.telegram.outbox_rows import NO_ANSWER, OutboxRows
from bot.telegram.pace import EDIT_SPACING, PER_SECOND
from tests.integration.agents_fleet import eventually
from tests.patience import PATIENCE_S

from .outbox_world import COUNTS, World
from .sandbox_client import running


@pytest.fixture
async def world(store: Store) -> AsyncIterator[World]:
    async with running() as client:
        yield World(store, client)


async def test_messages_go_out_in_order_and_soon(world: World) -> None:
    async with world.outbox():
        for n in range(4):
            await world.post(f"m{n}")
        assert await world.texts(4) == ["m0", "m1", "m2", "m3"]
        apart = await _apart(world)
        assert min(apart) < 1 / PER_SECOND, f"a few are a burst, and do not keep the pace of many: {apart}"


async def test_a_burst_is_slowed_to_one_a_second(world: World) -> None:
    for n in range(8):
        await world.post(f"m{n}")
    async with world.outbox():
        assert await world.texts(8) == [f"m{n}" for n in range(8)]
        apart = await _apart(world)
        assert sum(apart) > 2.0, apart
        assert min(apart[-3:]) < 2 / PER_SECOND, f"and not to less: {apart}"


async def test_a_flood_wait_holds_that_chat_in_order_and_no_other(world: World) -> None:
    ann = (await world.client.post("/sandbox/users", {"name": "Ann"}))["id"]
    await world.client.say("hi", chat=ann, who=ann)
    await world.client.fault("429", method="sendMessage", count=1, retry_after=5)
    async with world.outbox():
        await world.post("first")
        await _until_calls(world, 1)
        await world.post("second")
        await world.post("to Ann", chat_id=ann)
        messages = await world.client.until(lambda ms: len(ms) == 2, chat=ann)
        assert messages[1]["text"] == "to Ann"
        assert await world.texts(2) == ["first", "second"]
        chats = [int(call["parameters"]["chat_id"]) for call in await world.client.calls("sendMessage")]
        assert chats == [world.owner, ann, world.owner, world.owner]


async def test_the_newest_edit_wins_at_most_one_in_three_seconds(world: World) -> None:
    COUNTS["a"] = 0
    async with world.outbox():
        async with world.store.begin() as tx:
            await post(tx, "count", {"name": "a"}, chat_id=world.owner, key="live:a")
        assert await world.texts(1) == ["count 0"]
        began = asyncio.get_running_loop().time()
        for n in range(1, 30):
            COUNTS["a"] = n
            async with world.store.begin() as tx:
                await touch(tx, "live:a")
            await asyncio.sleep(0.02)
        touching = asyncio.get_running_loop().time() - began
        messages = await world.client.until(lambda ms: ms[0]["text"] == "count 29")
        assert len(messages) == 1 and messages[0]["edits"] <= touching / EDIT_SPACING + 2
        edits = await world.client.calls("editMessageText")
        at = [datetime.fromisoformat(c["at"]) for c in edits]
        assert all(b - a >= timedelta(seconds=2.9) for a, b in itertools.pairwise(at))


async def test_posting_with_the_same_key_edits(world: World) -> None:
    async with world.outbox():
        await world.post("one", key="k")
        assert await world.texts(1) == ["one"]
        await world.post("two", key="k")
        messages = await world.client.until(lambda ms: ms[0]["text"] == "two")
        assert len(messages) == 1


async def test_not_modified_is_fine_and_a_vanished_message_is_said_anew(world: World) -> None:
    COUNTS["b"] = 1
    async with world.outbox():
        async with world.store.begin() as tx:
            row = await post(tx, "count", {"name": "b"}, chat_id=world.owner, key="live:b")
        await world.settled(row, "sent")
        async with world.store.begin() as tx:
            await touch(tx, "live:b")
        done = await world.settled(row, "sent")
        assert done.version == 2
        await world.client.call("deleteMessage", chat_id=world.owner, message_id=done.message_id)
        COUNTS["b"] = 2
        async with world.store.begin() as tx:
            await touch(tx, "live:b")
        messages = await world.client.until(lambda ms: len(ms) == 2 and not ms[1]["deleted"])
        assert (messages[0]["deleted"], messages[1]["text"]) == (True, "count 2")


@pytest.mark.parametrize("fault", ["500", "502", "drop"])
async def test_a_failing_server_loses_nothing(world: World, fault: str) -> None:
    await world.client.fault(fault, method="sendMessage", count=2)
    async with world.outbox():
        await world.post("first")
        await world.post("second")
        texts = await world.texts(2)
    assert [t.split("\n")[0] for t in texts] == ["first", "second"]


async def test_a_lost_answer_is_told(world: World) -> None:
    await world.client.fault("drop", method="sendMessage", carried_out=True)
    async with world.outbox():
        await world.post("hello")
        assert await world.texts(2) == ["hello", f"hello\n\n{REPEAT}"]


async def test_a_crash_between_the_call_and_its_record(world: World) -> None:
    """The row says that a try was under way: the message is sent, and says that it may be a repeat."""
    row = await world.post("hello")
    async with world.outbox() as outbox:
        pass
    async with world.store.begin() as tx:
        await tx.execute(OutboxRow.__table__.update().values(status="due"))
    await outbox.rows.trying(row)
    async with world.outbox():
        assert REPEAT in (await world.texts(1))[-1]


async def test_everything_due_is_sent_after_a_restart_once(world: World) -> None:
    async with world.outbox():
        await world.post("before")
        await world.texts(1)
    await world.post("while it was down")
    async with world.outbox():
        assert await world.texts(2) == ["before", "while it was down"]
    async with world.outbox():
        await world.post("after")
        assert await world.texts(3) == ["before", "while it was down", "after"]


async def test_what_a_closed_chat_does_not_take_waits_until_it_does(world: World) -> None:
    await world.client.post(f"/sandbox/chats/{world.owner}/block", {"from": world.owner, "blocked": True})
    async with world.outbox() as outbox:
        await world.post("first")
        await eventually(lambda: _closed(world, "bot was blocked by the user"))
        await world.post("second")
        await asyncio.sleep(POLL_S * 2)  # the time in which it would be tried
        assert len(await world.client.calls("sendMessage")) == 1, "one message finds out whether it is open"
        assert [row.status for row in await world.rows()] == ["due", "due"]
        await world.client.post(f"/sandbox/chats/{world.owner}/block", {"from": world.owner, "blocked": False})
        await outbox.try_again(world.owner, surely=True)
        assert await world.texts(2) == ["first", "second"]
        await eventually(lambda: _closed(world))


async def test_what_a_wrong_supervisor_chat_swallowed_goes_out_once_it_is_mended(world: World) -> None:
    world.supervisor = 987654321  # a slip in MAF_SUPERVISOR_CHAT
    async with world.outbox():
        for text in ("first alert", "second alert"):
            await world.post(text, chat_id=None)
        await eventually(lambda: _closed(world, "chat not found"))
        assert len(await world.client.calls("sendMessage")) == 1, "what cannot arrive is tried once, not once each"
    world.supervisor = world.owner  # mended, and the bot started anew
    async with world.outbox():
        assert await world.texts(2) == ["first alert", "second alert"]


async def test_a_chat_that_is_tried_by_itself_opens_by_itself(world: World) -> None:
    group = await _group(world)
    await _forbid(world, group, "text messages")
    async with world.outbox() as outbox:
        await world.post("waits", chat_id=group)
        await eventually(lambda: _closed(world, "not enough rights to send text messages to the chat"))
        await _forbid(world, group, "")
        async with world.store.begin() as tx:  # the pause is over
            await tx.execute(ClosedChatRow.__table__.update().values(next_try=datetime.now(UTC)))
        outbox.bell.ring()
        await world.client.until(lambda ms: [m["text"] for m in ms] == ["waits"], chat=group)


async def test_a_group_that_takes_no_pictures_gets_the_words(world: World) -> None:
    group = await _group(world)
    await _forbid(world, group, "photos, documents")
    async with world.outbox():
        async with world.store.begin() as tx:
            await post(tx, "file", {"kind": "photo"}, chat_id=group)
            await post(tx, "file", {"kind": "document"}, chat_id=group)
        messages = await world.client.until(lambda ms: len(ms) == 2, chat=group)
        first, second = [m["text"].split("\n\n") for m in messages]
        assert first == ["A chart", "The picture could not be sent: not enough rights to send photos to the chat."]
        assert second[1] == "The file could not be sent: not enough rights to send documents to the chat."
        assert await _closed(world)


async def test_what_may_be_a_repeat_still_says_so_after_it_waited_for_a_closed_chat(world: World) -> None:
    group = await _group(world)
    posted = await world.post("hello", chat_id=group)
    await OutboxRows(world.store).trying(posted)  # as after a crash in the middle of a call
    await _forbid(world, group, "text messages")
    async with world.outbox() as outbox:
        await eventually(lambda: _closed(world, "not enough rights"))
        await _forbid(world, group, "")
        await outbox.try_again(group, surely=True)
        await world.client.until(lambda ms: [m["text"] for m in ms] == [f"hello\n\n{REPEAT}"], chat=group)


async def test_what_waits_for_days_is_left_out_and_counted(world: World) -> None:
    world.supervisor = group = await _group(world)
    await _forbid(world, group, "text messages")
    async with world.outbox() as outbox:
        old = await world.post("an answer of yesterday", chat_id=group)
        notice = await world.post("needs somebody", chat_id=None)
        async with world.store.begin() as tx:
            await tx.execute(OutboxRow.__table__.update().values(created_at=datetime.now(UTC) - timedelta(hours=25)))
        await eventually(lambda: _closed(world, "not enough rights"))
        await _forbid(world, group, "")
        await outbox.try_again(group, surely=True)
        messages = await world.client.until(lambda ms: len(ms) == 2, chat=group)
        assert messages[0]["text"] == "needs somebody"
        assert "1 older message was left out" in messages[1]["text"]
        assert [row.status for row in await world.rows() if row.id in {old, notice}] == ["failed", "sent"]


async def test_a_row_that_cannot_be_rendered_blocks_no_other(world: World) -> None:
    async with world.outbox():
        async with world.store.begin() as tx:
            broken = await post(tx, "broken", {}, chat_id=world.owner)
            unknown = await post(tx, "no such card", {}, chat_id=world.owner)
        await world.post("goes out")
        assert await world.texts(1) == ["goes out"]
        assert "broken on purpose" in (await world.settled(broken, "failed")).last_error
        await world.settled(unknown, "failed")


async def test_a_long_text_comes_in_parts_each_once(world: World) -> None:
    lines = "".join(f"line {n}\n" for n in range(900))
    async with world.outbox():
        row = await world.post(lines, key="long")
        done = await world.settled(row, "sent")
        assert done.parts is not None and len(done.parts) == 2
        assert "\n".join(await world.texts(2)) == lines.strip()
        await world.post("short now", key="long")
        messages = await world.client.until(lambda ms: ms[0]["text"] == "short now" and ms[1]["deleted"])
        assert len(messages) == 2


async def test_a_crash_between_two_parts_marks_only_what_may_come_twice(world: World) -> None:
    lines = "".join(f"line {n}\n" for n in range(900))
    row = await world.post(lines)
    _, sent = await world.client.call("sendMessage", chat_id=world.owner, text="the first part")
    rows = OutboxRows(world.store)
    await rows.trying(row)
    await rows.part_sent(row, world.owner, [sent["result"]["message_id"]], more=True)
    async with world.outbox():
        await world.settled(row, "sent")
    first, second = await world.texts(2)
    assert first.startswith("line 0\n") and REPEAT not in first
    assert second.endswith(f"line 899\n\n\n{REPEAT}")


async def test_a_group_that_became_a_supergroup_is_followed(world: World) -> None:
    owner = world.owner
    old = (await world.client.post("/sandbox/chats", {"type": "group", "title": "Team", "members": [owner]}))["id"]
    world.chosen = old
    async with world.outbox():
        await world.post("before", chat_id=None, key="board")
        await world.client.until(lambda ms: len(ms) == 1, chat=old)
        new = (await world.client.post(f"/sandbox/chats/{old}/upgrade", {}))["id"]
        answer = await world.post("an answer", chat_id=old)
        notice = await world.post("a notice", chat_id=None)
        live = await world.post("after", chat_id=None, key="board")
        for row in (answer, notice, live):
            await world.settled(row, "sent")
        texts = [m["text"] for m in (await world.client.messages(chat=new))["messages"]]
        assert sorted(texts) == ["a notice", "after", "an answer"]


async def test_photos_and_documents(world: World) -> None:
    async with world.outbox():
        async with world.store.begin() as tx:
            await post(tx, "file", {"kind": "photo"}, chat_id=world.owner)
            await post(tx, "file", {"kind": "document"}, chat_id=world.owner)
        messages = await world.client.until(lambda ms: len(ms) == 3)
        assert messages[0]["text"] == "A chart" and messages[0]["photo"]["width"] == 20
        assert messages[1]["document"]["file_name"] == "a.log"
        assert messages[2]["text"] == "x" * 1100  # too long for a caption


async def test_quiet_hours_hold_what_we_begin_and_not_what_answers(world: World) -> None:
    now = datetime.now(UTC)
    world.quiet = ((now - timedelta(hours=1)).time(), (now + timedelta(hours=2)).time())
    async with world.outbox():
        held = await world.post("can wait", chat_id=None)
        await world.post("urgent", chat_id=None, urgent=True)
        await world.post("an answer")
        assert await world.texts(2) == ["urgent", "an answer"]
        row = next(r for r in await world.rows() if r.id == held)
        assert row.status == "due" and row.not_before is not None
        assert timedelta(hours=1, minutes=50) < row.not_before - now < timedelta(hours=2, minutes=1)


async def test_what_quiet_hours_hold_still_tells_afterwards_that_it_may_be_a_repeat(world: World) -> None:
    posted = await world.post("can wait", chat_id=None)
    async with world.store.begin() as tx:  # as after a crash in the middle of a call: nobody knows how it went
        row = await tx.get_one(OutboxRow, posted)
        row.attempts, row.last_error = 1, NO_ANSWER
    now = datetime.now(UTC)
    world.quiet = ((now - timedelta(hours=1)).time(), (now + timedelta(hours=2)).time())
    async with world.outbox():
        await eventually(lambda: _held(world))
    world.quiet = None
    async with world.store.begin() as tx:
        (await tx.get_one(OutboxRow, row.id)).not_before = None
    async with world.outbox():
        assert await world.texts(1) == [f"can wait\n\n{REPEAT}"]


async def test_without_a_supervisor_chat_notices_wait(world: World) -> None:
    world.supervisor = None
    async with world.outbox():
        row = await world.post("for whoever pairs", chat_id=None)
        await world.post("an answer")
        assert await world.texts(1) == ["an answer"]
        world.supervisor = world.owner
        assert await world.texts(2) == ["an answer", "for whoever pairs"]
        await world.settled(row, "sent")


async def test_a_rolled_back_transaction_says_nothing(world: World) -> None:
    async with world.outbox():
        with suppress(RuntimeError):
            async with world.store.begin() as tx:
                await post(tx, "text", text_data("never happened"), chat_id=world.owner)
                raise RuntimeError
        await world.post("happened")
        assert await world.texts(1) == ["happened"]


async def _group(world: World) -> int:
    body = {"type": "group", "title": "Team", "members": [world.owner]}
    return int((await world.client.post("/sandbox/chats", body))["id"])


async def _forbid(world: World, chat: int, what: str) -> None:
    await world.client.post(f"/sandbox/chats/{chat}/restrict", {"from": world.owner, "forbids": what})


async def _closed(world: World, why: str = "") -> bool:
    """Whether one chat is closed for this reason; for no reason: whether none is."""
    async with world.store.begin() as tx:
        reasons = [row.reason for row in await tx.scalars(select(ClosedChatRow))]
    return [why in reason for reason in reasons] == [True] if why else not reasons


async def _held(world: World) -> bool:
    return all(row.not_before is not None for row in await world.rows())


async def _apart(world: World) -> list[float]:
    """Seconds between the messages that were sent, as the server got them."""
    at = [datetime.fromisoformat(call["at"]) for call in await world.client.calls("sendMessage")]
    return [(b - a).total_seconds() for a, b in itertools.pairwise(at)]


async def _until_calls(world: World, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(await world.client.calls("sendMessage")) < count:
            await asyncio.sleep(0.02)

"""What a handler says and changes: also under a message whose sending is not in our rows yet, and once where told."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from bot.errors import Refused
from bot.notices import post
from bot.store import Store
from bot.store.tables import OutboxRow
from bot.telegram.outbox_rows import OutboxRows
from handlers.say import Say

CHAT, MESSAGE = 7, 55
ALERT = {"profile": "codex-plus-1"}


class Sending:
    """What the outbox writes down around its call; the chat may show the message as soon as the call was made."""

    def __init__(self, store: Store, row_id: int) -> None:
        self.store, self.rows, self.row_id = store, OutboxRows(store), row_id

    async def begins(self) -> None:
        await self.rows.trying(self.row_id)

    async def ends(self) -> None:
        row = await self.row()
        await self.rows.part_sent(row.id, CHAT, [MESSAGE], more=False)
        await self.rows.done(row, CHAT, [MESSAGE], datetime.now(UTC))

    async def row(self) -> OutboxRow:
        async with self.store.begin() as tx:
            found = await tx.get(OutboxRow, self.row_id)
            assert found is not None
            return found


@pytest.fixture(params=[CHAT, None], ids=["an answer", "for the supervisor chat"])
async def sending(request: pytest.FixtureRequest, store: Store) -> Sending:
    async with store.begin() as tx:
        return Sending(store, await post(tx, "quota-alert", ALERT, chat_id=request.param, key="k"))


@pytest.mark.parametrize("change", [{}, {"dark": True}])
async def test_a_tap_under_a_message_that_is_only_just_there_renders_it_again(
    sending: Sending, change: dict[str, Any]
) -> None:
    await sending.begins()
    tap = asyncio.create_task(Say(sending.store, CHAT).refresh(MESSAGE, **change))
    await asyncio.wait({tap}, timeout=0.3)
    await sending.ends()
    await tap
    row = await sending.row()
    assert (row.status, row.sent_version, row.version) == ("due", 1, 2)
    assert row.data == ALERT | change


async def test_a_reply_to_a_message_that_is_only_just_there_finds_what_it_answers(sending: Sending) -> None:
    await sending.begins()
    reply = asyncio.create_task(Say(sending.store, CHAT).shown(MESSAGE))
    await asyncio.wait({reply}, timeout=0.3)
    await sending.ends()
    shown = await reply
    assert shown is not None
    assert (shown.kind, shown.key) == ("quota-alert", "k")


@pytest.mark.parametrize("state", ["not tried yet", "sent", "no answer came"])
async def test_a_message_that_is_none_of_ours_is_not_waited_for(
    sending: Sending, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if state != "not tried yet":
        await sending.begins()
    if state == "sent":
        await sending.ends()
    if state == "no answer came":
        await sending.rows.not_yet(sending.row_id, "no answer: Request timeout error")
    monkeypatch.setattr("handlers.say.KNOWN_WITHIN_S", math.inf)
    async with asyncio.timeout(30):
        assert await Say(sending.store, CHAT).shown(MESSAGE + 1) is None


async def test_the_same_error_is_said_again_once_something_else_was_said(sending: Sending) -> None:
    async def errors() -> int:
        async with sending.store.begin() as tx:
            return len(list(await tx.scalars(select(OutboxRow).where(OutboxRow.kind == "text"))))

    say = Say(sending.store, CHAT)
    for _ in range(2):
        await say.error(Refused("It has changed."), again=False)
    assert await errors() == 1
    async with sending.store.begin() as tx:
        card = await post(tx, "permission", {}, chat_id=None)
    newer = Sending(sending.store, card)
    await newer.begins()
    await newer.ends()
    await say.error(Refused("It has changed."), again=False)
    assert await errors() == 2

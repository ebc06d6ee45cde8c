"""Updates as rows: which of them a process that ended has left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aiogram.types import Chat, Message, Update, User

from bot.store import Store
from bot.telegram.inbox import Inbox
from tests.clocks import Ahead

BOT = 7


def said(update_id: int, text: str) -> Update:
    person, at = User(id=1, is_bot=False, first_name="Ann"), datetime(2026, 5, 4, tzinfo=UTC)
    message = Message(message_id=1, date=at, chat=Chat(id=1, type="private"), from_user=person, text=text)
    return Update(update_id=update_id, message=message)


async def test_a_text_in_pieces_waits_and_goes_on_once(store: Store) -> None:
    inbox = Inbox(store, Ahead())
    for update_id in (1, 2, 5):
        assert await inbox.record(BOT, said(update_id, f"piece {update_id}"), piece_of=1)
    await inbox.record(BOT, said(3, "another"), piece_of=3)
    assert not await inbox.record(BOT, said(2, "piece 2"), piece_of=1), "it comes again, and counts once"
    texts = [[one.message.text for one in text.updates if one.message] for text in await inbox.waiting(BOT)]
    assert texts == [["piece 1", "piece 2", "piece 5"], ["another"]]
    assert await inbox.cut_off(BOT) == [], "nobody began with them"
    assert [await inbox.begin(BOT, 1) for _ in range(2)] == [True, False]
    assert not await inbox.drop(BOT, 1)
    assert [(one.update_id, one.what) for one in await inbox.cut_off(BOT)] == [(1, "piece 1")], "told once"
    assert [await inbox.drop(BOT, 3) for _ in range(2)] == [True, False]
    assert await inbox.waiting(BOT) == []
    await inbox.handled(BOT, 1)
    assert await inbox.cut_off(BOT) == []


async def test_a_text_that_nobody_said_a_word_about_for_days_is_forgotten(store: Store) -> None:
    await Inbox(store, Ahead()).record(BOT, said(1, "half"), piece_of=1)
    for days, left in ((6, 1), (8, 0)):
        inbox = Inbox(store, Ahead(timedelta(days=days)))
        await inbox.forget_old()
        assert len(await inbox.waiting(BOT)) == left


async def test_what_was_cut_off_is_known_though_the_clock_went_back_over_the_restart(store: Store) -> None:
    """As on a machine that lost its power and has no clock of its own."""
    before = Inbox(store, Ahead(timedelta(hours=1)))
    for update_id, text in ((1, "/stop w1"), (2, "/stop w2")):
        assert await before.record(BOT, said(update_id, text))
    await before.handled(BOT, 1)
    now = Inbox(store, Ahead())
    assert [(one.update_id, one.what) for one in await now.cut_off(BOT)] == [(2, "/stop w2")]
    assert not await now.record(BOT, said(2, "/stop w2")), "Telegram sends it again, and it counts once"
    await now.handled(BOT, 2)
    assert await now.cut_off(BOT) == []

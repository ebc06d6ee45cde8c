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

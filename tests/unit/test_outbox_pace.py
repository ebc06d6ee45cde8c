"""The pure rules of the outbox: pace, quiet hours, what an error means, buttons and their data."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import SendMessage
from aiohttp import ClientConnectorError
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import example, given
from hypothesis import strategies as st

from bot.telegram import callbacks
from bot.telegram.keyboards import Button, in_rows, markup
from bot.telegram.pace import BURST, EDIT_SPACING, GROUP_MESSAGES, GROUP_SPAN, Pace, backoff, steps_aside
from bot.telegram.quiet import quiet_until
from bot.telegram.refusals import about, reason
from bot.telegram.wire import verdict

CALL = SendMessage(chat_id=1, text="x")


@given(st.booleans(), st.lists(st.floats(min_value=0, max_value=5), min_size=1, max_size=80))
def test_the_pace_is_never_broken(group: bool, gaps: list[float]) -> None:
    pace, now, calls = Pace(group), 0.0, []
    for gap in gaps:
        now += gap
        now += pace.wait(now)
        assert pace.wait(now) == pytest.approx(0, abs=1e-6)
        pace.called(now)
        calls.append(now)
    for first, last in zip(calls, calls[BURST:], strict=False):
        assert last - first >= 1 - 1e-6  # after a burst of five, one a second
    if group:
        for first, last in zip(calls, calls[GROUP_MESSAGES:], strict=False):
            assert last - first >= GROUP_SPAN - 1e-6


def test_a_flood_wait_grows_when_it_repeats() -> None:
    pace = Pace(group=False)
    pace.refused(100, 5)
    assert pace.wait(100) == 5
    pace.refused(105, 5)
    assert pace.wait(105) == 6
    pace.answered()
    pace.refused(111, 5)
    assert pace.wait(111) == 5


def test_edits_of_one_message_are_three_seconds_apart() -> None:
    pace = Pace(group=False)
    assert pace.wait_edit(1, 50) == 0
    pace.called(50, edited=1)
    assert pace.wait_edit(1, 51) == EDIT_SPACING - 1 and pace.wait_edit(2, 51) == 0


def test_backoff() -> None:
    assert [backoff(n) for n in (0, 1, 2, 3, 7, 100)] == [1, 1, 2, 4, 60, 60]


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "hours", "until"),
    [
        (datetime(2026, 5, 4, 21, tzinfo=UTC), (time(22), time(7, 30)), datetime(2026, 5, 5, 5, 30, tzinfo=UTC)),
        (datetime(2026, 5, 5, 3, tzinfo=UTC), (time(22), time(7, 30)), datetime(2026, 5, 5, 5, 30, tzinfo=UTC)),
        (datetime(2026, 5, 5, 5, 30, tzinfo=UTC), (time(22), time(7, 30)), None),
        (datetime(2026, 5, 4, 11, tzinfo=UTC), (time(12), time(14)), datetime(2026, 5, 4, 12, tzinfo=UTC)),
        (datetime(2026, 5, 4, 11, tzinfo=UTC), None, None),
        (datetime(2026, 5, 4, 11, tzinfo=UTC), (time(8), time(8)), None),
    ],
)
def test_quiet_hours(now: datetime, hours: tuple[time, time] | None, until: datetime | None) -> None:
    assert quiet_until(now, hours, BERLIN) == until


@given(
    now=st.floats(0, 730).map(lambda days: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)),
    hours=st.tuples(st.times(), st.times()),
    zone=st.sampled_from([BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")]),
)
@example(datetime(2026, 10, 25, 1, 10, tzinfo=UTC), (time(22), time(2, 30)), BERLIN)  # 2:10 for the second time
@example(datetime(2026, 3, 29, 0, 50, tzinfo=UTC), (time(22), time(2, 30)), BERLIN)  # there is no 2:30 in that night
def test_quiet_hours_end_later_than_now(now: datetime, hours: tuple[time, time], zone: ZoneInfo) -> None:
    """What is held until a moment that has passed would be looked at again at once, and again."""
    until = quiet_until(now, hours, zone)
    assert until is None or now < until < now + timedelta(hours=26)


def refused(text: str) -> TelegramBadRequest:
    return TelegramBadRequest(CALL, f"Bad Request: {text}")


@pytest.mark.parametrize(
    ("error", "then", "unsure"),
    [
        (TelegramRetryAfter(CALL, "slow", 4), "hold", False),
        (TelegramForbiddenError(CALL, "Forbidden: bot was blocked by the user"), "closed", False),
        (refused("chat not found"), "closed", False),
        (refused("not enough rights to send text messages to the chat"), "closed", False),
        (refused("CHAT_WRITE_FORBIDDEN"), "closed", False),
        (refused("TOPIC_CLOSED"), "topic", False),
        (refused("message thread not found"), "topic", False),
        (refused("BUTTON_DATA_INVALID"), "fail", False),
        (TelegramEntityTooLarge(CALL, "too large"), "fail", False),
        (TelegramUnauthorizedError(CALL, "Unauthorized"), "hold", False),
        (TelegramServerError(CALL, "Internal Server Error"), "retry", False),
        (TelegramNetworkError(CALL, "Request timeout error"), "retry", True),
        (TelegramMigrateToChat(CALL, "moved", -100), "moved", False),
        (ClientDecodeError("unreadable", ValueError(), {"ok": True, "result": {}}), "done", True),
        (ClientDecodeError("unreadable", ValueError(), {}), "retry", True),
        (ClientDecodeError("a proxy's page", ValueError(), "<html>502 Bad Gateway</html>"), "retry", True),
    ],
)
def test_what_an_error_means(error: Exception, then: str, unsure: bool) -> None:
    found = verdict(error)
    assert (found.then, found.unsure) == (then, unsure)


# What sendMessage, sendPhoto, sendDocument, editMessage… and their topics are refused with (Bot API 10.3).
REFUSALS: dict[str, str] = {
    "group chat was deactivated": "chat",
    "have no rights to send a message": "chat",
    "Have no write access to the chat": "chat",
    "need administrator rights in the channel chat": "chat",
    "not enough rights to send text messages to the chat": "chat",
    "CHAT_ADMIN_REQUIRED": "chat",
    "CHAT_RESTRICTED": "chat",
    "CHAT_SEND_PLAIN_FORBIDDEN": "chat",
    "CHAT_GUEST_SEND_FORBIDDEN": "chat",
    "USER_BANNED_IN_CHANNEL": "chat",
    "CHANNEL_PRIVATE": "chat",
    "PEER_ID_INVALID": "chat",
    "ALLOW_PAYMENT_REQUIRED_5": "chat",
    "TOPIC_DELETED": "topic",
    "not enough rights to send photos to the chat": "file",
    "not enough rights to send documents to the chat": "file",
    "CHAT_SEND_PHOTOS_FORBIDDEN": "file",
    "PHOTO_INVALID_DIMENSIONS": "file",
    "IMAGE_PROCESS_FAILED": "file",
    "message is not modified: specified new message content": "same",
    "message to edit not found": "standing",
    "message can't be edited": "standing",
    "there is no text in the message to edit": "standing",
    "MESSAGE_ID_INVALID": "standing",
    "message text is empty": "message",
    "message is too long": "message",
    "message to be replied not found": "message",
    "can't parse entities: Can't find end tag": "message",
    "REPLY_MARKUP_TOO_LONG": "message",
    "ENTITY_BOUNDS_INVALID": "message",
    "something that no table holds": "message",
}


@pytest.mark.parametrize(("said", "what"), REFUSALS.items())
def test_what_a_refusal_is_about(said: str, what: str) -> None:
    assert about(refused(said)) == what
    assert reason(refused(said)) == said


def test_only_a_server_that_cannot_be_reached_keeps_the_order_for_ever() -> None:
    gone, lost = TelegramNetworkError(CALL, "refused"), TelegramNetworkError(CALL, "lost")
    key = ConnectionKey("host", 443, True, True, None, None, None)
    gone.__cause__ = ClientConnectorError(key, OSError("refused"))
    assert (verdict(gone).unreachable, verdict(gone).unsure) == (True, False)
    assert (verdict(lost).unreachable, verdict(lost).unsure) == (False, True)
    assert not steps_aside(100, unreachable=True)
    assert [n for n in range(10) if steps_aside(n, unreachable=False)] == [5, 6, 7, 8, 9]


def test_buttons() -> None:
    tap = callbacks.DraftTap(draft="k7q2", version=3, verb="send")
    button = Button("✅ Send 4", tap, style="success")
    assert Button(**button.as_dict()).packed == "d:k7q2:3:send"  # type: ignore[arg-type]
    shown = markup([[button], [], [Button("Copy", copy="tmux attach")]])
    assert shown is not None and [len(row) for row in shown.inline_keyboard] == [1, 1]
    assert shown.inline_keyboard[1][0].copy_text is not None
    assert markup([[]]) is None
    assert [len(row) for row in in_rows([button] * 5, width=2)] == [2, 2, 1]
    assert callbacks.DraftTap.unpack("d:k7q2:3:send") == tap


@pytest.mark.parametrize(
    "wrong", [{}, {"data": "x" * 65}, {"data": "й" * 33}, {"data": "a", "copy": "b"}, {"data": ""}]
)
def test_buttons_that_telegram_would_refuse(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="button 'Go'"):
        Button("Go", **wrong)  # type: ignore[arg-type]


def test_prefixes_are_unique_and_the_longest_data_fits() -> None:
    kinds = [k for k in vars(callbacks).values() if isinstance(k, type) and k.__module__ == callbacks.__name__]
    prefixes = [k.__prefix__ for k in kinds]
    assert len(set(prefixes)) == len(prefixes) > 10
    packed = callbacks.SwapTap(draft="k7q2", version=9999, pos=99, agent="a" * 40).pack()
    assert len(packed.encode()) <= 64

"""How long a text in pieces waits for the next one."""

from __future__ import annotations

import asyncio

import pytest

from bot.app.intake import LongText
from tests.unit.test_pieces import LONG, said, update


async def recorded(after: asyncio.Event, outcome: bool | Exception = True) -> bool:
    await after.wait()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def test_nobody_goes_on_with_a_text_while_its_next_piece_is_being_written_down() -> None:
    text, written = LongText([update(said(LONG))], 0.0), asyncio.Event()
    adding = asyncio.create_task(text.add(update(said("rest", 11)), recorded(written)))
    await asyncio.sleep(0)
    complete = asyncio.create_task(text.complete())
    await asyncio.sleep(0)
    assert not complete.done()
    written.set()
    await asyncio.gather(adding, complete)
    assert [one.text for one in text.messages] == [LONG, "rest"]
    assert not text.missing


async def test_a_piece_that_comes_twice_counts_once_and_one_that_could_not_be_written_down_is_missed() -> None:
    text, now = LongText([update(said(LONG))], 0.0), asyncio.Event()
    now.set()
    await text.add(update(said("rest", 11)), recorded(now, False))
    assert (len(text.updates), text.missing) == (1, False)
    with pytest.raises(OSError, match="locked"):
        await text.add(update(said("rest", 11)), recorded(now, OSError("locked")))
    await text.complete()
    assert (len(text.updates), text.missing) == (1, True)
    await text.add(update(said("rest", 11)), recorded(now))
    assert (len(text.updates), text.missing) == (2, False)


async def test_who_goes_on_to_something_else_has_written_all() -> None:
    text = LongText([update(said(LONG))], 3600.0)
    complete = asyncio.create_task(text.complete())
    await asyncio.sleep(0)
    text.over()
    await complete


async def test_a_short_end_is_waited_for_no_longer() -> None:
    text = LongText([update(said(LONG)), update(said("end", 11))], 3600.0)
    await text.complete()

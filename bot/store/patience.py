"""Who waits for a store that is locked or gone, and who is told.

Somebody who asked is told after a short while. Of the running bot's own work nobody would hear, and to give it up
would lose it: it waits until the store is back.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from bot.store.complaint import Complaint
from bot.store.errors import trouble

log = logging.getLogger(__name__)

T = TypeVar("T")
TRY_AGAIN_S = 1.0

# None outside of a running bot: there everything is done for somebody who asked.
_patient: ContextVar[bool | None] = ContextVar("patient", default=None)


def waits() -> bool:
    """Does the work at hand wait until the store is back?"""
    return _patient.get() is True


@contextmanager
def patient(wait: bool = True) -> Iterator[None]:
    """In the running bot: what is done in the block, and the tasks that begin there, wait; with False they do not."""
    token = _patient.set(wait)
    try:
        yield
    finally:
        _patient.reset(token)


def patient_task(work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
    """A task that outlives the one who began it: in the running bot it waits."""
    context = contextvars.copy_context()
    if _patient.get() is not None:
        context.run(_patient.set, True)
    return asyncio.create_task(work, name=name, context=context)


async def kept(write: Callable[[], Awaitable[T]]) -> T:
    """Do one short transaction that writes down what has happened already: nobody could tell it later.

    Of the bot's own work it is done again while the store takes nothing (the disk is full, the database went away in
    the middle), so doing it twice must do no harm. Raises what `write` raises for who does not wait.
    """
    complaint = Complaint(log, "something cannot be written down, and is tried again")
    while True:
        try:
            return await write()
        except SQLAlchemyError as error:
            if trouble(error) is None or not waits():
                raise
            complaint.say(error)
        await asyncio.sleep(TRY_AGAIN_S)

"""Who waits for a store that is locked or gone, and who is told.

Somebody who asked is told after a short while. Of the running bot's own work nobody would hear, and to give it up
would lose it: it waits until the store is back.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

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

"""The message about one prompt to one agent, once a person had it sent again: that alone tells what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.home import Home
from bot.store import Store, migrate
from bot.store.tables import DeliveryRow
from bot.telegram.card import RenderContext
from handlers.cards.report import delivery_card

BEGAN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RESENT = ("unconfirmed", "resent")
OPEN = ("unconfirmed", None)


@pytest.fixture
async def context(tmp_path: Path) -> AsyncIterator[RenderContext]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'maf.db'}"
    await migrate.upgrade(url, Home(tmp_path))
    store = Store(url)
    try:
        yield RenderContext(now=BEGAN, zone=ZoneInfo("UTC"), store=store, chat_id=1)
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("tries", "shown"),
    [
        ([OPEN], "d0"),
        ([RESENT, ("started", None)], "d1"),
        ([RESENT, ("refused", None)], "d1"),  # killed before the first was given back to the person
        ([OPEN, ("refused", None)], "d0"),
        ([("unconfirmed", "left"), ("refused", None)], "d0"),
        ([RESENT, ("refused", None), ("submitted", None)], "d2"),
        ([RESENT, OPEN, ("refused", None)], "d1"),
        ([("refused", None)], "d0"),
    ],
)
async def test_what_is_shown_of_a_prompt_and_what_was_sent_in_its_place(
    context: RenderContext, tries: list[tuple[str, str | None]], shown: str
) -> None:
    async with context.store.begin() as tx:
        for n, (status, decision) in enumerate(tries):
            tx.add(
                DeliveryRow(
                    id=f"d{n}",
                    agent="w1",
                    text="do it",
                    mode="idle",
                    status=status,
                    decision=decision,
                    notes=[],
                    reason=f"about d{n}",
                    created_by="Olga",
                    created_at=BEGAN + timedelta(seconds=n),
                    updated_at=BEGAN,
                    notice_key="delivery:one",
                )
            )
    message = await delivery_card({"delivery": "d0"}, context)
    assert message is not None
    text, _ = message.content.render()
    assert f"about {shown}" in text
    assert bool(message.keyboard) == ((tries[int(shown[1:])]) == OPEN)

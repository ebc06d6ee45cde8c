"""A question of the model itself: on the phone with its own answers, and answered there, with hooks and without."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from bot.clis.model import State
from tests.flow.product import button
from tests.real.product import real_product

pytestmark = pytest.mark.every_version


@pytest.mark.parametrize("hooks", [True, False])
async def test_a_question_of_claude_is_answered_from_the_chat(hooks: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="maf-q", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), "claude", hooks=hooks) as real:
            await real.prompt("please ASK me")
            card = await real.p.message(lambda m: "Which store should the cache use?" in m["text"])
            assert real.state is State.WAITING
            await real.p.client.press(card["message_id"], button(card, "SQLite"))
            await real.p.becomes(card["message_id"], lambda m: "✅ w1: SQLite" in m["text"])
            await real.becomes(State.IDLE)
            results = [text for request in real.models.requests for text in request.results]
            assert any("SQLite" in text for text in results), results
            assert len([m for m in await real.p.all() if "✋" in m["text"] or "✅" in m["text"]]) == 1, "one card"

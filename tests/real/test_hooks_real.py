"""Our hooks in the real CLIs: they run without a review, and what they tell is heard."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clis.hooks import EVENTS, installed
from bot.clis.model import State
from tests.flow.product import until
from tests.real.product import RealProduct, real_product

pytestmark = pytest.mark.every_version


@pytest.fixture(params=["codex", "claude"])
async def real(request: pytest.FixtureRequest) -> AsyncIterator[RealProduct]:
    with tempfile.TemporaryDirectory(prefix="maf-h", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), str(request.param), hooks=True) as made:
            yield made


async def test_hooks_run_without_a_review_and_tell_state_conversation_and_prompts(real: RealProduct) -> None:
    assert set(installed(real.home, real.kind).events) == set(EVENTS[real.kind])
    assert "need review" not in real.screen
    done = await real.prompt("WAIT3 please")
    assert done["status"] in ("submitted", "started"), (done, real.screen)
    await until(lambda: any(s.source == "hook" for s in real.look.signals), "a hook signal")
    await real.becomes(State.WORKING)
    assert any(s.source == "hook" and s.vote is State.WORKING for s in real.look.signals)
    await real.becomes(State.IDLE)
    await until(lambda: any(s.source == "hook" and s.vote is State.IDLE for s in real.look.signals), "Stop")
    agent = await real.p.app.services.registry.get(real.agent)
    assert agent.conversation
    assert agent.transcript is not None
    assert agent.transcript.is_file()
    heard = real.p.app.services.hooks.prompts(real.agent, agent.created_at)
    assert len(heard) == 1
    assert str(done["delivery"]) in heard[0].text

"""A tap answers the request that its card shows, whatever else is asked meanwhile; the long form is a soak."""

from __future__ import annotations

from pathlib import Path

from tests.flow.interleaving import HOOKS, Play
from tests.flow.product import product


async def test_a_tap_answers_just_the_words_of_its_card(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2, beads=False, agent_env=HOOKS) as p:
        await Play(p, seed=1).run(8)

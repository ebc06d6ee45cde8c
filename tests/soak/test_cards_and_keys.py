"""The long form of tests/flow/test_cards_and_keys.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.flow.interleaving import HOOKS, Play
from tests.flow.product import product

TIMES = int(os.environ.get("MAF_INTERLEAVINGS", "200"))


@pytest.mark.timeout(3600)
async def test_a_tap_answers_just_the_words_of_its_card(tmp_path: Path) -> None:
    async with product(tmp_path, agents=4, beads=False, agent_env=HOOKS) as p:
        await Play(p, seed=int(os.environ.get("MAF_SEED", "7"))).run(TIMES)

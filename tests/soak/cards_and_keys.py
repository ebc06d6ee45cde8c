"""Interleavings of calls, hooks, dialogs and taps on demo agents; the short form is tests/flow/test_cards_and_keys.py.

python -m tests.soak.cards_and_keys [SEED [TIMES]]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.flow.interleaving import HOOKS, Play
from tests.flow.product import product

TIMES, AGENTS = 200, 4


async def play(seed: int, times: int) -> None:
    with tempfile.TemporaryDirectory(prefix="maf-k", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with product(Path(folder), agents=AGENTS, beads=False, agent_env=HOOKS) as p:
            await Play(p, seed).run(times)


def main(words: list[str]) -> int:
    asyncio.run(play(int(words[0]) if words else 1, int(words[1]) if len(words) > 1 else TIMES))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

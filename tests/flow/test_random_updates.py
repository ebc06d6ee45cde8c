"""The short form of `make soak`."""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.soak.updates import soak


async def test_random_updates_fail_nothing_and_do_no_more_than_a_role_allows(tmp_path: Path) -> None:
    seed = secrets.randbelow(10**6)
    print(f"python -m tests.soak.updates {seed} 500")  # repeats what failed
    run = await soak(tmp_path, 500, seed)
    assert sum(run.outcomes.values()) > 10, "hardly anything was done"

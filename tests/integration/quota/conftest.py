"""A home with two accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.home import Home
from tests.rollouts import write_profiles


@pytest.fixture
async def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / ".maf")
    write_profiles(home.agent_config, {"a": {"priority": 1}, "b": {"priority": 2}})
    for name in ("a", "b"):
        home.profile(name).mkdir(parents=True)
    return home

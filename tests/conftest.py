"""For all tests. A loaded machine is no failure: hypothesis sets no example a time of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from bot.store import Store
from tests.stores import open_store

settings.register_profile("maf", deadline=None)
settings.load_profile("maf")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store of the test's own, in its folder."""
    async with open_store(tmp_path) as opened:
        yield opened

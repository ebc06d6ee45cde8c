"""Handing a conversation over: what fails half-way leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from bot.errors import Refused
from bot.fleet.handover import Handover
from bot.home import Home
from bot.store import Store
from tests.integration.quota.scene import quota_of


async def test_a_copy_that_does_not_fit_on_the_disk_leaves_no_half_of_it(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "a.jsonl", tmp_path / "b" / "a.jsonl"
    source.write_bytes(b"{}\n" * 10)

    # The disk of the tests cannot be filled.
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bot.fleet.handover.shutil.copyfileobj", no_room)
    handover = Handover(quota_of(Home(tmp_path / ".maf"), store))
    with pytest.raises(Refused, match="could not be copied: No space left on device"):
        await handover.copy(source, target, "b")
    assert await asyncio.to_thread(lambda: list(target.parent.iterdir())) == []

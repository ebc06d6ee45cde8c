"""Handing a conversation over: what fails half-way leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import stat
from pathlib import Path
from typing import IO

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


async def test_what_a_copy_left_whose_bot_was_killed_goes_with_the_next_one(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The process ends here: nothing that would clean up runs."""

    def die(_source: object, out: IO[bytes], *_: object) -> None:
        out.write(b"half")
        raise Killed

    source, target = tmp_path / "a.jsonl", tmp_path / "b" / "a.jsonl"
    source.write_bytes(b"{}\n" * 10)
    handover = Handover(quota_of(Home(tmp_path / ".maf"), store))
    with monkeypatch.context() as patched:
        patched.setattr("bot.fleet.handover.shutil.copyfileobj", die)
        with pytest.raises(Killed):
            await handover.copy(source, target, "b")
    await handover.copy(source, target, "b")
    assert {path.name: path.read_bytes() for path in target.parent.iterdir()} == {"a.jsonl": source.read_bytes()}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600

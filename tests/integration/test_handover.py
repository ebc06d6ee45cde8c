"""Handing a conversation over: what fails half-way leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from bot.agents.model import Agent
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


@pytest.mark.parametrize("place", ["sessions/2026/11/01/{}.zst", "archived_sessions/{}", "archived_sessions/{}.zst"])
async def test_a_conversation_that_codex_put_away_is_not_left_behind(tmp_path: Path, store: Store, place: str) -> None:
    name = "rollout-2026-11-01T10-00-00-0199a000-0000-7000-8000-000000000001.jsonl"
    transcript = tmp_path / "sessions" / "2026" / "11" / "01" / name
    away = tmp_path / place.format(name)
    away.parent.mkdir(parents=True)
    away.write_bytes(b"{}\n")
    agent = Agent("w1", "codex-worker", "codex", "implementor", "maf-w1", tmp_path, datetime(2026, 11, 22, tzinfo=UTC))
    agent = replace(agent, conversation="0199a000-0000-7000-8000-000000000001", transcript=transcript)
    handover = Handover(quota_of(Home(tmp_path / ".maf"), store))
    with pytest.raises(Refused, match="archived or packed"):
        await handover.last(agent, tmp_path, [agent])
    await asyncio.to_thread(away.unlink)
    assert (await handover.last(agent, tmp_path, [agent])).conversation is None

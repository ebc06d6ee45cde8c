"""A CLI of a version whose screens are not known: said once, by the bot and by the doctor."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from bot.agents.registry import Registry
from bot.agents.types import BUILT_IN
from bot.cli import checks
from bot.clis.versions import is_unknown, known_versions
from bot.clock import SystemClock
from bot.fleet.versions import CliVersions
from bot.home import Home
from bot.store import Store
from bot.store.tables import OutboxRow


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / ".maf")
    home.root.mkdir()
    return home


CODEX = next(one for one in BUILT_IN if one.name == "codex-worker")


def program(folder: Path, version: str) -> None:
    path = folder / "codex"
    path.write_text(f"#!/bin/sh\necho codex-cli {version}\n")
    path.chmod(0o755)


async def told(store: Store) -> list[str]:
    async with store.begin() as tx:
        return [row.data["version"] for row in await tx.scalars(select(OutboxRow).order_by(OutboxRow.id))]


async def test_an_unknown_version_is_told_once_and_the_next_one_again(home: Home, store: Store, tmp_path: Path) -> None:
    registry = Registry(store, home, SystemClock())
    agent = await registry.create(CODEX, workdir=tmp_path, session_prefix="maf")
    versions = CliVersions(store, registry, lambda: str(tmp_path))
    program(tmp_path, "99.0.1")
    await versions.tick()
    assert await told(store) == []  # nobody runs it
    await registry.update(agent.id, desired="running")
    for one in (versions, versions, CliVersions(store, registry, lambda: str(tmp_path))):
        await one.tick()
    assert (await told(store), versions.unknown("codex")) == (["99.0.1"], "99.0.1")
    program(tmp_path, known_versions("codex")[0])
    await versions.tick()
    assert (await told(store), versions.unknown("codex")) == (["99.0.1"], "")
    program(tmp_path, "99.0.2")
    await versions.tick()
    assert await told(store) == ["99.0.1", "99.0.2"]


async def test_a_program_that_says_nothing_or_is_gone_is_no_news(home: Home, store: Store, tmp_path: Path) -> None:
    registry = Registry(store, home, SystemClock())
    agent = await registry.create(CODEX, workdir=tmp_path, session_prefix="maf")
    await registry.update(agent.id, desired="running")
    versions = CliVersions(store, registry, lambda: str(tmp_path))
    await versions.tick()
    program(tmp_path, "soon")
    await versions.tick()
    assert await told(store) == []


@pytest.mark.parametrize(("version", "status"), [("0.169.0", "ok"), ("0.171.0", "ok"), ("99.0.1", "warning")])
def test_the_doctor_names_a_version_it_does_not_know(tmp_path: Path, version: str, status: str) -> None:
    program(tmp_path, version)
    assert checks.program("codex", str(tmp_path), "warning", "").status == status


def test_what_is_a_part_of_maf_is_never_unknown() -> None:
    assert not is_unknown("demo", "9.9.9")
    assert not is_unknown("shell", "9.9.9")

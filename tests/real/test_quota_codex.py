"""Quota against real Codex processes in three homes of their own, and against ccusage on the rollouts they wrote."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.home import Home
from bot.settings import load_settings
from tests.patience import PATIENCE_S
from tests.real.homes import make_codex_home
from tests.real.installed import need, real_path
from tests.real.mock_models import MockModels
from tests.rollouts import write_monitoring, write_profiles

pytestmark = pytest.mark.every_version

NAMES = ("codex-plus-1", "codex-plus-2", "codex-plus-3")
INTERVAL_S = 2.0


class Fleet:
    """Three profiles, each with its own CODEX_HOME and key at the mock."""

    def __init__(self, root: Path, models: MockModels) -> None:
        self.home, self.work, self.models = Home(root / ".maf"), root / "proj", models
        self.work.mkdir(parents=True, exist_ok=True)
        self.env: dict[str, dict[str, str]] = {}
        entries: dict[str, dict[str, Any]] = {}
        for number, name in enumerate(NAMES, 1):
            self.env[name] = make_codex_home(self.home.profile(name), self.work, models.url, key=f"key-{number}")
            # Nothing here is a login: what matters is that these bytes stay where they are.
            (self.home.profile(name) / "auth.json").write_text(json.dumps({"OPENAI_API_KEY": f"dummy-{name}"}))
            entries[name] = {"priority": number, "environment": {"MOCK_KEY": f"key-{number}", "NO_PROXY": "127.0.0.1"}}
        write_profiles(self.home.agent_config, entries)
        write_monitoring(self.home.monitoring_config, status_update_interval_seconds=INTERVAL_S)

    def exec(self, name: str, prompt: str) -> None:
        """One turn of a real `codex exec` on that profile."""
        done = subprocess.run(
            ["codex", "exec", "--skip-git-repo-check", "-C", str(self.work), prompt],
            env=self.env[name] | {"PATH": real_path()}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def status(self, *more: str) -> dict[str, dict[str, Any]]:
        """`maf quota status --json` as another program sees it, by profile."""
        done = subprocess.run(
            [sys.executable, "-m", "bot.cli", "--home", str(self.home.root), "quota", "status", "--json", *more],
            env=os.environ | {"PATH": real_path()}, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return {one["profile"]: one for one in json.loads(done.stdout)}


@asynccontextmanager
async def app_of(fleet: Fleet, socket: str) -> AsyncIterator[App]:
    settings = load_settings(fleet.home, tmux_socket=socket, project_root=fleet.work, max_load=0)
    async with App.open(fleet.home, settings, background=True) as app:
        yield app


def windows(status: Mapping[str, Any]) -> dict[str, float]:
    return {name: window["percent"] for name, window in status["windows"].items() if window["source"] != "local"}


def test_what_the_provider_says_shows_in_the_status_of_each_profile(tmp_path: Path) -> None:
    need("codex")
    with MockModels() as models:
        fleet = Fleet(tmp_path, models)
        models.set("key-1", primary=41.0, secondary=12.0)
        models.set("key-2", primary=83.0, secondary=55.0, pwin=1440, swin=43_200)
        models.set("key-3", primary=96.5, secondary=20.0, pwin=10_080, swin=300)
        for name in NAMES:
            fleet.exec(name, "hello")
        first = fleet.status()
        assert windows(first["codex-plus-1"]) == {"5h": 41.0, "7d": 12.0}
        assert windows(first["codex-plus-2"]) == {"24h": 83.0, "30d": 55.0}
        assert windows(first["codex-plus-3"]) == {"5h": 20.0, "7d": 96.5}
        assert [first[name]["level"] for name in NAMES] == ["healthy", "alert", "emergency"]
        assert first["codex-plus-1"]["next"] == "codex-plus-1"

        models.set("key-1", primary=100.0)
        fleet.exec("codex-plus-1", "again")
        second = fleet.status()
        assert windows(second["codex-plus-1"]) == {"5h": 100.0, "7d": 12.0}
        assert second["codex-plus-1"]["next"] == "codex-plus-2"

        # Other lengths: the old windows are no more.
        models.set("key-1", primary=7.0, secondary=8.0, pwin=1440, swin=43_200)
        fleet.exec("codex-plus-1", "once more")
        assert windows(fleet.status()["codex-plus-1"]) == {"24h": 7.0, "30d": 8.0}

        # A response that carries a second family: Codex writes only that one down, and the first one stands.
        models.set("key-2", family="other", family_percent=33.0, primary=99.0, pwin=1440)
        fleet.exec("codex-plus-2", "other family")
        assert windows(fleet.status()["codex-plus-2"]) == {"24h": 83.0, "30d": 55.0, "codex_other/24h": 33.0}


async def test_a_running_bot_shows_a_change_within_one_interval(tmp_path: Path) -> None:
    need("codex")
    with MockModels() as models:
        fleet = Fleet(tmp_path, models)
        async with app_of(fleet, str(tmp_path / "t.sock")) as app:
            stop = asyncio.Event()

            async def tick() -> None:
                while not stop.is_set():
                    await app.services.quota.tick()
                    await asyncio.sleep(0.2)

            ticking = asyncio.create_task(tick())
            for percent in (20.0, 60.0, 93.0):
                models.set("key-1", primary=percent)
                await asyncio.to_thread(fleet.exec, "codex-plus-1", "hello")
                wrote = time.monotonic()
                while True:
                    (found,) = [s for s in app.services.quota.statuses() if s.profile.name == NAMES[0]] or [None]
                    if found is not None and "5h" in found.windows and found.windows["5h"].percent == percent:
                        break
                    assert time.monotonic() - wrote < INTERVAL_S + 3, "not within one interval"
                    await asyncio.sleep(0.1)
            stop.set()
            await ticking


def ccusage_tokens(home: Path) -> dict[str, int]:
    done = subprocess.run(
        [need("ccusage"), "codex", "daily", "--json", "--offline"],
        env=os.environ | {"CODEX_HOME": str(home), "PATH": real_path()},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    totals = json.loads(done.stdout)["totals"]
    return {"input": totals["inputTokens"], "output": totals["outputTokens"], "total": totals["totalTokens"]}


async def test_ccusage_and_we_agree_to_the_token(tmp_path: Path) -> None:
    need("codex")
    need("ccusage")
    from sqlalchemy import func, select

    from bot.store.tables import QuotaEventRow

    with MockModels() as models:
        fleet = Fleet(tmp_path, models)
        for tokens in (1200, 5431, 77):
            models.set("key-1", tokens=tokens)
            await asyncio.to_thread(fleet.exec, "codex-plus-1", f"hello {tokens}")
        theirs = ccusage_tokens(fleet.home.profile("codex-plus-1"))
        async with app_of(fleet, str(tmp_path / "t.sock")) as app:
            await app.services.quota.refresh()
            async with app.services.store.begin() as tx:
                row = (
                    await tx.execute(
                        select(
                            func.sum(QuotaEventRow.tokens),
                            func.sum(QuotaEventRow.output_tokens),
                            func.count(),
                        ).where(QuotaEventRow.profile == "codex-plus-1")
                    )
                ).one()
            usage = (await app.services.quota.reader.ledger.current("codex-plus-1", time.time()))["5h"]
    assert row[0] == theirs["total"]
    assert row[1] == theirs["output"]
    assert usage.tokens == theirs["total"]
    assert usage.requests == row[2] >= 3

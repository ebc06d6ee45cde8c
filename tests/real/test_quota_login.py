"""The live source: a real `codex app-server` with a ChatGPT login asks the provider, over TLS, at no cost in tokens."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.home import Home
from tests.real.installed import need, real_path
from tests.real.login import make_logged_in_home, make_tls, unsigned_token
from tests.real.mock_models import MockModels
from tests.rollouts import write_profiles

IN, OUT, NEVER = "logged-in", "run-out", "never-logged-in"


class Accounts:
    """Three profiles: one logged in, one whose login is refused after a while, one that never was."""

    def __init__(self, root: Path, models: MockModels, environment: dict[str, str]) -> None:
        self.home = Home(root / ".maf")
        write_profiles(
            self.home.agent_config,
            {name: {"priority": n, "environment": environment} for n, name in enumerate((IN, OUT, NEVER), 1)},
        )

    def status(self, *more: str) -> dict[str, dict[str, Any]]:
        """`maf quota status --json`, by profile."""
        done = subprocess.run(
            [sys.executable, "-m", "bot.cli", "--home", str(self.home.root), "quota", "status", "--json", *more],
            env=os.environ | {"PATH": real_path()}, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return {one["profile"]: one for one in json.loads(done.stdout)}


def source(status: dict[str, Any]) -> dict[str, Any]:
    """What it says of its app-server."""
    (found,) = [one for one in status["sources"] if one["name"] == "app-server"]
    return dict(found)


def test_the_limits_of_a_chatgpt_login_are_read_live(tmp_path: Path) -> None:
    need("codex")
    tls = make_tls(tmp_path / "tls")
    work = tmp_path / "proj"
    work.mkdir()
    with MockModels(tls=(tls.certificate, tls.key)) as models:
        root = Home(tmp_path / ".maf")
        environment = make_logged_in_home(root.profile(IN), work, models.url, tls)
        make_logged_in_home(root.profile(OUT), work, models.url, tls, user="run-out")
        make_logged_in_home(root.profile(NEVER), work, models.url, tls)
        (root.profile(NEVER) / "auth.json").unlink()
        login = root.profile(IN) / "auth.json"
        before = hashlib.sha256(login.read_bytes()).hexdigest()
        accounts = Accounts(tmp_path, models, environment)

        models.set(primary=91, secondary=34, pwin=300, swin=10_080, preset=5000, family="other", family_percent=33)
        asked = time.time()
        first = accounts.status()
        one = first[IN]
        assert {name: window["percent"] for name, window in one["windows"].items()} == {
            "5h": 91, "7d": 34, "codex_other/24h": 33,
        }  # fmt: skip
        assert {window["source"] for window in one["windows"].values()} == {"app-server"}
        assert all(window["age_s"] < 60 for window in one["windows"].values())
        resets = datetime.fromisoformat(one["windows"]["5h"]["resets_at"]).timestamp()
        assert asked + 4990 < resets < time.time() + 5010
        assert (one["login"], one["level"]) == ("ok", "critical")
        assert (source(one)["ok"], source(one)["error"]) == (True, None)
        assert (first[NEVER]["login"], source(first[NEVER])["error"]) == ("needed", "log in again")

        # Other lengths, the limit reached, and a login that the provider takes no longer: the others go on.
        models.set(primary=100, secondary=12, pwin=1440, swin=43_200, family="")
        models.set(unsigned_token("run-out"), login_spent=True)
        second = accounts.status("--refresh")
        assert {name: window["percent"] for name, window in second[IN]["windows"].items()} == {
            "24h": 100, "30d": 12, "codex_other/24h": 33,
        }  # fmt: skip
        assert (second[OUT]["login"], source(second[OUT])["error"]) == ("needed", "log in again")
        assert second[IN]["next"] is None
        assert models.requests == []  # it cost nothing
        assert hashlib.sha256(login.read_bytes()).hexdigest() == before

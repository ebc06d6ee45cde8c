"""What an account's app-server may do: each failure stands in the list of sources, and the other accounts go on."""

from __future__ import annotations

import sys
import textwrap
import time
from itertools import accumulate
from pathlib import Path

import pytest

from bot.clis.codex.app_server import TIMEOUT_S
from bot.home import Home
from bot.quota import service
from bot.quota.reader import AT_ONCE
from bot.store import Store
from tests.integration.quota.scene import HOUR, percents, quota_of, status
from tests.rollouts import Rollout, write_profiles


def codex(folder: Path, body: str) -> str:
    """A PATH on which this is `codex`."""
    folder.mkdir()
    program = folder / "codex"
    program.write_text(f"#!{sys.executable}\n" + textwrap.dedent(body))
    program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


ASKS_LOGIN = """
    import json, os, sys
    needs = os.environ["CODEX_HOME"].endswith("/a")
    limits = {"codex": {"limitId": "codex", "primary":
        {"usedPercent": 12, "windowDurationMins": 300, "resetsAt": %d}}}
    answers = {
        "initialize": {},
        "account/read": {"account": None if needs else {"type": "chatgpt"}, "requiresOpenaiAuth": needs},
        "account/rateLimits/read": {"rateLimitsByLimitId": limits},
    }
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            print(json.dumps({"id": message["id"], "result": answers[message["method"]]}), flush=True)
"""


async def test_an_account_that_wants_a_login_says_so_and_the_others_go_on(
    home: Home, store: Store, tmp_path: Path
) -> None:
    quota = quota_of(home, store, path=codex(tmp_path / "bin", ASKS_LOGIN % (time.time() + HOUR)))
    found = {s.profile.name: s for s in await quota.refresh()}
    assert (found["a"].login, found["b"].login) == ("needed", "ok")
    assert percents(found["b"]) == {"5h": 12.0}
    assert [s.error for s in found["a"].sources if s.name == "app-server"] == ["log in again"]
    choice = quota.choose("codex")
    assert (choice.profile, dict(choice.rejected)) == ("b", {"a": "needs a new login"})


async def test_a_source_that_prints_rubbish_stands_in_the_list_and_the_numbers_stay(
    home: Home, store: Store, tmp_path: Path
) -> None:
    now = time.time()
    Rollout(home.profile("a")).limits(now, {"primary": (40.0, 300, now + HOUR)})
    quota = quota_of(home, store, path=codex(tmp_path / "bin", "print('<html>502</html>' * 1000)"))
    found = await status(quota)
    assert percents(found) == {"5h": 40.0}
    (source,) = [s for s in found.sources if s.name == "app-server"]
    assert (source.ok, "ended before it answered" in source.error) == (False, True)


HANGS = """
    import os, time
    if os.environ["CODEX_HOME"].endswith("/a"):
        time.sleep(600)
"""


async def test_a_source_that_hangs_holds_up_nobody(
    home: Home, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PATIENCE_S", 0.5)
    now = time.time()
    Rollout(home.profile("b")).limits(now, {"primary": (40.0, 300, now + HOUR)})
    quota = quota_of(home, store, path=codex(tmp_path / "bin", HANGS))
    begun = time.monotonic()
    await quota.tick()  # so it is the running bot's
    found = {s.profile.name: s for s in await quota.refresh(force=True)}  # a tap, which alerts must not wait for
    assert time.monotonic() - begun < TIMEOUT_S  # when one that hangs is given up
    assert percents(found["b"]) == {"5h": 40.0}
    await quota.close()


COUNTS_ITSELF = """
    import os, sys, time
    with open(os.environ["COUNTED"], "a") as file:
        print("+", file=file, flush=True)
        time.sleep(0.3)
        print("-", file=file, flush=True)
"""


async def test_many_accounts_are_asked_a_few_at_once(home: Home, store: Store, tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    environment = {"COUNTED": str(counted)}
    write_profiles(home.agent_config, {f"p{n}": {"home": str(tmp_path), "environment": environment} for n in range(9)})
    quota = quota_of(home, store, path=codex(tmp_path / "bin", COUNTS_ITSELF))
    await quota.refresh()
    at_once = list(accumulate(1 if mark == "+" else -1 for mark in counted.read_text().split()))
    assert (len(at_once), max(at_once), at_once[-1]) == (18, AT_ONCE, 0)

"""`maf hook statusline` as a real process: Claude's limits reach the bot, the person's own status line stays."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.clis import hooks
from bot.remote.peer import Peer
from bot.remote.server import Server
from tests.patience import PATIENCE_S

COMMAND = [sys.executable, "-m", "bot.cli", "hook", "statusline"]
LIMITS = {"five_hour": {"used_percentage": 92, "resets_at": 1_795_337_061}}

DEEP = b'{"rate_limits": ' + b"[" * 5000 + b"]" * 5000 + b"}"
HUGE = b'{"rate_limits": "' + b"x" * 11_000_000 + b'"}'


def run(config: Path, payload: object, **env: str) -> str:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    ran = subprocess.run(
        COMMAND, input=raw, capture_output=True, timeout=PATIENCE_S, check=False,
        env={"PATH": os.environ["PATH"], "CLAUDE_CONFIG_DIR": str(config), **env},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, b"")
    return ran.stdout.decode()


def own_line(config: Path, command: str) -> None:
    """A person's own statusline, and then our hooks in the same home."""
    config.mkdir()
    (config / "settings.json").write_text(json.dumps({"statusLine": {"type": "command", "command": command}}))
    assert hooks.install(config, "claude", "/opt/maf/bin/maf").statusline


def test_the_persons_own_status_line_is_shown_as_before(tmp_path: Path) -> None:
    own_line(tmp_path / "claude", "echo mine: $(cat | wc -c)")
    payload = json.dumps({"model": {"id": "claude-sonnet-5-5"}}).encode()
    assert run(tmp_path / "claude", payload) == f"mine: {len(payload)}\n"
    hooks.remove(tmp_path / "claude", "claude")
    settings = json.loads((tmp_path / "claude" / "settings.json").read_text())
    assert settings["statusLine"]["command"] == "echo mine: $(cat | wc -c)"


@pytest.mark.parametrize("payload", [b"", b"no json", b'{"rate_limits": ', b'["rate_limits"]', b"\xff" * 9, DEEP, HUGE])
def test_rubbish_and_a_missing_bot_show_nothing_and_fail_nothing(tmp_path: Path, payload: bytes) -> None:
    (tmp_path / "home" / "run").mkdir(parents=True)
    env = {"MAF_AGENT": "w1", "MAF_HOME": str(tmp_path / "home")}
    assert run(tmp_path / "claude", payload, **env) == ""
    assert run(tmp_path / "claude", {"rate_limits": LIMITS}, **env) == ""
    # Called three times a second: nothing of it is kept for later.
    assert list((tmp_path / "home" / "run").iterdir()) == []


async def test_the_limits_reach_the_running_bot(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []

    async def who(peer: Peer) -> Peer:
        return peer

    async def operate(_peer: Peer, _op: str, _params: dict[str, Any]) -> Any:
        return None

    async def hook(_peer: Peer, event: dict[str, Any]) -> Any:
        heard.append(event)

    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    server = Server(home / "run" / "maf.sock", who, operate, hook)
    await server.start()
    try:
        env = {"MAF_AGENT": "w1", "MAF_HOME": str(home)}
        await asyncio.to_thread(run, tmp_path / "claude", {"rate_limits": LIMITS}, **env)
        await asyncio.to_thread(run, tmp_path / "claude", {"model": {"id": "no limits in it"}}, **env)
    finally:
        await server.stop()
    (event,) = heard
    assert (event["kind"], event["agent"]) == ("statusline", "w1")
    assert event["payload"]["rate_limits"] == LIMITS

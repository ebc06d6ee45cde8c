"""`maf hook` and `maf quota line` as real processes: quick, silent, and never in the agent's way."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bot.remote import spool
from bot.remote.peer import Peer
from bot.remote.server import Server
from tests.patience import PATIENCE_S

HOOK = [sys.executable, "-m", "bot.cli", "hook"]


def run_hook(stdin: bytes, **env: str) -> subprocess.CompletedProcess[bytes]:
    ran = subprocess.run(
        HOOK, input=stdin, capture_output=True, timeout=PATIENCE_S, check=False, env={"PATH": "/bin", **env}
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    return ran


@pytest.mark.parametrize("env", [{}, {"MAF_AGENT": "w1"}, {"MAF_HOME": "HOME"}])
def test_outside_our_agents_it_does_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    env = {key: str(tmp_path) if value == "HOME" else value for key, value in env.items()}
    (tmp_path / "run").mkdir()
    assert run_hook(b'{"hook_event_name": "Stop"}', **env).stdout == b""
    assert list((tmp_path / "run").iterdir()) == []


def test_with_no_bot_the_event_waits_in_the_spool(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    payload = {"hook_event_name": "Stop", "session_id": "abc"}
    env = {"MAF_AGENT": "w1", "MAF_HOME": str(tmp_path)}
    assert run_hook(json.dumps(payload).encode(), **env).stdout == b""
    (event,) = spool.drain(str(tmp_path / "run" / "hooks.spool"))
    assert (event["agent"], event["payload"], event["raw"]) == ("w1", payload, "")


@pytest.mark.parametrize(
    "stdin", [b"", b"no json", b"[1, 2]", b'{"cut": "of', b"\xff\xfe", b'{"big": "' + b"x" * 11_000_000 + b'"}']
)
def test_broken_or_huge_input_is_kept_as_text_and_fails_nothing(tmp_path: Path, stdin: bytes) -> None:
    (tmp_path / "run").mkdir()
    run_hook(stdin, MAF_AGENT="w1", MAF_HOME=str(tmp_path))
    (event,) = spool.drain(str(tmp_path / "run" / "hooks.spool"))
    assert event["payload"] is None
    assert stdin.decode("utf8", "replace").startswith(event["raw"].rstrip("…"))


def test_deep_json_fails_nothing(tmp_path: Path) -> None:
    """As deep as Python still reads it, and as deep as it does not."""
    (tmp_path / "run").mkdir()
    for depth in (300, 700, 900, 5000):
        stdin = b'{"hook_event_name": "Stop", "more": ' + b"[" * depth + b"]" * depth + b"}"
        run_hook(stdin, MAF_AGENT="w1", MAF_HOME=str(tmp_path))
    assert len(spool.drain(str(tmp_path / "run" / "hooks.spool"))) == 4


def test_a_bot_that_is_killed_while_a_hook_waits_decides_nothing(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    path = str(tmp_path / "run" / "maf.sock")
    listen = "import socket,sys,time; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); "
    listen += "c,_=s.accept(); c.recv(65536); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", listen, path], stdout=subprocess.PIPE) as bot:
        deadline = time.monotonic() + PATIENCE_S
        while not Path(path).exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        env = {"PATH": "/bin", "MAF_AGENT": "w1", "MAF_HOME": str(tmp_path)}
        with subprocess.Popen(HOOK, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as hook:
            assert hook.stdin
            hook.stdin.write(b'{"hook_event_name": "PermissionRequest"}')
            hook.stdin.close()
            assert bot.stdout
            assert bot.stdout.readline() == b"held\n"
            bot.kill()
            assert hook.wait(PATIENCE_S) == 0
            assert hook.stdout
            assert hook.stdout.read() == b""


def test_a_home_that_is_gone_fails_nothing(tmp_path: Path) -> None:
    assert run_hook(b"{}", MAF_AGENT="w1", MAF_HOME=str(tmp_path / "gone")).stdout == b""
    assert not (tmp_path / "gone").exists()


async def test_the_bots_answer_is_printed(tmp_path: Path) -> None:
    decision = {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": {"behavior": "allow"}}}
    seen: list[dict[str, Any]] = []

    async def who(peer: Peer) -> Peer:
        return peer

    async def hook(_peer: Peer, event: dict[str, Any]) -> Any:
        seen.append(event)
        await asyncio.sleep(0.1)
        return decision

    async def operate(_peer: Peer, _op: str, _params: dict[str, Any]) -> Any:
        raise AssertionError("a hook is no operation")

    server = Server(tmp_path / "run" / "maf.sock", who, operate, hook)
    await server.start()
    try:
        stdin = b'{"hook_event_name": "PermissionRequest"}'
        ran = await asyncio.to_thread(run_hook, stdin, MAF_AGENT="w1", MAF_HOME=str(tmp_path))
    finally:
        await server.stop()
    assert json.loads(ran.stdout) == decision
    assert seen[0]["payload"] == {"hook_event_name": "PermissionRequest"}
    assert not (tmp_path / "run" / "hooks.spool").exists()


def quota_line(cwd: Path, **env: str) -> str:
    command = [sys.executable, "-m", "bot.cli", "quota", "line"]
    root = str(Path(__file__).parents[3])
    env = {"PATH": "/bin", "PYTHONPATH": root, **env}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S, check=True, env=env, cwd=cwd
    ).stdout


def test_the_quota_line_is_what_stands_in_its_file_until_that_is_old(tmp_path: Path) -> None:
    line = "#[fg=yellow]codex-plus-1 65%#[default]\n"
    file = tmp_path / ".maf" / "run" / "quota-line"
    (tmp_path / ".maf" / "run").mkdir(parents=True)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert quota_line(tmp_path) == ""
    file.write_text(line)
    os.utime(file, (time.time() + 60, time.time() + 60))
    assert quota_line(tmp_path / "deep" / "er") == line
    assert quota_line(Path("/"), MAF_HOME=str(tmp_path / ".maf")) == line
    assert quota_line(Path("/")) == ""
    os.utime(file, (time.time() - 1, time.time() - 1))
    assert quota_line(tmp_path) == ""
    file.write_bytes(b"\xff")
    os.utime(file, (time.time() + 60, time.time() + 60))
    assert quota_line(tmp_path) == ""


def test_a_hook_in_an_agent_imports_next_to_nothing(tmp_path: Path) -> None:
    """Every tool call of every agent pays for it."""
    (tmp_path / "run").mkdir()
    code = "import sys; from bot.cli import main; main(['hook']); print(*sys.modules)"
    env = {**os.environ, "MAF_AGENT": "w1", "MAF_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code], input=b"{}", capture_output=True, timeout=PATIENCE_S, check=True, env=env
    )
    loaded = set(ran.stdout.decode().split())
    assert "bot.remote.client" in loaded
    assert loaded.isdisjoint({"asyncio", "click", "difflib", "logging", "subprocess", "bot.excerpt", "bot.settings"})
    assert not [name for name in loaded if name.startswith(("bot.agents", "bot.tmux", "bot.store"))]

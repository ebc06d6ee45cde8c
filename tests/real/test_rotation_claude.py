"""A real Claude Code agent moved between two accounts, with its limits read from its own status line."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path

import pytest

from bot.agents.caller import Caller
from bot.app import App
from bot.clis import hooks
from bot.home import Home
from bot.remote.server import Server
from bot.settings import load_settings
from tests.flow.product import socket_of, until
from tests.private_tmux import end_server
from tests.real.homes import make_claude_home
from tests.real.installed import ROOT, need, real_path
from tests.real.mock_models import MockModels
from tests.real.moving import moved
from tests.rollouts import write_profiles

pytestmark = pytest.mark.every_version

ONE, TWO = "claude-max-1", "claude-max-2"
TOKENS = {ONE: "sk-ant-oat01-one", TWO: "sk-ant-oat01-two"}


def maf_program(folder: Path) -> str:
    """`maf` as a program of its own, for the hooks in Claude's settings."""
    folder.mkdir()
    program = folder / "maf"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m bot.cli "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


async def test_a_claude_agent_moves_with_its_conversation_and_its_limits_come_from_its_status_line(
    tmp_path: Path,
) -> None:
    need("claude")
    home, work, socket = Home(tmp_path / ".maf"), tmp_path / "proj", socket_of(tmp_path)
    work.mkdir()
    home.run.mkdir(parents=True)
    (home.run / "login-env").write_text(f'PATH="{real_path()}"\nHOME="{tmp_path}"\n')
    maf = maf_program(tmp_path / "bin")
    with MockModels() as models:
        entries = {}
        for number, (name, token) in enumerate(TOKENS.items(), 1):
            env = make_claude_home(home.profile(name), work, models.url, token=token)
            (home.profile(name) / ".credentials.json").write_text(f'{{"dummy": "{name}"}}')
            hooks.install(home.profile(name), "claude", maf)
            own = {k: v for k, v in env.items() if k.startswith(("ANTHROPIC", "CLAUDE_CODE", "DISABLE", "NO_PROXY"))}
            entries[name] = {"kind": "claude", "priority": number, "environment": own}
        write_profiles(home.agent_config, entries)

        def hashes() -> list[str]:
            files = [home.profile(name) / ".credentials.json" for name in TOKENS]
            return [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]

        before = hashes()
        try:
            settings = load_settings(home, tmux_socket=socket, project_root=work, max_load=0)
            async with App.open(home, settings, background=True) as app:
                server: Server[Caller] = Server(home.socket, app._who, app._operate, app._hook)
                await server.start()
                await app.services.watch.start()
                try:
                    await _move(app, models)
                finally:
                    await server.stop()
        finally:
            end_server(socket)
        assert hashes() == before
        assert os.environ.get("CLAUDE_CODE_OAUTH_TOKEN") is None


async def _move(app: App, models: MockModels) -> None:
    services = app.services

    async def idle() -> bool:
        return (await services.watch.fresh("w1")).state in {"idle", "limited"}

    async def prompt(text: str) -> None:
        done = await app.call("agent.send", {"id": "w1", "text": text, "wait": 30})
        assert done["status"] in {"submitted", "started"}, done
        await until(lambda: models.count(text) == 1, "the model was asked")
        await until(idle, "w1 is idle")

    made = await app.call("agent.create", {"type": "claude-worker", "id": "w1"})
    assert made["profile"] == ONE
    await until(idle, "w1 is idle")
    models.set(TOKENS[ONE], primary=100.0, secondary=55.0)
    await prompt("remember the word KOLIBRI")

    async def told() -> bool:
        status = {s.profile.name: s for s in await services.quota.refresh()}[ONE]
        return {n: round(w.percent) for n, w in status.windows.items()} == {"5h": 100, "7d": 55}

    await until(told, "the status line was passed on")
    status = {s.profile.name: s for s in services.quota.statuses()}[ONE]
    assert {w.source for w in status.windows.values()} == {"statusline"}
    (move,) = await moved(services)
    assert (move.outcome, move.target) == ("moved", TWO)
    await prompt("still there? BUSSARD")
    request = next(r for r in reversed(models.requests) if not r.hidden and "BUSSARD" in r.user)
    assert request.key == TOKENS[TWO]
    assert any("KOLIBRI" in text for text in request.all), "the earlier messages are not in its input"

"""A home with agents, by the operations that the command line and the chat call: real tmux, demo agents, no bot."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.app import App
from bot.beads.sample import write_sample
from bot.home import Home
from bot.settings import load_settings
from tests.integration.agents_fleet import eventually
from tests.patience import PATIENCE_S


@asynccontextmanager
async def open_app(tmp_path: Path, tmux_socket: str, **more: Any) -> AsyncIterator[App]:
    """A home whose project is a git repository with the sample's beads; no bot runs. `more`: settings by name."""
    home, project = Home(tmp_path / ".maf"), tmp_path / "shop"
    home.root.mkdir()
    project.mkdir()
    write_sample(project)
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "first")
    home.agent_env.write_text("DEMO_SECONDS=0.2\nFROM_AGENT_ENV=yes\n")
    settings = load_settings(home, tmux_socket=tmux_socket, project_root=project, max_load=0, **more)
    async with App.open(home, settings) as opened:
        yield opened


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return done.stdout.strip()


async def demo(app: App, name: str = "d1", **options: Any) -> dict[str, Any]:
    await app.call("agent.create", {"type": "demo", "id": name, **options})
    await state(app, name, "idle")
    return dict(await app.call("agent.show", {"id": name}))


async def state(app: App, name: str, wanted: str) -> None:
    async def ask() -> bool:
        return bool((await app.call("agent.show", {"id": name}))["state"] == wanted)

    await eventually(ask)


async def until(right: Callable[[], bool], within: float = PATIENCE_S) -> None:
    async def ask() -> bool:
        return right()

    await eventually(ask, within=within)


def tmux(socket: str, *words: str) -> str:
    return subprocess.run(
        ["tmux", "-S", socket, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    ).stdout.strip()

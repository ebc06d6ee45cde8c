"""A fleet of one real CLI, whose agents have a home that talks to the mock model."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.agents.environment import ProfileSetup
from bot.agents.model import Agent
from bot.clis.model import State
from tests.integration.agents_fleet import Fleet, open_fleet
from tests.private_tmux import PrivateTmux
from tests.real.homes import make_claude_home, make_codex_home
from tests.real.installed import real_path
from tests.real.mock_models import MockModels


@asynccontextmanager
async def open_real_fleet(kind: str, models: MockModels) -> AsyncIterator[Fleet]:
    """`kind`: codex or claude. The folder's path is short, as that of a socket must be."""
    with (
        tempfile.TemporaryDirectory(prefix="maf-r", dir="/tmp", ignore_cleanup_errors=True) as folder,
        PrivateTmux(Path(folder)) as tmux,
    ):
        root = Path(folder)
        make = make_codex_home if kind == "codex" else make_claude_home
        env = make(root / kind, root / "work", models.url) | {"PATH": real_path()}
        setup = ProfileSetup(root / kind, env)
        login = {**os.environ, "PATH": real_path()}
        async with open_fleet(root, str(tmux.socket), profiles=lambda agent: setup, login_env=login) as opened:
            yield opened


async def ready(fleet: Fleet, kind: str) -> Agent:
    """A new worker of this kind, once it is idle."""
    agent = await fleet.life.create(f"{kind}-worker", workdir=fleet.work)
    await fleet.until(agent.id, lambda look: look.view.state is State.IDLE)
    return await fleet.registry.get(agent.id)

"""A whole maf in a temporary folder, with a tmux server of its own, for `maf doctor --full` and `maf demo`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.agents.delivery.model import PROVEN
from bot.app import App
from bot.cli.checks import Check
from bot.cli.homemaking import make_home
from bot.errors import MafError
from bot.home import Home
from bot.settings import load_settings
from bot.tmux.server import find_version

WAIT_S = 20.0


@asynccontextmanager
async def scratch(workdir_name: str = "project") -> AsyncIterator[tuple[App, Path]]:
    """The application and a work folder; both, and the tmux server, are gone afterwards. Raises TmuxMissing."""
    await asyncio.to_thread(find_version)
    with tempfile.TemporaryDirectory(prefix="maf-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        home, workdir, socket = Home(root / ".maf"), root / workdir_name, str(root / "tmux")
        workdir.mkdir()
        await asyncio.to_thread(make_home, home, environment=dict(os.environ))
        overrides: dict[str, Any] = {"tmux_socket": socket, "project_root": workdir, "database_url": None}
        settings = load_settings(home, **overrides)
        try:
            async with App.open(home, settings) as app:
                yield app, workdir
        finally:
            kill = ["tmux", "-S", socket, "kill-server"]
            await asyncio.to_thread(subprocess.run, kill, capture_output=True, timeout=10, check=False)


def prove_delivery() -> Check:
    """Type a prompt into a scratch demo agent, and see it in the agent's own file."""
    try:
        delivery = asyncio.run(_send_one())
    except MafError as error:
        return Check("delivery", "failure", error.message, error.hint)
    if delivery["status"] in PROVEN:
        proof = delivery["evidence"]["kind"]
        return Check("delivery", "ok", f"A prompt was typed into a scratch pane and taken (seen in its {proof}).")
    reason = delivery["reason"] or "nobody saw it taken"
    return Check("delivery", "failure", f"A prompt typed into a scratch pane: {delivery['status']}, {reason}.")


async def _send_one() -> dict[str, Any]:
    text = "Doctor's test of maf: `backticks`, $dollars; a semicolon;\nand a second line."
    async with scratch() as (app, workdir):
        await app.call("agent.create", {"type": "demo", "id": "d1", "workdir": str(workdir)}, actor="doctor")
        params = {"id": "d1", "text": text, "wait": WAIT_S}
        answer: dict[str, Any] = await app.call("agent.send", params, actor="doctor")
        return answer

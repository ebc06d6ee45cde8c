"""Real tmux: each test gets a server of its own, in a folder of its own, and that server alone is ended afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.tmux.control import ControlClient
from bot.tmux.panes import Panes
from bot.tmux.sessions import Sessions
from tests.postgres import any_store, postgres_cluster, postgres_url  # noqa: F401
from tests.private_tmux import end_server


@pytest.fixture
def tmux_socket() -> Iterator[str]:
    """The path of a socket at which no server runs yet. Short: a socket's path may have 107 bytes."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    folder = Path(tempfile.mkdtemp(prefix="maf-t", dir="/tmp"))
    socket = str(folder / "s")
    try:
        yield socket
    finally:
        end_server(socket)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def control(tmux_socket: str) -> AsyncIterator[ControlClient]:
    client = ControlClient(tmux_socket)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
def panes(control: ControlClient) -> Panes:
    return Panes(control)


@pytest.fixture
def sessions(tmux_socket: str) -> Sessions:
    return Sessions(tmux_socket)

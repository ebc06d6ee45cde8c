"""Operations in this process, for when no bot runs. Imports the whole application: only call.py comes here."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot import log
from bot.app import App
from bot.cli.sandbox_home import settings_of
from bot.home import Home
from bot.remote.lock import hold
from bot.settings import Settings
from bot.tmux.lineage import lineage


def read(home: Home, op: str, params: Mapping[str, Any]) -> Any:
    """Do a reading operation; a home that does not exist is read as an empty one and nothing is created."""
    settings = settings_of(home)
    if home.exists:
        return asyncio.run(_do(home, settings, op, params))
    with tempfile.TemporaryDirectory(prefix="maf-") as scratch:
        nowhere = settings.model_copy(update={"project_root": settings.root(home), "database_url": None})
        return asyncio.run(_do(Home(Path(scratch)), nowhere, op, params))


def act(home: Home, op: str, params: Mapping[str, Any]) -> Any:
    """Do an operation that types or changes something. Raises HomeBusy while another process of ours acts here."""
    with hold(home.lock, op):
        return asyncio.run(_do(home, settings_of(home), op, params))


async def _do(home: Home, settings: Settings, op: str, params: Mapping[str, Any]) -> Any:
    if not logging.getLogger().handlers and os.access(home.root, os.W_OK):
        log.set_up(home.logs, level=settings.log_detail, secrets=settings.secrets)
    async with App.open(home, settings) as app:
        return await app.call_for(await app.caller(lineage(os.getpid()), os.getuid()), op, params)

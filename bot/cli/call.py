"""Doing an operation: the running bot does it, or, where there is none, this process under the home's lock."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.cli.terminal import Terminal
from bot.errors import Refused
from bot.remote import client

if TYPE_CHECKING:
    from bot.home import Home

# What another command may need to finish, before this one gives up on the home's lock.
LOCK_PATIENCE_S = 20.0
DEFAULT_TIMEOUT_S = 60.0


class BotNotReady(Refused):
    """The bot is starting or ending and takes no commands at this moment; nothing was done."""

    code = "bot_not_ready"
    hint = "Try again in a moment. What it does: maf logs tail"


class NoHome(Refused):
    """There is no home here yet."""

    code = "no_home"
    hint = "Make one with: maf init"

    def __init__(self, home: Home) -> None:
        super().__init__(f"There is no home here yet ({home.root}).")


def read(terminal: Terminal, op: str, params: Mapping[str, Any] | None = None, *, timeout: float = 30.0) -> Any:
    """Ask for something. Needs neither a running bot nor a home: without one the answer is that of an empty home."""
    try:
        return client.call(terminal.home.socket, op, params or {}, timeout=timeout)
    except client.NoBot:
        from bot.cli import local

        return local.read(terminal.home, op, params or {})


def act(
    terminal: Terminal,
    op: str,
    params: Mapping[str, Any] | None = None,
    *,
    timeout: float = DEFAULT_TIMEOUT_S,
) -> Any:
    """Have something done: by the bot, else here while no other process of ours acts on this home. -> its result

    Raises NoHome, BotNotReady, HomeBusy, and whatever the operation itself is refused with.
    """
    home = terminal.home
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            return client.call(home.socket, op, params or {}, timeout=timeout)
        except client.NoBot:
            if not home.exists:
                raise NoHome(home) from None
        from bot.cli import local
        from bot.remote.lock import BotRuns, HomeBusy

        try:
            return local.act(home, op, params or {})
        except HomeBusy as busy:
            # Another command at work, or a bot that has only just started and will answer in a moment.
            if time.monotonic() > deadline:
                if isinstance(busy, BotRuns):
                    raise BotNotReady() from busy
                raise
            time.sleep(0.2)


def ask_bot(home: Home) -> dict[str, Any] | None:
    """Who runs on this home: {"pid", "version"}; None when no bot does. Raises BotSlow or BotGone."""
    try:
        answer: dict[str, Any] = client.call(home.socket, "ping", {}, timeout=5.0)
    except client.NoBot:
        return None
    return answer

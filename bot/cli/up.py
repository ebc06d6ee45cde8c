"""`maf up`: whatever is missing is made, then the bot runs in the foreground."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from bot.cli.command import command as make_command
from bot.cli.homemaking import make_home
from bot.cli.terminal import Terminal
from bot.errors import DONE, WrongSetting

if TYPE_CHECKING:
    from bot.home import Home
    from bot.settings import Settings


class TokenMissing(WrongSetting):
    """MAF_BOT_TOKEN is not set, and this home already has people or agents of its own."""

    code = "no_token"

    def __init__(self, home: Home) -> None:
        super().__init__(
            f"MAF_BOT_TOKEN is not set, and {home.root} already has people or agents of its own.",
            hint=f"Write the token into {home.env_file}. To try the sandbox: maf up --home DIR, with a new folder.",
        )


@make_command("up")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the sandbox's chat page; 0 takes any free one.")
@click.option("--no-browser", is_flag=True, help="Do not open the chat page.")
def command(terminal: Terminal, port: int | None, no_browser: bool) -> int:
    """Set up what is missing and start the bot, in the foreground.

    With no token, in a new home or one it made itself: a sandbox with a chat page, a sample project and demo agents.
    """
    home = terminal.home
    made = make_home(home, environment=os.environ)
    if made.files:
        terminal.say(f"Made {home.root}.")
    from bot.remote.lock import hold

    with hold(home.lock, "bot"):
        settings = settings_to_run(home)
        if settings.bot_token is None:
            from bot.cli.sandbox import AGENTS, run_sandbox

            asyncio.run(run_sandbox(terminal, port=port, agents=AGENTS, browser=not no_browser))
        else:
            from bot.cli.running import run_bot

            asyncio.run(leave_sandbox(terminal))
            asyncio.run(run_bot(terminal, settings))
    return DONE


def settings_to_run(home: Home) -> Settings:
    """The settings to run with. Raises TokenMissing where the sandbox would mix with real work."""
    from bot.cli import sandbox_home
    from bot.settings import load_settings
    from bot.tmux.server import find_version

    settings = load_settings(home)
    find_version()
    if settings.bot_token is None and not sandbox_home.is_sandbox(home) and asyncio.run(_in_use(home, settings)):
        raise TokenMissing(home)
    return settings


async def _in_use(home: Home, settings: Settings) -> bool:
    """Whether anybody is paired here, or any agent is registered."""
    from sqlalchemy import select

    from bot.store import Store, migrate
    from bot.store.tables import AgentRow, PersonRow

    url = settings.database(home)
    if await migrate.current(url) is None:
        return False
    await migrate.upgrade(url, home)
    store = Store(url)
    try:
        async with store.begin() as tx:
            return bool(await tx.scalar(select(PersonRow).limit(1)) or await tx.scalar(select(AgentRow).limit(1)))
    finally:
        await store.close()


async def leave_sandbox(terminal: Terminal) -> None:
    """A token is there now: end the sandbox's agents and move all that it made aside."""
    from bot.cli import sandbox_home
    from bot.cli.running import stop_agents

    home = terminal.home
    if not sandbox_home.is_sandbox(home):
        return
    server = sandbox_home.saved(home)
    if server is not None:
        await stop_agents(home, sandbox_home.sandbox_settings(home, server))
    target = sandbox_home.move_aside(home, datetime.now(UTC))
    terminal.say(f"There is a token now. What the sandbox made is in {target}.")

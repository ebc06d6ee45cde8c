"""`maf run`: the bot for a service; it makes nothing and opens nothing."""

from __future__ import annotations

import asyncio

from bot.cli.call import NoHome
from bot.cli.command import command as make_command
from bot.cli.terminal import Terminal
from bot.errors import DONE, WrongSetting


@make_command("run")
def command(terminal: Terminal) -> int:
    """Start the bot of an existing home, as a service does. Needs MAF_BOT_TOKEN."""
    from bot.cli.up import leave_sandbox, settings_to_run
    from bot.remote.lock import hold

    home = terminal.home
    if not home.exists:
        raise NoHome(home)
    with hold(home.lock, "bot"):
        settings = settings_to_run(home)
        if settings.bot_token is None:
            raise WrongSetting("MAF_BOT_TOKEN is not set.", hint=f"Write it into {home.env_file}.")
        from bot.cli.running import run_bot

        asyncio.run(leave_sandbox(terminal))
        asyncio.run(run_bot(terminal, settings))
    return DONE

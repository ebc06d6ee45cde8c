"""`maf init`."""

from __future__ import annotations

import os
from pathlib import Path

from bot.cli.command import command as make_command
from bot.cli.homemaking import Made, make_home
from bot.cli.terminal import Terminal


@make_command("init")
def command(terminal: Terminal) -> None:
    """Make a home (.maf/) for this project.

    Writes maf.env (settings), agent.env (the agents' environment) and tmux.conf, for you to edit. What is there
    already is left as it is.
    """
    home = terminal.home
    made = make_home(home, environment=os.environ)
    value = {"home": str(home.root), "written": list(made.files)}
    terminal.show(value, lambda: _text(made))


def _text(made: Made) -> str:
    home = made.home
    first = f"Made {home.root} ({', '.join(made.files)})." if made.files else f"{home.root} is ready; nothing to do."
    lines = [first]
    if home.root.parent != Path.cwd() and not made.files:
        lines.append("That is a home above this folder. For one of its own: maf init --home .maf")
    lines += [
        f"Next: put the token from @BotFather into {home.env_file} as MAF_BOT_TOKEN=…,",
        "then run `maf up`, and in another terminal `maf pair`: it prints the code to send to your bot.",
    ]
    return "\n".join(lines)

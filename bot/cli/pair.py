"""`maf pair`."""

from __future__ import annotations

import click

from bot.cli import call
from bot.cli.command import command as make_command
from bot.cli.people import ROLES
from bot.cli.terminal import Terminal
from bot.clock import span
from bot.errors import WrongUsage

LONGEST_S = 86400


@make_command("pair")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default="owner",
    help="What they may do.",
)
@click.option("--ttl", default="10m", show_default=True, help="How long the code may be used: 90s, 10m, 2h, 1d.")
def command(terminal: Terminal, role: str, ttl: str) -> None:
    """Print a one-time code that gives a person a role.

    They send it to the bot as /pair CODE.
    """
    answer = call.act(terminal, "pair.create", {"role": role, "ttl": seconds(ttl)})
    within = f"{ttl} s" if ttl.isdecimal() else ttl
    text = f"Send this to your bot within {within}:  /pair {answer['code']}\nIt makes the sender {role}."
    terminal.show(answer, text)


def seconds(text: str) -> float:
    """`90s`, `10m`, `2h`, `1d` or plain seconds. Raises WrongUsage."""
    try:
        value = span(text).total_seconds()
    except ValueError:
        value = 0.0
    if not 1 <= value <= LONGEST_S:
        raise WrongUsage(f"--ttl {text}: write a length of time between 1s and 1d, like 10m or 2h.")
    return value

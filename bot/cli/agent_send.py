"""`maf agent send`: one prompt to one agent, with its proof."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from bot.cli import call
from bot.cli.command import Seconds
from bot.cli.command import command as make_command
from bot.cli.delivery import outcome
from bot.cli.terminal import Terminal
from bot.errors import WrongUsage

DEFAULT_WAIT_S = 15.0


@make_command("send")
@click.argument("agent_id", metavar="ID")
@click.argument("source", metavar="[-]", required=False, type=click.Choice(["-"]))
@click.option("--text", metavar="T", help="What to type.")
@click.option("--text-file", type=click.Path(path_type=Path, dir_okay=False), help="A file with what to type.")
@click.option("--now", is_flag=True, help="Type it even while the agent works.")
@click.option(
    "--wait",
    type=Seconds(0, 3600),
    default=DEFAULT_WAIT_S,
    show_default=True,
    metavar="S",
    help="How long to wait until it is idle, and for the proof: seconds, or like 2m.",
)
@click.option("--raw", is_flag=True, help="Leave a first character like / or ! its meaning.")
def command(
    terminal: Terminal,
    *,
    agent_id: str,
    source: str | None,
    text: str | None,
    text_file: Path | None,
    now: bool,
    wait: float,
    raw: bool,
) -> int:
    """Type a prompt to an agent and prove that it was taken.

    Exit code 0: the agent has it. 3: queued, or typed and not confirmed. 1: refused, with the reason.
    """
    params = {"id": agent_id, "text": _text(source, text, text_file), "now": now, "wait": wait, "raw": raw}
    delivery = call.act(terminal, "agent.send", params, timeout=wait + 60)
    return outcome(terminal, delivery)


def _text(source: str | None, text: str | None, text_file: Path | None) -> str:
    if sum(one is not None for one in (source, text, text_file)) != 1:
        raise WrongUsage("Give the text once: --text T, --text-file F, or - to read it from stdin.")
    try:
        if text is not None:
            raw = os.fsencode(text)  # as it was typed, whatever the locale made of it
        else:
            raw = sys.stdin.buffer.read() if text_file is None else text_file.read_bytes()
        return raw.decode("utf8")
    except OSError as error:
        raise WrongUsage(f"{text_file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{text_file or 'The text'} is not UTF-8 text (byte {error.start}).") from error

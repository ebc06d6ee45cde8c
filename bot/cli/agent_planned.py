"""`maf agent planned`: what the bot is going to do by itself, and what of it is not wanted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from bot.cli import call
from bot.cli.command import command as make_command
from bot.cli.terminal import Terminal, table
from bot.errors import WrongUsage

WORDS = {
    "go on": "goes on after its limit",
    "move": "moves to another account",
    "come back": "comes back from a move that was cut off",
    "restart": "is started again",
    "restore": "all are brought back",
}
NOTHING = "Nothing is planned."


@make_command("planned")
@click.argument("number", required=False, type=int, metavar="[NUMBER]")
@click.option("--decline", is_flag=True, help="Have it not done.")
@click.option("--allow", is_flag=True, help="Have it done after all.")
def command(terminal: Terminal, number: int | None, *, decline: bool, allow: bool) -> None:
    """List what the bot is going to do by itself; with a NUMBER of the list, decline that, or allow it after all."""
    if (decline or allow) != (number is not None) or (decline and allow):
        raise WrongUsage("Which of them, and what about it?", hint="maf agent planned 3 --decline (or --allow)")
    if number is None:
        found: list[dict[str, Any]] = call.read(terminal, "agent.planned")
        terminal.show(found, lambda: table([_row(one) for one in found], HEAD) if found else NOTHING)
        return
    done = call.act(terminal, "agent.decline" if decline else "agent.allow", {"id": number})
    what = "is not done" if done["status"] == "declined" else f"is {done['status']}"
    terminal.show(done, f"{number} {what}: {done['agent'] or 'all'} {WORDS.get(done['kind'], done['kind'])}.")


HEAD = ["NUMBER", "AGENT", "WHAT", "WHEN", "STATUS"]


def _row(one: dict[str, Any]) -> list[str]:
    due = datetime.fromisoformat(one["due_at"]).astimezone().strftime("%H:%M") if one["due_at"] else "-"
    by = f" by {one['declined_by']}" if one["declined_by"] else ""
    what = WORDS.get(one["kind"], one["kind"])
    return [str(one["id"]), one["agent"] or "all", what, due, f"{one['status']}{by}"]

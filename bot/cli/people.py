"""`maf people …`: who may use the bot. `maf pair` lets somebody in."""

from __future__ import annotations

import click

from bot.cli import call
from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal, table

ROLES = ("owner", "supervisor", "operator", "viewer")

command = Group("people", help="Who may use the bot: look, give another role, shut out.")


@command.command("list")
@pass_terminal
def list_people(terminal: Terminal) -> None:
    """List everybody who is let in, with their role."""
    found = call.read(terminal, "people.list")
    rows = [[str(one["id"]), one["role"], one["name"]] for one in found]
    nobody = "Nobody is let in yet. Let yourself in: maf pair"
    terminal.show(found, lambda: table(rows, ["ID", "ROLE", "NAME"]) if rows else nobody)


@command.command("role")
@click.argument("user_id", metavar="ID", type=int)
@click.argument("role", metavar="ROLE", type=click.Choice(ROLES))
@pass_terminal
def set_role(terminal: Terminal, user_id: int, role: str) -> None:
    """Give a person another role, at once. With less than they had, what they had begun ends: boards, watches, pages,
    questions. Pair codes that nobody used yet let nobody in then."""
    done = call.act(terminal, "people.role", {"id": user_id, "role": role})
    terminal.show(done, f"{done['name']} is {role} now, and was {done['was']}.")


@command.command("remove")
@click.argument("user_id", metavar="ID", type=int)
@pass_terminal
def remove(terminal: Terminal, user_id: int) -> None:
    """Shut a person out. The bot is silent to them from now on, and what they had begun ends. Pair codes that nobody
    used yet let nobody in then."""
    done = call.act(terminal, "people.remove", {"id": user_id})
    terminal.show(done, f"{done['name']} is shut out. To let them in again: maf pair --role {done['role']}")

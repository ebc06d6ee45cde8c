"""`maf bead …`: the tasks of the project."""

from __future__ import annotations

import click

from bot.cli import call
from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal, fields, table

command = Group("bead", help="The tasks (beads) that agents work on.")


@command.command("ready")
@pass_terminal
def ready(terminal: Terminal) -> None:
    """List the beads that can be worked on now, the best first."""
    found = call.read(terminal, "bead.ready")
    rows = [[b["id"], f"P{b['priority']}", ",".join(b["labels"]) or "-", b["agent"] or "-", b["title"]] for b in found]
    terminal.show(
        found, lambda: table(rows, ["BEAD", "PRIO", "LABELS", "HELD BY", ""]) if rows else "No bead is ready."
    )


@command.command("show")
@click.argument("bead_id", metavar="ID")
@pass_terminal
def show(terminal: Terminal, bead_id: str) -> None:
    """Show a bead."""
    bead = call.read(terminal, "bead.show", {"id": bead_id})
    terminal.show(bead, lambda: fields(bead))


@command.command("release")
@click.argument("bead_id", metavar="ID")
@pass_terminal
def release(terminal: Terminal, bead_id: str) -> None:
    """Give up the claim on a bead, so that another agent can have it."""
    done = call.act(terminal, "bead.release", {"id": bead_id})
    terminal.show(done, f"{bead_id} is free again.")

"""`maf cleanup`: remove what is ours and wanted no more."""

from __future__ import annotations

import click

from bot.cli import call
from bot.cli.command import command as make_command
from bot.cli.terminal import Terminal, table
from bot.errors import DONE, REFUSED


@make_command("cleanup")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def command(terminal: Terminal, dry_run: bool) -> int:
    """Remove what this home made and no longer wants: sessions, programs, buffers, hook entries, sockets, files, and
    file reservations in Agent Mail.

    They are found by our own ids and marks; what merely looks like ours is left alone.
    """
    found = call.act(terminal, "cleanup", {"dry_run": dry_run})
    rows = [[one["what"], one["id"], one["why"], one["outcome"]] for one in found["removed"]]
    terminal.show(found, lambda: table(rows, ["WHAT", "ID", "WHY", ""]) if rows else "There is nothing to clean up.")
    failed = [row for row in rows if row[3] not in ("removed", "would be removed")]
    return REFUSED if failed else DONE

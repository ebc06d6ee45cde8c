"""`maf audit`: who did what."""

from __future__ import annotations

from typing import Any

import click

from bot.cli import call
from bot.cli.command import command as make_command
from bot.cli.terminal import Terminal, table
from bot.excerpt import clipped

WIDTH = 60


@make_command("audit")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many entries.")
def command(terminal: Terminal, limit: int) -> None:
    """List the newest entries of the audit trail: who, where, what, how it ended."""
    found: list[dict[str, Any]] = call.read(terminal, "audit", {"limit": limit})
    names = list(found[0]) if found else []
    rows = [[_cell(one[name]) for name in names] for one in found]
    terminal.show(found, lambda: table(rows, [name.upper() for name in names]) if rows else "Nothing was done yet.")


def _cell(value: Any) -> str:
    return "-" if value in (None, "", {}) else clipped(str(value), WIDTH)

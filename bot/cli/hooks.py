"""`maf hooks …`: our hooks in the homes of Codex and Claude Code. A home that was yours is touched only if you ask."""

from __future__ import annotations

from typing import Any

import click

from bot.cli import call
from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal, table
from bot.clis.homes import HOMES

command = Group("hooks", help="Our hooks in the homes of Codex and Claude Code.")

_PROFILE = click.option("--profile", metavar="P", help="The home of this profile.")
_PATH = click.option("--path", metavar="HOME", help="This CODEX_HOME or CLAUDE_CONFIG_DIR.")
_KIND = click.option("--kind", type=click.Choice(list(HOMES)), help="With --path: what it is a home of.")


@command.command("status")
@_PROFILE
@_PATH
@_KIND
@pass_terminal
def status(terminal: Terminal, profile: str | None, path: str | None, kind: str | None) -> None:
    """Show which homes have them."""
    found = call.read(terminal, "hooks.status", {"profile": profile, "path": path, "kind": kind})
    terminal.show(found, lambda: table([_row(one) for one in found], ["KIND", "HOOKS", "HOME"]))


@command.command("install")
@_PROFILE
@_PATH
@_KIND
@pass_terminal
def install(terminal: Terminal, profile: str | None, path: str | None, kind: str | None) -> None:
    """Put them into a home. What you have there stays as it is."""
    done = call.act(terminal, "hooks.install", {"profile": profile, "path": path, "kind": kind})
    terminal.show(done, f"{len(done['events'])} hooks stand in {done['home']}. {done['note']}")


@command.command("remove")
@_PROFILE
@_PATH
@_KIND
@pass_terminal
def remove(terminal: Terminal, profile: str | None, path: str | None, kind: str | None) -> None:
    """Take them out of a home. What you had there comes back."""
    done = call.act(terminal, "hooks.remove", {"profile": profile, "path": path, "kind": kind})
    terminal.show(done, f"Nothing of ours is left in {done['home']}. {done['note']}")


def _row(one: dict[str, Any]) -> list[str]:
    state = one["problem"] or ("installed" if one["installed"] else "none")
    return [one["kind"], state, one["home"]]

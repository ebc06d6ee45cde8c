"""`maf task claim`: an agent's next bead. Agents call it themselves too."""

from __future__ import annotations

from typing import Any

import click

from bot.cli import call
from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal

command = Group("task", help="Claim the next bead for an agent.")
# With --rotate an agent is stopped, started elsewhere and looked at, perhaps several times.
CLAIM_TIMEOUT_S = 600.0


@command.command("claim")
@click.option("--agent", required=True, metavar="ID", help="For whom.")
@click.option("--rotate", is_flag=True, help="Move it to another profile first, if its own is used up.")
@click.option("--dry-run", is_flag=True, help="Only say which bead it would be.")
@click.option("--verbose", is_flag=True, help="Say why not the other beads.")
@pass_terminal
def claim(terminal: Terminal, *, agent: str, rotate: bool, dry_run: bool, verbose: bool) -> None:
    """Claim the next bead that fits, if the account of the agent has room."""
    from bot.settings import load_settings

    settings = load_settings(terminal.home)
    forced = None if settings.inside_agent else settings.codex_profile
    params = {"agent": agent, "rotate": rotate, "dry_run": dry_run, "forced": forced}
    done = call.act(terminal, "task.claim", params, timeout=CLAIM_TIMEOUT_S)
    terminal.show(done, lambda: _words(done, verbose))


def _words(done: dict[str, Any], verbose: bool) -> str:
    verb = "would claim" if done["dry_run"] else "has claimed"
    lines = [f"{done['agent']} {verb} {done['bead'] or 'nothing'}: {done['reason']}"]
    if done["profile"]:
        lines.append(f"profile: {done['profile']}")
    if verbose:
        lines += [f"  not {one['bead']}: {one['why']}" for one in done["rejected"]]
    return "\n".join(lines)

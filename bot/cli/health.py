"""`maf health`: is everything up."""

from __future__ import annotations

from typing import Any

import click

from bot.cli import call
from bot.cli.command import command as make_command
from bot.cli.terminal import Terminal
from bot.errors import DONE, REFUSED


@make_command("health")
@click.option("--full", is_flag=True, help="Also what each agent takes, and the checks of the doctor.")
def command(terminal: Terminal, full: bool) -> int:
    """Count what matters: agents by state, prompts under way, messages not delivered."""
    from bot.operations.closed import in_words

    found: dict[str, Any] = call.read(terminal, "health")
    shown = {**found, "closed_chats": [in_words(one) for one in found["closed_chats"]]}
    lines = [f"{name.replace('_', ' '):<16} {_plain(n)}" for name, n in shown.items()]
    if not full:
        terminal.show(found, lambda: "\n".join(lines))
        return DONE
    from bot.cli.checks import all_checks

    agents = call.read(terminal, "agent.health")
    checks = list(all_checks(terminal.home))
    lines += [
        f"{one['id']:<16} {one['state']}, {_plain(one['rss_mb'])} MB, {_plain(one['processes'])} processes"
        for one in agents
    ]
    lines += [f"{check.status:<16} {check.name}: {check.detail}" for check in checks]
    everything = {**found, "details": agents, "checks": [check.as_dict() for check in checks]}
    terminal.show(everything, lambda: "\n".join(lines))
    return REFUSED if any(check.status == "failure" for check in checks) else DONE


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {state}" for state, count in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)

"""`maf health`: is everything up."""

from __future__ import annotations

from typing import Any

from bot.cli import call
from bot.cli.command import command as make_command
from bot.cli.terminal import Terminal


@make_command("health")
def command(terminal: Terminal) -> None:
    """Count what matters: agents by state, prompts under way, messages not delivered."""
    found: dict[str, Any] = call.read(terminal, "health")
    terminal.show(found, lambda: "\n".join(f"{name.replace('_', ' '):<16} {_plain(n)}" for name, n in found.items()))


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {state}" for state, count in value.items()) or "none"
    return str(value)

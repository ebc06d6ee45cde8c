"""`maf agent explain`: why an agent, or a captured screen, counts as being in its state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bot.cli import call
from bot.cli.command import command as make_command
from bot.cli.terminal import Terminal, table
from bot.errors import WrongUsage


@make_command("explain")
@click.argument("agent_id", metavar="[ID]", required=False)
@click.option("--kind", type=click.Choice(["codex", "claude", "demo"]), help="Whose screen the capture is.")
@click.option("--capture", "file", type=click.Path(path_type=Path, dir_okay=False), help="A captured screen to read.")
@click.option("--title", default="", metavar="T", help="The title of its pane.")
def command(terminal: Terminal, agent_id: str | None, kind: str | None, file: Path | None, title: str) -> None:
    """Say why an agent counts as idle, working or waiting: every signal, its age and its vote."""
    if agent_id and not (kind or file):
        found = call.read(terminal, "agent.explain", {"id": agent_id})
    elif kind and file and not agent_id:
        found = _explain_capture(kind, file, title)
    else:
        raise WrongUsage("Give an agent, or --kind and --capture.")
    terminal.show(found, lambda: _explained(found))


def _explain_capture(kind: str, file: Path, title: str) -> dict[str, Any]:
    from bot.agents.state.explain import explain

    try:
        return explain(kind, file.read_bytes().decode("utf8", "replace"), title)
    except OSError as error:
        raise WrongUsage(f"{file}: {error.strerror}.") from error


def _explained(found: dict[str, Any]) -> str:
    rows = [[s["source"], s["vote"] or "-", f"{s['age_s']:.1f} s", s["detail"]] for s in found["signals"]]
    return f"{found['state']}: {found['rule']}\n" + table(rows, ["SOURCE", "VOTE", "AGE", ""])

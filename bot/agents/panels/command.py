"""Which program runs in a side pane. Each is started by its argv under a keeper, so that no pane ends in a shell."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.tmux.keeper import keeper_command
from bot.tmux.sessions import Window

# Our own panels, by the name that follows the @ in a type.
PANELS = ("monitor", "git", "review", "staging", "history", "tests", "lint")
_PROGRAM = Path(__file__).with_name("panel.py")


def pane_command(spec: str, name: str) -> tuple[str, ...]:
    """`@git` is a panel of ours; anything else is a command line of the person's, for `sh`."""
    if spec.startswith("@"):
        return keeper_command((sys.executable, "-I", "-S", str(_PROGRAM), spec[1:]), name=name)
    return keeper_command(("sh", "-c", spec), name=name)


def window(name: str, panes: tuple[str, ...], layout: str) -> Window:
    """A side window for `Sessions.create`."""
    first, *rest = [pane_command(spec, name) for spec in panes]
    return Window(name, first, tuple(rest), layout=layout)

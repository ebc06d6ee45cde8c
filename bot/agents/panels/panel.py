"""A panel in a side window of an agent: shows something of its work, or runs a command when a key is pressed.

    python -I -S bot/agents/panels/panel.py git

It reads MAF_AGENT and MAF_HOME from its environment and the facts that the bot leaves in `run/agents/ID.json`. It looks
again when somebody looks at it (its window gets the focus), every few seconds while it has the focus, and else once a
minute: fifty agents must not cost a machine its `git status`. It never runs a command by itself. Standard library only;
no shell but for the command a person asked for.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    # Started by its file in isolated mode, so that the agent's folder cannot shadow a module: `bot` is not on the path.
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from bot.agents.panels.terminal import FOCUS_IN, FOCUS_OUT, TTY, PanelTerminal
from bot.agents.panels.views import VIEWS, commands
from bot.excerpt import visible

LOOKED_AT_S, ALONE_AT_S = 3.0, 60.0
OFFERS = ("tests", "lint")


def show(terminal: PanelTerminal, name: str) -> None:
    """A live view; r looks again."""
    looked_at = False
    while True:
        terminal.draw(name, VIEWS[name](), "r: refresh")
        while True:
            key = terminal.key(LOOKED_AT_S if looked_at else ALONE_AT_S)
            looked_at = key == FOCUS_IN or (looked_at and key != FOCUS_OUT)
            if key in (b"", b"r", FOCUS_IN):
                break


def offer(terminal: PanelTerminal, what: str) -> None:
    """Commands on keys; s opens a shell for the person. Nothing runs before a key is pressed."""
    while True:
        found = commands(what)
        lines = [f"{number}: {visible(command)}" for number, command in enumerate(found, 1)]
        none = f"The active pack has no {what} for this agent, and the project's files offer none."
        terminal.draw(what, ["", *(lines or [none]), "", "s: a shell here"], keys_of(len(found)))
        key = terminal.key(ALONE_AT_S)
        if key == b"s":
            terminal.run([os.environ.get("SHELL") or "sh"])
        elif key.isdigit() and 1 <= int(key) <= len(found):
            run_one(terminal, found[int(key) - 1])


def keys_of(count: int) -> str:
    """What the keys do where so many commands are offered. Pure."""
    return f"{'1' if count == 1 else f'1-{count}'}: run · r: refresh" if count else "r: refresh"


def run_one(terminal: PanelTerminal, command: str) -> None:
    begun = time.monotonic()
    code = terminal.run(["sh", "-c", command])
    verdict = "passed" if code == 0 else f"failed ({'signal ' + str(-code) if code < 0 else 'exit ' + str(code)})"
    took = time.monotonic() - begun
    terminal.write(f"\r\n\x1b[7m {visible(command)}: {verdict} after {took:.1f} s. Press r to go back. \x1b[0m")
    while terminal.key(3600) != b"r":
        continue


def main(words: Sequence[str]) -> int:
    """Show the view, or offer the choice, that the one word names, until its terminal ends. 2: wrong usage."""
    if len(words) != 1 or words[0] not in (*VIEWS, *OFFERS) or not os.isatty(TTY):
        os.write(2, f"usage: panel.py {'|'.join((*VIEWS, *OFFERS))}   (in a terminal)\n".encode())
        return 2
    try:
        (show if words[0] in VIEWS else offer)(PanelTerminal(), words[0])
    except (EOFError, OSError):
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The real CLIs draw a command in just the rows that are computed, however wide the terminal is."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from bot.clis.kinds import cli_for
from bot.clis.model import Dialog
from bot.clis.screens import read_text
from tests.private_tmux import Pane, PrivateTmux, until
from tests.real.homes import make_claude_home, make_codex_home
from tests.real.installed import need, real_path
from tests.real.mock_models import MockModels

WIDTHS = (137, 100, 83, 72, 60, 51, 43)
ARGUMENTS = {"codex": ["--no-daemon"], "claude": ["--permission-mode", "default"]}


def commands(seed: int) -> list[str]:
    """Words and spaces of all lengths, in one line and in several."""
    dice = random.Random(seed)

    def word() -> str:
        letters, longest = dice.choice((("abcdefg-/._=&|;", 12), ("abcdefghij", 45), ("xyz-/", 150), ("привет—é", 30)))
        return "".join(dice.choice(letters) for _ in range(dice.randint(1, longest)))

    def line() -> str:
        return "".join(" " * dice.choice((1, 1, 1, 1, 2, 3, 7, 20)) + word() for _ in range(dice.randint(1, 10)))

    return ["touch ../x" + line(), "touch ../x" + line() + "\n" + line() + "\n\n" + word(), "touch ../x # a  b"]


def asked(pane: Pane, kind: str) -> Dialog | None:
    return read_text(kind, pane.server.run("capture-pane", "-p", "-e", "-t", pane.id)).dialog


def draws(pane: Pane, kind: str, wanted: str) -> None:
    """Wait until the question on the screen is about just these rows."""

    def seen() -> bool:
        found = asked(pane, kind)
        return found is not None and found.command == wanted

    until(seen, lambda: f"{wanted}\n--- on\n{pane.screen}")


@pytest.mark.parametrize("kind", ["codex", "claude"])
def test_the_rows_of_a_command(kind: str, tmp_path: Path) -> None:
    program, work = need(kind), tmp_path / "work"
    work.mkdir()
    cli, more = cli_for(kind), {"sandbox_permissions": "require_escalated", "justification": "a test"}
    with MockModels() as models, PrivateTmux(tmp_path) as tmux:
        make = make_codex_home if kind == "codex" else make_claude_home
        env = make(tmp_path / kind, work, models.url) | {"PATH": real_path()}
        pane = tmux.open([program, *ARGUMENTS[kind]], cwd=work, env=env, size=(WIDTHS[0], 60))
        until(lambda: read_text(kind, pane.screen).composer.kind != "absent", lambda: f"a composer on\n{pane.screen}")
        for command in commands(5):
            tool = ["exec_command", {"cmd": command, **more}] if kind == "codex" else ["Bash", {"command": command}]
            pane.paste(f"TOOL {tool[0]} {json.dumps(tool[1])}")
            pane.keys("Enter")
            for width in WIDTHS:
                tmux.run("resize-window", "-t", pane.id, "-x", str(width), "-y", "60")
                rows = cli.drawn(command, width)
                assert rows is not None
                draws(pane, kind, "\n".join(rows).rstrip())
            pane.keys("Escape")
            until(lambda: asked(pane, kind) is None, "the end of the question")
            pane.keys("C-u")

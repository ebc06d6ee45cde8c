"""A question that stands on a screen and comes from no hook: a small program shows it in place of Claude Code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bot.clis.model import State
from tests.flow.product import answered, button, product, until
from tests.unit.asked import CONFIRM, LIMIT, claude

# The kernel names a process after the file that was started: this one is `claude`. It shows a question until it is
# given a key, writes the key down and shows an empty composer from then on.
ASKS = """#!{python}
import os, sys, termios, time, tty
tty.setraw(0)
def show(text):
    sys.stdout.write("\\x1b[2J\\x1b[H" + text.replace("\\n", "\\r\\n")); sys.stdout.flush()
show({question!r})
key = os.read(0, 1)
open({keys!r}, "ab").write(key)
show({composer!r})
while True:
    open({keys!r}, "ab").write(os.read(0, 1))
"""
RULE = "─" * 78
COMPOSER = f"\n\n{RULE}\n\x1b[39m❯\u00a0\x1b[7m \x1b[0m\n{RULE}\n  ⏸ manual mode on"


def asking(folder: Path, question: str) -> tuple[Path, Path]:
    """-> the folder to put on PATH, and the file in which its keys are."""
    bin_, keys = folder / "bin", folder / "keys"
    bin_.mkdir()
    keys.touch()
    program = bin_ / "claude"
    program.write_text(ASKS.format(python=sys.executable, question=question, keys=str(keys), composer=COMPOSER), "utf8")
    program.chmod(0o755)
    return bin_, keys


async def test_a_menu_about_a_limit_is_asked_in_the_chat_and_what_costs_money_needs_an_owners_second_tap(
    tmp_path: Path,
) -> None:
    bin_, keys = asking(tmp_path, claude(LIMIT, footer=CONFIRM))
    async with product(tmp_path, agents=0, beads=False) as p:
        p.home.agent_env.write_text("CLAUDE_CODE_OAUTH_TOKEN=none\n", "utf8")
        p.home.run.mkdir(exist_ok=True)
        (p.home.run / "login-env").write_text(f'PATH="{bin_}:/usr/bin:/bin"\n', "utf8")
        await p.app.call("agent.create", {"type": "claude-worker", "id": "w1", "workdir": str(p.project)})
        card = await p.message(lambda m: "What do you want to do?" in m["text"] and bool(m["buttons"]))
        assert p.app.services.watch.view("w1").state is State.WAITING
        funds, wait = button(card, "Add funds"), button(card, "Stop and wait")
        await p.client.press(card["message_id"], funds)
        await p.becomes(card["message_id"], lambda m: "Sure?" in m["text"])
        assert keys.read_bytes() == b""
        await p.client.press(card["message_id"], "Back")
        again = await p.becomes(card["message_id"], lambda m: any(b["label"] == wait for r in m["buttons"] for b in r))
        await p.client.press(again["message_id"], wait)
        await p.becomes(card["message_id"], lambda m: "✅ w1: Stop and wait" in m["text"])
        assert keys.read_bytes() == b"1"
        await until(lambda: p.app.services.watch.view("w1").state is State.IDLE, "w1 idle")


# A menu of arrows and Enter that takes no first Enter, as a busy CLI drops keys: its mark stays where it is, or moves.
DEAF = """#!{python}
import os, sys, termios, tty
tty.setraw(0)
at, heard = 1, 0
def show(text):
    sys.stdout.write("\\x1b[2J\\x1b[H" + text.replace("\\n", "\\r\\n")); sys.stdout.flush()
def menu():
    rows = ["Yes", "No (recommended)"]
    shown = "\\n".join(("  \\u276f " if i == at else "    ") + row for i, row in enumerate(rows))
    show({head!r} + shown + "\\n\\n  Enter to confirm · Esc to cancel\\n")
menu()
while heard < 2:
    key = os.read(0, 8)
    open({keys!r}, "ab").write(key)
    if key in (b"\\x1b[A", b"\\x1bOA"):
        at = 0
    elif key == b"\\r":
        heard += 1
        at = {then}
    menu()
show({composer!r})
while True:
    open({keys!r}, "ab").write(os.read(0, 1))
"""
HEAD = (
    f"\n{RULE}\n  Detected a custom API key in your environment\n\n  ANTHROPIC_API_KEY: sk-ant-...0000\n\n"
    "  Do you want to use this API key?\n\n"
)


@pytest.mark.parametrize(("then", "enters"), [(0, 2), (1, 1)], ids=["stands still", "was changed"])
async def test_enter_is_pressed_once_more_only_on_the_very_same_choice(tmp_path: Path, then: int, enters: int) -> None:
    bin_, keys = asking(tmp_path, "")
    program = DEAF.format(python=sys.executable, head=HEAD, keys=str(keys), composer=COMPOSER, then=then)
    (bin_ / "claude").write_text(program, "utf8")
    async with product(tmp_path, agents=0, beads=False) as p:
        p.home.agent_env.write_text("ANTHROPIC_API_KEY=none\n", "utf8")
        p.home.run.mkdir(exist_ok=True)
        (p.home.run / "login-env").write_text(f'PATH="{bin_}:/usr/bin:/bin"\n', "utf8")
        await p.app.call("agent.create", {"type": "claude-worker", "id": "w1", "workdir": str(p.project)})
        card = await p.message(lambda m: "w1 asks about an API key" in m["text"] and bool(m["buttons"]))
        await p.client.press(card["message_id"], "Yes")
        sure = await p.becomes(card["message_id"], lambda m: "Sure?" in m["text"])
        told = await p.client.press(card["message_id"], button(sure, "✔"))
        if enters == 2:
            await p.becomes(card["message_id"], lambda m: "✅ w1: Yes" in m["text"])
        else:
            assert answered(told, "the same question still"), told
            assert p.app.services.permissions.open()
        assert keys.read_bytes().count(b"\r") == enters

"""`maf agent send` to the real Codex and the real Claude Code, as a person types it: processes, exit codes, JSON.

The judges are outside of us: the mock model's log for what arrived, tmux's own captures for what was not touched.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from bot.clis.kinds import cli_for
from bot.clis.text import normal
from bot.tmux.processes import foreground, scan
from tests.integration.agents_fleet import NASTY
from tests.integration.shop import Shop
from tests.patience import PATIENCE_S
from tests.private_tmux import until
from tests.real.homes import make_claude_home, make_codex_home
from tests.real.installed import real_path
from tests.real.mock_models import MockModels

pytestmark = pytest.mark.every_version

TIMES = 10  # with a bot, and as many without: 20 to each CLI
EVIDENCE = {"codex": {"rollout", "hook"}, "claude": {"transcript", "hook"}}


def changed(before: str, after: str, kind: str) -> list[tuple[str, str]]:
    """The lines that differ, colours and all. Three things change by themselves on Claude's screen and are not among
    them: the hints in its footer and over its composer, which go after a while, and the bullet of a tool, which
    blinks."""
    pairs = zip_longest(before.splitlines(), after.splitlines(), fillvalue="(no line)")
    return [(old, new) for old, new in pairs if old != new and not (kind == "claude" and _blinks(old, new))]


def _blinks(old: str, new: str) -> bool:
    one, two = (re.sub(r"\x1b\[[0-9;]*m", "", line) for line in (old, new))
    if one[:1] == "●" or two[:1] == "●":
        return re.sub("^●", " ", one) == re.sub("^●", " ", two)
    return any(
        (hint in one or hint in two) and one.replace(hint, "").rstrip() == two.replace(hint, "").rstrip()
        for hint in (" · ← for agents", "◐ medium · /effort")
    )


@dataclass
class Desk:
    """A project with a home and an agent of one kind in it, and its pane as tmux itself shows it."""

    shop: Shop
    kind: str
    models: MockModels
    work: Path
    id: str = ""
    pane: str = ""

    def hire(self) -> None:
        """Make the agent, and wait until it is idle."""
        made = self.shop.read("agent", "create", f"{self.kind}-worker", "--profile", "p", "--workdir", str(self.work))
        self.id = made["id"]
        self.becomes("idle")
        self.pane = self.agent()["pane"]

    def agent(self) -> dict[str, Any]:
        return dict(self.shop.read("agent", "show", self.id))

    def becomes(self, state: str) -> None:
        until(lambda: self.agent()["state"] == state, lambda: f"{self.id} {state}:\n{self.pane and self.looks}")

    def send(self, text: str, *flags: str, code: int = 0, wait: int = 15) -> dict[str, Any]:
        file = self.shop.folder / "prompt.txt"
        file.write_text(text, "utf8")
        words = ["agent", "send", self.id, "--text-file", str(file), "--wait", str(wait), *flags, "--json"]
        ran = self.shop.maf(*words, code=None)
        there = self.tmux("list-panes", "-a", check=False)
        assert ran.returncode == code, (ran.stdout, ran.stderr, self.pane and self.looks, there)
        return dict(json.loads(ran.stdout))

    def tmux(self, *words: str, check: bool = True) -> str:
        command = ["tmux", "-S", self.shop.env["MAF_TMUX_SOCKET"], *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=check).stdout

    @property
    def looks(self) -> str:
        """All that can be seen of the pane: every line of it with its colours, and where the cursor stands."""
        screen = self.tmux("capture-pane", "-e", "-p", "-S", "-", "-t", self.pane, check=False)
        facts = "#{cursor_x},#{cursor_y} #{history_size} #{pane_dead} #{pane_in_mode} #{pane_input_off}"
        return screen + self.tmux("display-message", "-p", "-t", self.pane, facts, check=False)

    def shows(self, words: str) -> None:
        until(lambda: words in self.looks, f"{words!r}")

    def still(self) -> str:
        """How the pane looks, once it has looked the same five times running."""
        seen: list[str] = []

        def same() -> str | None:
            seen.append(self.looks)
            return seen[-1] if len(seen) >= 5 and len(set(seen[-5:])) == 1 else None

        return until(same, "a screen that stands still")

    def refuses(self, reason: str) -> None:
        """A prompt is refused with this reason, and nothing about the pane changes."""
        before, heard = self.still(), self.heard
        refused = self.send("nothing of this may arrive", code=1)
        assert refused["status"] == "refused"
        assert refused["evidence"] is None
        assert reason in refused["reason"]
        assert changed(before, self.still(), self.kind) == []
        assert "nothing of this may arrive" not in self.looks
        assert self.heard == heard

    def end_cli(self) -> None:
        """Kill the CLI itself; its keeper comes to the front."""
        processes = scan()
        names = cli_for(self.kind).process_names
        pane = int(self.tmux("display-message", "-p", "-t", self.pane, "#{pane_pid}"))
        (cli,) = [one for one in foreground(processes, pane) if one.comm in names]
        os.kill(cli.pid, signal.SIGKILL)
        self.shows("press r here")

    @property
    def heard(self) -> list[str]:
        return [normal(text) for text in self.models.prompts()]


@pytest.fixture
def desk(kind: str, models: MockModels) -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="maf-r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        shop = Shop(Path(folder))
        shop.env["PATH"] = real_path()
        work = Path(folder) / "work"
        work.mkdir()
        make = make_codex_home if kind == "codex" else make_claude_home
        env = make(shop.home / "profiles" / "p", work, models.url)
        env = {name: value for name, value in env.items() if name not in ("CODEX_HOME", "CLAUDE_CONFIG_DIR", "TERM")}
        env["PATH"] = real_path()
        (shop.home / "agent.env").write_text("".join(f"{name}={value}\n" for name, value in env.items()), "utf8")
        try:
            yield Desk(shop, kind, models, work)
        finally:
            shop.end()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bot", [True, False], ids=["with a bot", "without a bot"])
def test_forty_nasty_lines_arrive_exactly_once_each_time(desk: Desk, bot: bool) -> None:
    with desk.shop.up() if bot else nullcontext():
        if not bot:
            desk.shop.maf("init")
        desk.hire()
        sent = []
        for number in range(TIMES):
            text = f"Prompt {number}\n{NASTY}"
            done = desk.send(text, wait=40)
            assert done["status"] in {"submitted", "started"}
            assert done["evidence"]["kind"] in EVIDENCE[desk.kind]
            assert done["evidence"]["at"].endswith("Z")
            sent.append(normal(f"{text}\nref: {done['delivery']}"))
        until(lambda: len(desk.heard) >= TIMES, "the last request to the model")
        desk.becomes("idle")
        assert desk.heard == sent


def test_a_draft_no_input_and_a_question_refuse_and_copy_mode_is_left(desk: Desk) -> None:
    desk.shop.maf("init")
    desk.hire()
    desk.tmux("send-keys", "-l", "-t", desk.pane, "half a thought")
    desk.shows("half a thought")
    desk.refuses("half a thought")
    desk.tmux("send-keys", "-t", desk.pane, "C-u")
    desk.becomes("idle")
    until(lambda: "paste deleted text" not in desk.looks, "the end of Claude's hint")

    desk.tmux("select-pane", "-d", "-t", desk.pane)
    desk.refuses("takes no input")
    desk.tmux("select-pane", "-e", "-t", desk.pane)

    desk.tmux("copy-mode", "-t", desk.pane)
    assert desk.tmux("display-message", "-p", "-t", desk.pane, "#{pane_in_mode}").strip() == "1"
    done = desk.send("SHELL from copy mode")
    assert desk.heard == [normal(f"SHELL from copy mode\nref: {done['delivery']}")]

    desk.becomes("waiting")
    desk.refuses("waits for a permission")
    assert desk.agent()["state"] == "waiting"


def test_a_cli_that_has_exited_a_dead_and_a_gone_pane_refuse(desk: Desk) -> None:
    desk.shop.maf("init")
    desk.hire()
    desk.end_cli()
    desk.refuses("is not running")

    desk.tmux("set-option", "-p", "-t", desk.pane, "remain-on-exit", "on")
    os.kill(int(desk.tmux("display-message", "-p", "-t", desk.pane, "#{pane_pid}")), signal.SIGKILL)
    until(lambda: desk.tmux("display-message", "-p", "-t", desk.pane, "#{pane_dead}").strip() == "1", "a dead pane")

    def says_so() -> bool:
        # Of one child in ten tmux 3.3a hears only when the next one ends, and until then it does not write this.
        desk.tmux("run-shell", "true")
        return "Pane is dead" in desk.looks

    until(says_so, "tmux to write that the pane is dead")
    desk.refuses("is not running")

    desk.tmux("new-session", "-d", "-s", "other", "tail", "-f", "/dev/null")
    desk.tmux("kill-session", "-t", f"={desk.agent()['session']}")
    other = desk.tmux("capture-pane", "-p", "-t", "=other:")
    refused = desk.send("nothing of this may arrive", code=1)
    assert (refused["status"], "is not running" in refused["reason"]) == ("refused", True)
    assert desk.tmux("capture-pane", "-p", "-t", "=other:") == other
    assert desk.heard == []

    desk.pane = ""
    desk.shop.maf("agent", "restart", desk.id)
    desk.becomes("idle")
    done = desk.send("after the restart")
    assert desk.heard == [normal(f"after the restart\nref: {done['delivery']}")]


def test_marks_are_text_unless_they_are_sent_raw(desk: Desk) -> None:
    desk.shop.maf("init")
    desk.hire()
    (desk.work / "notes.txt").write_text("the notes of a person\n")
    expected = []
    for text in ("/help", "!touch owned", "#remember this", "@notes.txt"):
        done = desk.send(text, wait=30)
        space = "" if text.startswith("@") else " "
        expected.append(normal(f"Message:{space}{text}\nref: {done['delivery']}"))
        assert done["notes"]
    until(lambda: len(desk.heard) >= len(expected), "the last request to the model")
    assert desk.heard == expected
    assert not (desk.work / "owned").exists()
    desk.becomes("idle")

    raw = desk.send("!touch owned", "--raw", wait=30)
    until((desk.work / "owned").exists, "the file that the shell made")
    assert raw["evidence"] is not None
    assert not any("owned" in text and "Message:" not in text for text in desk.heard[: len(expected)])
    desk.becomes("idle")
    command = {"codex": "/status", "claude": "/help"}[desk.kind]
    taken = desk.send(command, "--raw", wait=30)
    assert taken["evidence"]["kind"] == "screen"
    assert command not in "\n".join(desk.heard[len(expected) :])

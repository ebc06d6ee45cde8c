"""`maf service`: what it writes, and what it asks of systemd.

systemctl and journalctl are small scripts here, because a test machine has no user manager; they write down what they
were asked.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_S

TOKEN = "123456789:" + "a" * 35


class Machine:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls = root / "calls"
        self.env = {
            "HOME": str(root), "PATH": f"{root}/bin:{os.environ['PATH']}", "LANG": "C.UTF-8",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }  # fmt: skip
        (root / "bin").mkdir()

    def program(self, name: str, body: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.calls}\n{body}\n')
        path.chmod(0o700)

    def maf(self, *words: str, home: str = "shop/.maf") -> tuple[int, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "bot.cli", "--home", str(self.root / home), "service", *words, "--json"],
            env=self.env, cwd=self.root, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def asked(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def unit(self, name: str) -> Path:
        return self.root / ".config" / "systemd" / "user" / f"maf-{name}.service"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    for name in ("shop/.maf", "other/.maf"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "maf.env").write_text(f"MAF_BOT_TOKEN={TOKEN}\n")
    return made


def test_without_a_manager_of_the_person_nothing_is_written(machine: Machine) -> None:
    machine.program("systemctl", "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    code, refused = machine.maf("install")
    assert (code, refused["error"]["code"]) == (4, "dependency")
    assert "enable-linger" in refused["error"]["hint"]
    assert not machine.unit("bot").parent.exists()


def test_install_status_uninstall(machine: Machine) -> None:
    machine.program("systemctl", 'case "$*" in *is-active*) echo active;; esac')
    code, done = machine.maf("install")
    assert (code, done["installed"]) == (0, ["tmux", "bot"])
    bot, tmux = machine.unit("bot").read_text(), machine.unit("tmux").read_text()
    assert f"run --home {machine.root}/shop/.maf\n" in bot
    assert "kill-server" not in bot, "restarting the bot must not end the agents"
    assert f"-f {machine.root}/shop/.maf/tmux.conf" in tmux
    assert not [text for text in (bot, tmux) if "@HOME@" in text or "@MAF@" in text or "@PROJECT@" in text]
    assert machine.asked() == [
        "systemctl --user show-environment",
        "systemctl --user daemon-reload",
        "systemctl --user enable --now maf-tmux.service",
        "systemctl --user enable --now maf-bot.service",
    ]
    code, rows = machine.maf("status")
    assert code == 0
    assert [(row["name"], row["state"]) for row in rows] == [("tmux", "active"), ("bot", "active")]
    code, refused = machine.maf("install", home="other/.maf")
    assert code == 1
    assert "belongs to another home" in refused["error"]["message"]
    code, done = machine.maf("uninstall", "bot")
    assert (code, done) == (0, {"uninstalled": ["bot"]})
    assert machine.unit("tmux").exists()
    assert not machine.unit("bot").exists()
    assert machine.asked()[-2:] == ["systemctl --user disable --now maf-bot.service", "systemctl --user daemon-reload"]


def test_a_failed_unit_and_the_journal(machine: Machine) -> None:
    machine.program("systemctl", 'case "$*" in *is-active*) echo failed; exit 3;; esac')
    machine.program("journalctl", "echo it said this")
    machine.maf("install", "bot")
    code, rows = machine.maf("status", "bot")
    assert (code, rows[0]["state"]) == (1, "failed")
    assert machine.maf("logs", "bot", "--lines", "5") == (0, {"log": ["it said this"]})
    assert machine.asked()[-1] == "journalctl --user --no-pager -n 5 -u maf-bot.service"


def test_what_cannot_be_installed_leaves_nothing(machine: Machine) -> None:
    machine.env["PATH"] = f"{machine.root}/bin"  # no systemd at all
    code, answer = machine.maf("install")
    assert code == 4, answer
    assert "no systemd" in answer["error"]["message"]
    machine.program("systemctl", "echo no bus >&2; exit 1")
    code, answer = machine.maf("install")
    assert code == 1
    assert "no bus" in answer["error"]["message"]
    assert not machine.unit("bot").exists()
    (machine.root / "shop/.maf/maf.env").unlink()
    assert "MAF_BOT_TOKEN is not set" in machine.maf("install")[1]["error"]["message"]
    machine.env["MAF_BOT_TOKEN"] = TOKEN  # a service would start without it
    code, answer = machine.maf("install")
    assert (code, "shell alone: MAF_BOT_TOKEN" in answer["error"]["message"]) == (1, True)
    assert TOKEN not in str(answer)
    assert not machine.unit("bot").exists()
    assert "There is no service x" in machine.maf("status", "x")[1]["error"]["message"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")
def test_systemd_understands_every_line_of_the_units(machine: Machine) -> None:
    machine.program("systemctl", "")
    (machine.root / "run").mkdir()
    assert machine.maf("install")[0] == 0
    units = [str(machine.unit(name)) for name in ("tmux", "bot")]
    said = subprocess.run(
        ["systemd-analyze", "--user", "verify", *units], env={**machine.env, "XDG_RUNTIME_DIR": f"{machine.root}/run"},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert (said.returncode, said.stderr) == (0, ""), "what it does not understand it leaves out"

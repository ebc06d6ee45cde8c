"""deploy/tmux.conf on a real server, looked at through a phone-sized terminal (a second tmux)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from tests.patience import PATIENCE_S
from tests.private_tmux import PrivateTmux, until

CONF = Path(__file__).parents[2] / "deploy" / "tmux.conf"


def test_status_key_and_sizes(tmux_socket: str, tmp_path: Path) -> None:
    home = tmp_path / "it's a $(touch hacked) home"
    (home / "run").mkdir(parents=True)
    shutil.copy(CONF, home / "tmux.conf")
    (home / "run/waiting").write_text("✋ 2 · w2 w3")
    (home / "run/quota-line").write_text("codex 40%")
    (home / "run/next").write_text("maf-w2\n")

    def tmux(*words: str) -> str:
        command = ["tmux", "-S", tmux_socket, "-f", str(home / "tmux.conf"), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout.strip()

    tmux("new-session", "-d", "-s", "maf-w1", "-n", "cat", "-x", "200", "-y", "50", "cat")
    tmux("new-session", "-d", "-s", "maf-w2", "-n", "cat", "-x", "200", "-y", "50", "cat")
    assert tmux("show-options", "-gv", "@maf_home") == str(home)
    assert tmux("show-options", "-gwv", "remain-on-exit") == "off"
    assert tmux("show-options", "-gv", "history-limit") == "50000"

    def wide() -> bool:
        sizes = tmux("list-windows", "-a", "-F", "#{window_width}x#{window_height}")
        return sizes.split() == ["200x50", "200x50"]

    with PrivateTmux(tmp_path) as phone:
        phone.open(["sleep", "600"], cwd=tmp_path)  # the server outlives the first client
        attach = ["env", "-u", "TMUX", "tmux", "-S", tmux_socket, "attach-session", "-t", "=maf-w1"]
        small = phone.open(attach, cwd=tmp_path, size=(40, 20))
        phone_line = r" maf w1  1 \w+ +✋ 2 *"  # the number, and neither names nor quota
        until(lambda: re.fullmatch(phone_line, small.screen.split("\n")[19]), f"the status line on\n{small.screen}")
        small.keys("C-b", "d")
        until(wide, "the window wide again after the phone has left")
        pane = phone.open(attach, cwd=tmp_path, size=(90, 20))
        pane.sees("✋ 2 · w2 w3 codex 40%")
        os.utime(home / "run/quota-line", (time.time() - 90, time.time() - 90))  # nobody keeps it fresh
        until(lambda: "codex 40%" not in pane.screen, "the status line without old numbers")
        assert " maf w1 " in pane.screen
        until(
            lambda: tmux("display-message", "-p", "-t", "=maf-w1:", "#{window_width}") == "90",
            "the width of the screen",
        )
        pane.keys("C-b", "a")
        pane.sees("maf w2")
        pane.keys("C-b", "d")

    until(wide, "both windows wide again")
    assert not list(tmp_path.rglob("hacked"))

"""What any user of the machine can read of a running bot: command lines. And what lands in its logs."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.shop import MAF, Shop
from tests.patience import PATIENCE_S
from tests.private_tmux import until

# Stands in for a browser: it writes down what it was started with, and what stands in the file that it was given.
BROWSER = """#!/bin/sh
out="$(dirname "$0")"
printf '%s\\n' "$@" >"$out/argv"
cp -p "${1#file://}" "$out/page.new" && mv "$out/page.new" "$out/page"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.end()


def command_lines() -> str:
    """Those of every process, as `ps` shows them."""
    return subprocess.run(["ps", "-eww", "-o", "args="], capture_output=True, text=True, check=True).stdout


def test_the_browser_is_sent_to_the_page_and_no_command_line_or_log_holds_a_secret(shop: Shop) -> None:
    browser = shop.folder / "browser"
    browser.write_text(BROWSER)
    browser.chmod(0o755)
    ours, theirs = pty.openpty()  # for a person at a terminal alone a browser is opened
    env = {**shop.env, "DISPLAY": ":99", "BROWSER": str(browser)}
    with subprocess.Popen(
        [*MAF, "up", "--port", "0"], cwd=shop.folder, env=env, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    ) as process:
        try:
            os.close(theirs)
            until((shop.folder / "page").exists, "the browser")
            server = json.loads((shop.home / "sandbox" / "server.json").read_text())
            page = shop.folder / "page"
            assert f"http://127.0.0.1:{server['port']}/#key={server['key']}" in page.read_text()
            assert stat.S_IMODE(page.stat().st_mode) == 0o600
            assert server["key"] not in (shop.folder / "argv").read_text()
            shop.maf("agent", "send", "d1", "--text", "Look at the cart.")
            shown = command_lines()
            assert "bot.cli up" in shown
            assert not [line for line in shown.splitlines() if server["key"] in line or server["token"] in line]
        finally:
            process.terminate()
            while True:  # or it hangs on a full terminal
                try:
                    if not os.read(ours, 65536):
                        break
                except OSError:
                    break
            process.wait(timeout=PATIENCE_S)
            os.close(ours)
    assert not (shop.home / "sandbox" / "open.html").exists()
    logs = "".join(file.read_text() for file in (shop.home / "logs").rglob("*.log"))
    assert logs
    assert server["key"] not in logs
    assert server["token"] not in logs

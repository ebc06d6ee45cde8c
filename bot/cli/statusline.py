"""`maf hook statusline`: Claude Code's statusline command. It passes the account's limits on to the bot, and then runs
the person's own statusline, which stood in its place before (bot/clis/hooks.py keeps it beside the settings).

Claude calls it up to three times a second and shows what it prints; so it is quick, never fails and says nothing of
its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from bot.cli.hook import read_all

KEPT = "maf-statusline.json"  # bot.clis.hooks.STATUSLINE_KEPT; its import would cost too much here
OWN_TIMEOUT_S = 5.0
BOT_TIMEOUT_S = 1.0


def run() -> int:
    raw = read_all()
    config = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")  # noqa: PTH111 - pathlib is slow
    _own(config, raw)
    agent, home = os.environ.get("MAF_AGENT", ""), os.environ.get("MAF_HOME", "")
    if agent and home and b'"rate_limits"' in raw:
        _tell(agent, home, raw)
    return 0


def _own(config: str, raw: bytes) -> None:
    """Run the person's own command with the same input; its output is the status line."""
    try:
        with open(os.path.join(config, KEPT), encoding="utf8") as file:  # noqa: PTH118, PTH123
            kept = json.load(file)
    except (OSError, ValueError):
        return
    command = kept.get("command") if isinstance(kept, dict) else None
    if not isinstance(command, str) or not command.strip():
        return
    sys.stdout.flush()
    try:
        # Its own line of shell, as Claude would have run it.
        subprocess.run(["/bin/sh", "-c", command], input=raw, timeout=OWN_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return


def _tell(agent: str, home: str, raw: bytes) -> None:
    import time

    from bot.errors import MafError
    from bot.foreign import read_json
    from bot.remote import client

    try:
        payload = read_json(raw)
    except ValueError:
        return
    if not isinstance(payload, dict):
        return
    event = {"kind": "statusline", "agent": agent, "at": time.time(), "payload": payload}
    try:
        client.tell_hook(f"{home}/run/maf.sock", event, timeout=BOT_TIMEOUT_S)
    except MafError:
        return  # no bot: the next one that runs is told by the next status line

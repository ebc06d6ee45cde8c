"""`maf quota line`: a line for the tmux status bar, which asks every few seconds. One file read and nothing else.

The running bot keeps run/quota-line up to date, and sets its time of change to when it will be old (see
bot/quota/mirror.py). An old one shows nothing: numbers that nobody keeps fresh look like fresh ones.
"""

from __future__ import annotations

import os
import sys
import time


def run() -> int:
    text = current(_path())
    sys.stdout.write(text)
    if not text and sys.stderr.isatty():  # a person asks, not tmux
        sys.stderr.write("No bot keeps the line fresh. Start it: maf up; or look: maf quota status\n")
    return 0


def current(path: str) -> str:
    """What the file says while it holds."""
    try:
        with open(path, encoding="utf8") as line:  # noqa: PTH123 - pathlib costs more than the command itself
            return line.read() if os.fstat(line.fileno()).st_mtime >= time.time() else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _path() -> str:
    """As bot.home.find_home, without its imports."""
    home = os.environ.get("MAF_HOME", "")
    if not home:
        folder = os.getcwd()  # noqa: PTH109 - see above
        while not os.path.isdir(os.path.join(folder, ".maf")):  # noqa: PTH112, PTH118
            up = os.path.dirname(folder)  # noqa: PTH120
            if up == folder:
                break
            folder = up
        home = os.path.join(folder, ".maf")  # noqa: PTH118
    return os.path.join(os.path.expanduser(home), "run", "quota-line")  # noqa: PTH111, PTH118

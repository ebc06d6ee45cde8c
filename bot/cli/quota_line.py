"""`maf quota line`: two lines for the tmux status bar, which asks every few seconds. One file read and nothing else.

The running bot keeps run/quota-line up to date; with no such file there is nothing to show.
"""

from __future__ import annotations

import os
import sys


def run() -> int:
    try:
        with open(_path(), encoding="utf8") as line:  # noqa: PTH123 - pathlib costs more than the command itself
            sys.stdout.write(line.read())
    except OSError:
        pass
    return 0


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

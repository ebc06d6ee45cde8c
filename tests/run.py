"""Runs tests side by side, then the few that failed once more, alone.

Most of our tests wait for real programs: tmux, CLIs, a bot. Side by side they take less time, but on a small machine
one may then wait longer than it has. A few failures are run again, alone and once; what fails again has failed, and
many failures are never put down to the machine. Every run is printed, what passed only alone is named, and the last
line is the summary of the last run.

    python -m tests.run [-n PROCESSES] [pytest's own words]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TESTS_FAILED = 1  # pytest's exit code for "some tests failed", as against usage or internal errors
PROCESSES = "4"
FEW = 5
LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")


def run(words: list[str]) -> int:
    """One run of pytest in a process of its own; its exit code."""
    return subprocess.run([sys.executable, "-m", "pytest", *words], check=False).returncode


def failed() -> list[str]:
    """What the last run says has failed."""
    try:
        return sorted(json.loads(LAST_FAILED.read_text()))
    except (OSError, ValueError):
        return []


def main(words: list[str]) -> int:
    processes = PROCESSES
    if words[:1] == ["-n"]:
        processes, words = words[1], words[2:]
    LAST_FAILED.unlink(missing_ok=True)
    code = run(["-n", processes, "--dist", "worksteal", *words])
    again = failed()
    if code != TESTS_FAILED or not 0 < len(again) <= FEW:
        return code
    print("== failed side by side, once more and alone: " + ", ".join(again), flush=True)
    return run(["--last-failed", "--last-failed-no-failures", "none", *words])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

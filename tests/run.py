"""Runs tests side by side, then the ones that failed again, alone.

Most of our tests wait for real programs: tmux, CLIs, a bot. Side by side they take less time, but on a small machine
one may then wait longer than it has. Whatever failed is run again by itself, at most twice; what still fails has
failed. Every run is printed, and the last line is the summary of the last one.

    python -m tests.run [-n PROCESSES] [pytest's own words]
"""

from __future__ import annotations

import subprocess
import sys

TESTS_FAILED = 1  # pytest's exit code for "some tests failed", as against usage or internal errors
PROCESSES = "3"
ALONE = 2


def run(words: list[str]) -> int:
    """One run of pytest in a process of its own; its exit code."""
    return subprocess.run([sys.executable, "-m", "pytest", *words], check=False).returncode


def main(words: list[str]) -> int:
    processes = PROCESSES
    if words[:1] == ["-n"]:
        processes, words = words[1], words[2:]
    code = run(["-n", processes, "--dist", "load", *words])
    if code != TESTS_FAILED:
        return code
    for _ in range(ALONE):
        print("== what failed, once more and alone", flush=True)
        code = run(["--last-failed", "--last-failed-no-failures", "none", *words])
        if code != TESTS_FAILED:
            break
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

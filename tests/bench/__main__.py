"""All benchmarks, each in a process of its own: `make bench`, or `python -m tests.bench NAME…` for some.

A benchmark is a module of this package with a `main`; it prints a line per promise that ends in PASS or FAIL: a ratio
to the raw limit of the same run. Absolute figures and leads over slower peers end in RECORDED. One that fails is
measured again, up to three times in all, for the machine may have had other work; every run is shown.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

TIMEOUT_S = 300
RUNS = 3


def names() -> list[str]:
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    return [file.stem for file in files if "\ndef main(" in file.read_text(encoding="utf8")]


def measure(name: str) -> tuple[bool, list[str]]:
    """Run one; whether it kept its promises, and its lines about them."""
    command = [sys.executable, "-W", "error", "-m", f"tests.bench.{name}"]
    began = time.monotonic()
    print(f"== {name}", flush=True)
    try:
        ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=False)
        said, fine = ran.stdout, ran.returncode == 0
    except subprocess.TimeoutExpired:
        said, fine = f"{name}: not done after {TIMEOUT_S} s FAIL\n", False
    print(said, end="")
    print(f"   ({time.monotonic() - began:.0f} s)", flush=True)
    lines = [line for line in said.splitlines() if line.endswith(("PASS", "FAIL", "RECORDED")) or "skipped" in line]
    if not fine and not any(line.endswith("FAIL") for line in lines):
        lines.append(f"{name}: it broke off FAIL")
    return fine, lines


def main() -> int:
    chosen = sys.argv[1:] or names()
    table: list[str] = []
    failed: list[str] = []
    for name in chosen:
        fine, lines = measure(name)
        for run in range(2, RUNS + 1):
            if fine:
                break
            print(f"== {name}, run {run}")
            fine, again = measure(name)
            lines += [f"{line}   (run {run})" for line in again]
        table += lines
        if not fine:
            failed.append(name)
    print("\n== promises")
    print("\n".join(table))
    print(f"failed: {', '.join(failed)}" if failed else f"all {len(chosen)} benchmarks kept their promises")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

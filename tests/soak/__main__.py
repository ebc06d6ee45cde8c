"""All soaks, one after the other: `make soak`, or `python -m tests.soak NAME…` for some.

A soak is a module of this package with a `main`, which prints what it did and raises AssertionError where a promise
was broken. Each runs in a process of its own, with its seed printed; `--seed N` repeats one.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path


def names() -> list[str]:
    files = sorted(Path(__file__).parent.glob("[!_]*.py"))
    return [file.stem for file in files if "\ndef main(" in file.read_text(encoding="utf8")]


def main(words: list[str]) -> int:
    seed = words[words.index("--seed") + 1] if "--seed" in words else str(secrets.randbelow(10**6))
    wanted = [word for word in words if word not in ("--seed", seed)] or names()
    if unknown := set(wanted) - set(names()):
        sys.exit(f"no soak is called {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    failed = []
    for name in wanted:
        print(f"== {name} --seed {seed}", flush=True)
        ran = subprocess.run([sys.executable, "-W", "error", "-m", f"tests.soak.{name}", seed], check=False)
        if ran.returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)} (--seed {seed})" if failed else "all held")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

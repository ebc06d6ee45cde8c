"""What the tmux benches share: a private server with many panes, and the fastest thing that control mode can do."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

SINK = "import os,sys,tty;tty.setraw(0);os.write(1,b'\\x1b[?2004h');os.system('');\nwhile os.read(0,65536): pass"
# A full screen with colours, like that of a CLI at work.
PAINT = (
    "import sys,time\n"
    "sys.stdout.write('\\n'.join(f'\\x1b[3{i%8}mline {i:03}\\x1b[0m '+'word '*30 for i in range(49)))\n"
    "sys.stdout.flush();time.sleep(9999)"
)


class Fleet:
    """`with Fleet(n, program) as fleet:` n sessions of one pane on a server of their own."""

    def __init__(self, count: int, program: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="maf-b", dir="/tmp")
        self.socket = str(Path(self._folder.name) / "s")
        self._count, self._program = count, program
        self.panes: list[str] = []

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-u", "-f", "/dev/null", "-S", self.socket, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    def __enter__(self) -> Fleet:
        # -S leaves site-packages out: fifty interpreters start on two cores.
        program = [sys.executable, "-I", "-S", "-c", self._program]
        for i in range(self._count):
            new = ["new-session", "-d", "-s", f"a{i}", "-x", "200", "-y", "50", "-P", "-F", "#{pane_id}", "--"]
            self.panes.append(self.tmux(*new, *program).strip())
        time.sleep(2.0)  # a bench, not a test: let them all start before the clock does
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, timeout=30, check=False)
        self._folder.cleanup()


class RawControl:
    """A control-mode script with nothing around it: one write, then read to the last answer. No guard, no checks."""

    def __init__(self, socket: str) -> None:
        command = ["tmux", "-u", "-S", socket, "-C", "new-session", "-A", "-s", "raw", "tail", "-f", "/dev/null"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1 << 20)
        self.ask(["display-message -p ready"])

    def ask(self, commands: list[str]) -> bytes:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write("\n".join([*commands, "display-message -p raw-end", ""]).encode())
        stdin.flush()
        got = []
        for line in stdout:
            got.append(line)
            if line == b"raw-end\n":
                break
        stdout.readline()
        return b"".join(got)

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=5)
        self.process.stdout.close()


def prompts(count: int) -> list[str]:
    """Different prompts of 1 KB with everything in them that needs quoting."""
    chance = random.Random(5)
    parts = [
        "fix $HOME; ",
        '"quoted" ',
        "`id` ",
        "back\\slash ",
        "#{pane_id} ",
        "Привет ",
        "line\n",
        "~ % ' ",
        "plain words here ",
    ]
    return [(f"prompt {i} " + "".join(chance.choices(parts, k=200)))[:1000] for i in range(count)]


def verdict(what: str, ratio: float, target: float) -> bool:
    ok = ratio <= target
    print(f"{what}: {ratio:.2f}x (target at most {target:g}x) {'PASS' if ok else 'FAIL'}")
    return ok


def show(name: str, seconds: list[float]) -> float:
    print(f"  {name:28} median {median(seconds) * 1000:8.2f} ms  min {min(seconds) * 1000:8.2f} ms")
    return median(seconds)

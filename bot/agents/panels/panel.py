"""A panel in a side window of an agent: shows something of its work, or runs a command when a key is pressed.

    python -I -S bot/agents/panels/panel.py git

It reads MAF_AGENT and MAF_HOME from its environment and the facts that the bot leaves in `run/agents/ID.json`. It looks
again when somebody looks at it (its window gets the focus), every few seconds while it has the focus, and else once a
minute: fifty agents must not cost a machine its `git status`. It never runs a command by itself, and a paste that ends
up here presses no key: a key counts only alone. Standard library only; no shell but for the command a person asked for.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from typing import Any

LOOKED_AT_S, ALONE_AT_S = 3.0, 60.0
QUIET = 0.15  # seconds of silence around a key
PROGRAM_S = 10.0
TTY = 0
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
SGR = re.compile(r"\x1b\[[0-9;]*m")
FOCUS_IN, FOCUS_OUT = b"\x1b[I", b"\x1b[O"
ON, OFF = b"\x1b[?1004h\x1b[?2004h\x1b[?25l", b"\x1b[?1004l\x1b[?2004l\x1b[?25h"

Lines = list[str]


def run(*argv: str) -> Lines:
    """What a program says, line by line; its complaint if that is all it says."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROGRAM_S, check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f"{argv[0]}: {error}"]
    said = done.stdout or done.stderr
    return [clean(line) for line in said.decode("utf8", "replace").splitlines()]


def clean(line: str) -> str:
    """The line with its colours and nothing else that a terminal would obey."""
    kept, at = [], 0
    for colour in SGR.finditer(line):
        kept += [CONTROL.sub("", line[at : colour.start()]), colour[0]]
        at = colour.end()
    return "".join(kept) + CONTROL.sub("", line[at:]).replace("\t", "    ")


def fit(line: str, width: int) -> str:
    """At most `width` characters, colours not counted and closed at the end."""
    out, left, at = [], width, 0
    for colour in [*SGR.finditer(line), None]:
        text = line[at : colour.start() if colour else len(line)]
        out.append(text[:left])
        left -= len(text[:left])
        if colour:
            out.append(colour[0])
            at = colour.end()
    return "".join(out) + ("\x1b[0m" if at else "")


def git_state() -> Lines:
    status = run("git", "-c", "color.status=always", "status", "-sb")
    stat = run("git", "diff", "--stat=60", "--color=always", "HEAD")
    return [*status, "", *(stat or ["Nothing has changed since the last commit."]), "", *diff("HEAD")]


def diff(*what: str) -> Lines:
    return run("git", "diff", "--color=always", *what)


def review() -> Lines:
    """What this branch adds to the one it came from: commits, files, changes."""
    base = next((b for b in ("origin/HEAD", "main", "master", "trunk") if _goes_beyond(b)), "")
    onto = f"{base}..." if base else "HEAD~1..."
    commits = run("git", "log", "--oneline", "--color=always", "-15", *([f"{base}.."] if base else []))
    head = commits or run("git", "log", "--oneline", "--color=always", "-8")
    return [f"against {base or 'the commit before'}", *head, "", *diff("--stat=60", onto), "", *diff(onto)]


def _goes_beyond(branch: str) -> bool:
    """Whether that branch exists and HEAD holds commits that it has not."""
    exists = not _fails("rev-parse", "-q", "--verify", branch)
    return exists and _fails("merge-base", "--is-ancestor", "HEAD", branch)


def _fails(*words: str) -> bool:
    done = subprocess.run(["git", *words], capture_output=True, timeout=PROGRAM_S, check=False)
    return done.returncode != 0


def staging() -> Lines:
    staged = diff("--cached", "--stat=60")
    status = run("git", "-c", "color.status=always", "status", "-s")
    return ["staged:", *(staged or ["  nothing"]), "", "all changes:", *(status or ["  none"]), "", *diff("--cached")]


def history() -> Lines:
    return run("git", "log", "--graph", "--color=always", "-60", "--format=%C(yellow)%h%C(auto)%d %s %C(dim)%ar, %an")


def monitor() -> Lines:
    """The agent's resources, what the bot knows of it, and the end of its log."""
    agent, home = os.environ.get("MAF_AGENT", ""), os.environ.get("MAF_HOME", "")
    facts = read_facts()
    words = [str(facts.get("state") or "state unknown (the bot is not running)")]
    words += [f"on {facts['bead']}"] if facts.get("bead") else []
    lines = [f"{agent}: {', '.join(words)}", resources(), ""]
    try:
        with open(os.path.join(home, "logs", "agents", f"{agent}.log"), errors="replace") as log:  # noqa: PTH118, PTH123
            lines += [clean(line.rstrip("\n")) for line in log.readlines()[-200:]]
    except OSError:
        lines.append("Its log is empty.")
    return lines


def resources() -> str:
    """Processor, memory and age of all that runs in the agent's own pane."""
    main = run("tmux", "display-message", "-p", "#{@maf_main}")[:1]
    leader = run("tmux", "display-message", "-p", "-t", main[0], "#{pane_pid}")[:1] if main and main[0] else []
    if not leader or not leader[0].isdecimal():
        return "Its pane is gone."
    return resource_line(leader[0], run("ps", "-axo", "pid=,ppid=,pcpu=,rss=,etime="))


def resource_line(leader: str, table: Lines) -> str:
    """One line from `ps` rows of pid, ppid, percent of a processor, kilobytes, age."""
    rows = {row[0]: row for row in (line.split() for line in table) if len(row) == 5}
    family = [leader]
    for pid in family:
        family += [row[0] for row in rows.values() if row[1] == pid]
    members = [rows[pid] for pid in family if pid in rows]
    if not members:
        return "It does not run."
    cpu, memory = sum(float(row[2]) for row in members), sum(int(row[3]) for row in members) // 1024
    return f"{cpu:.0f} % of a processor, {memory} MB, {len(members)} processes, up {members[0][4]}"


def read_facts() -> dict[str, object]:
    """What the bot knows of this agent; {} without a bot."""
    path = os.path.join(os.environ.get("MAF_HOME", ""), "run", "agents", os.environ.get("MAF_AGENT", "") + ".json")  # noqa: PTH118
    try:
        with open(path, encoding="utf8") as file:  # noqa: PTH123
            facts = json.load(file)
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def suggestions(what: str, has: Callable[[str, str], bool]) -> Lines:
    """Commands that the files of a project offer; `has(file, text)` says whether a file holds that text."""
    table = {
        "tests": (
            ("Makefile", "\ntest:", "make test"), ("package.json", '"test":', "npm test"),
            ("pyproject.toml", "pytest", "pytest -q"), ("Cargo.toml", "", "cargo test"),
            ("go.mod", "", "go test ./..."),
        ),
        "lint": (
            ("Makefile", "\ncheck:", "make check"), ("Makefile", "\nlint:", "make lint"),
            ("package.json", '"lint":', "npm run lint"), ("pyproject.toml", "[tool.ruff", "ruff check ."),
            (".pre-commit-config.yaml", "", "pre-commit run --all-files"), ("Cargo.toml", "", "cargo clippy"),
            ("go.mod", "", "go vet ./..."),
        ),
    }  # fmt: skip
    return [command for file, text, command in table[what] if has(file, text)]


def in_file(name: str, text: str) -> bool:
    try:
        with open(name, encoding="utf8", errors="replace") as file:  # noqa: PTH123
            return text in "\n" + file.read(200_000)
    except OSError:
        return False


def commands(what: str) -> Lines:
    """What the active pack says for this agent, then what the project's own files offer; at most nine."""
    given = read_facts().get(what)
    pack = [CONTROL.sub(" ", one) for one in given if isinstance(one, str)] if isinstance(given, list) else []
    return list(dict.fromkeys([*pack, *suggestions(what, in_file)]))[:9]


VIEWS: dict[str, Callable[[], Lines]] = {
    "git": git_state, "review": review, "staging": staging, "history": history, "monitor": monitor,
}  # fmt: skip


def draw(title: str, lines: Sequence[str], keys: str) -> None:
    """Fill the pane, whatever its size: a phone's forty columns or a wide screen's three hundred."""
    width, height = os.get_terminal_size(1)
    body = [fit(line, width) for line in lines[: max(1, height - 2)]]
    if len(lines) > len(body) and body:
        body[-1] = fit(f"… {len(lines) - len(body) + 1} more lines", width)
    head = fit(f"\x1b[1m{title}\x1b[0m  {time.strftime('%H:%M:%S')}  \x1b[2m{keys}\x1b[0m", width)
    os.write(1, ("\x1b[H\x1b[2J" + "\r\n".join([head, *body])).encode("utf8", "replace"))


def wait_for_key(seconds: float) -> bytes:
    """What was typed within so many seconds: a single key that came alone, a change of focus, or b""; a new size of
    the pane ends the wait too.
    """
    ready = select.select([TTY, RESIZED[0]], [], [], seconds)[0]
    if RESIZED[0] in ready:
        os.read(RESIZED[0], 4096)
    if TTY not in ready:
        return b""
    data = os.read(TTY, 65536)
    if not data:
        raise EOFError
    while select.select([TTY], [], [], QUIET)[0]:
        data += os.read(TTY, 65536)
    return data if len(data) == 1 or data in (FOCUS_IN, FOCUS_OUT) else b""


def in_front(argv: Sequence[str]) -> int:
    """Run a program on this terminal as a job of its own, and take the terminal back; its exit code."""
    os.write(1, OFF + b"\x1b[H\x1b[2J")
    termios.tcsetattr(TTY, termios.TCSAFLUSH, COOKED)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(TTY, os.getpid())
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU):
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execvp(argv[0], list(argv))  # noqa: S606 - the person asked for this command
        finally:
            os._exit(127)
    _, status = os.waitpid(child, 0)
    os.tcsetpgrp(TTY, os.getpgrp())
    raw()
    return os.waitstatus_to_exitcode(status)


def raw() -> None:
    quiet = list(COOKED)
    quiet[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
    termios.tcsetattr(TTY, termios.TCSAFLUSH, quiet)
    os.write(1, ON)


def show(name: str) -> None:
    """A live view; r looks again."""
    looked_at = False
    while True:
        draw(name, VIEWS[name](), "r: look again")
        while True:
            key = wait_for_key(LOOKED_AT_S if looked_at else ALONE_AT_S)
            looked_at = key == FOCUS_IN or (looked_at and key != FOCUS_OUT)
            if key in (b"", b"r", FOCUS_IN):
                break


def offer(what: str) -> None:
    """Commands on keys; s opens a shell for the person. Nothing runs before a key is pressed."""
    while True:
        found = commands(what)
        lines = [f"{number}: {command}" for number, command in enumerate(found, 1)]
        none = f"The active pack names no {what} for this agent, and the project's files offer none."
        draw(what, ["", *(lines or [none]), "", "s: a shell here"], "press a number to run it; r: look again")
        key = wait_for_key(ALONE_AT_S)
        if key == b"s":
            in_front([os.environ.get("SHELL") or "sh"])
        elif key.isdigit() and 1 <= int(key) <= len(found):
            run_one(found[int(key) - 1])


def run_one(command: str) -> None:
    begun = time.monotonic()
    code = in_front(["sh", "-c", command])
    verdict = "passed" if code == 0 else f"failed ({'signal ' + str(-code) if code < 0 else 'exit ' + str(code)})"
    said = f"\r\n\x1b[7m {command}: {verdict} after {time.monotonic() - begun:.1f} s. Press r to go back. \x1b[0m"
    os.write(1, said.encode("utf8", "replace"))
    while wait_for_key(3600) != b"r":
        continue


def main(words: Sequence[str]) -> int:
    if len(words) != 1 or words[0] not in (*VIEWS, "tests", "lint") or not os.isatty(TTY):
        os.write(2, f"usage: panel.py {'|'.join((*VIEWS, 'tests', 'lint'))}   (in a terminal)\n".encode())
        return 2
    COOKED[:] = termios.tcgetattr(TTY)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    RESIZED[:] = os.pipe()
    for end in RESIZED:
        os.set_blocking(end, False)
    signal.set_wakeup_fd(RESIZED[1], warn_on_full_buffer=False)
    signal.signal(signal.SIGWINCH, lambda _number, _frame: None)
    raw()
    try:
        (show if words[0] in VIEWS else offer)(words[0])
    except (EOFError, OSError):
        return 0
    return 0


# The one terminal that there is: how it was, and a pipe that a change of its size writes to.
COOKED: list[Any] = []
RESIZED: list[int] = []

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

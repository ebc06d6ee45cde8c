"""What the panels show: the work of an agent in git, its resources and log, and which commands its project offers.

Everything comes as lines that fit any width; they may hold colours (SGR) and nothing else that a terminal would obey.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from datetime import datetime

from bot.agents.panels.terminal import SGR
from bot.excerpt import readable

PROGRAM_S = 10.0
LOG_LINES = 200

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
        kept += [readable(line[at : colour.start()]), colour[0]]
        at = colour.end()
    return "".join([*kept, readable(line[at:])]).replace("\t", "    ")


def in_git(view: Callable[[], Lines]) -> Callable[[], Lines]:
    """The view, where there is a commit to compare with; else in words what there is. Two quick questions to git."""

    def shown() -> Lines:
        if _fails("rev-parse", "--git-dir"):
            return ["There is no git repository here.", *run("git", "rev-parse", "--git-dir")]
        if _fails("rev-parse", "-q", "--verify", "HEAD"):
            return ["This repository has no commit yet.", *status("-s"), "", *diff("--cached")]
        return view()

    return shown


def status(form: str) -> Lines:
    return run("git", "-c", "color.status=always", "status", form)


def diff(*what: str) -> Lines:
    return run("git", "diff", "--color=always", *what)


@in_git
def git_state() -> Lines:
    """The live state of the folder: its status, and all that differs from the last commit."""
    files = status("-sb")
    nothing = ["Nothing has changed since the last commit."] if len(files) == 1 else []
    return [*files, "", *(diff("--stat=60", "HEAD") or nothing), "", *diff("HEAD")]


@in_git
def review() -> Lines:
    """What this branch adds to the one it came from: commits, files, changes; on that one itself the last commit."""
    base = next((b for b in ("origin/HEAD", "main", "master", "trunk") if _goes_beyond(b)), "")
    if not base:
        last = ("git", "show", "--first-parent", "--color=always", "--format=")
        return ["the last commit", *_log("-8"), "", *run(*last, "--stat=60"), "", *run(*last)]
    onto = f"{base}..."
    return [f"against {base}", *_log("-15", f"{base}.."), "", *diff("--stat=60", onto), "", *diff(onto)]


def _log(*which: str) -> Lines:
    return run("git", "log", "--oneline", "--color=always", *which)


def _goes_beyond(branch: str) -> bool:
    """Whether that branch exists and HEAD holds commits that it has not."""
    exists = not _fails("rev-parse", "-q", "--verify", branch)
    return exists and _fails("merge-base", "--is-ancestor", "HEAD", branch)


def _fails(*words: str) -> bool:
    try:
        done = subprocess.run(["git", *words], capture_output=True, timeout=PROGRAM_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return True
    return done.returncode != 0


@in_git
def staging() -> Lines:
    """What the next commit would hold, and what has changed beside it."""
    staged = diff("--cached", "--stat=60")
    return [
        "staged:",
        *(staged or ["  nothing"]),
        "",
        "all changes:",
        *(status("-s") or ["  none"]),
        "",
        *diff("--cached"),
    ]


@in_git
def history() -> Lines:
    """The newest commits, as a graph."""
    return run("git", "log", "--graph", "--color=always", "-60", "--format=%C(yellow)%h%C(auto)%d %s %C(dim)%ar, %an")


def monitor() -> Lines:
    """The agent's resources, what the bot knows of it, and its log, the newest line first."""
    agent, home = os.environ.get("MAF_AGENT", ""), os.environ.get("MAF_HOME", "")
    facts = read_facts()
    words = [str(facts.get("state") or "state unknown (the bot is not running)")]
    words += [f"on {facts['bead']}"] if facts.get("bead") else []
    lines = [f"{agent}: {', '.join(words)}", resources(), ""]
    try:
        with open(os.path.join(home, "logs", "agents", f"{agent}.log"), errors="replace") as log:  # noqa: PTH118, PTH123
            lines += [at_home(clean(line.rstrip("\n"))) for line in log.readlines()[: -LOG_LINES - 1 : -1]]
    except OSError:
        lines.append("Its log is empty.")
    return lines


def at_home(line: str) -> str:
    """A line of the log with this machine's time in front, the day where it is not today."""
    stamp, _, said = line.partition(" ")
    try:
        at = datetime.fromisoformat(stamp).astimezone()
    except ValueError:
        return line
    today = at.date() == datetime.now(at.tzinfo).date()
    return f"{at:%H:%M:%S} {said}" if today else f"{at:%d %b %H:%M} {said}"


def resources() -> str:
    """Processor (since each program began, as `ps` has it), memory and age of all that runs in the agent's own pane."""
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
    return f"{cpu:.0f} % of a processor on average, {memory} MB, {len(members)} processes, up {members[0][4]}"


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
    pack = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
    return list(dict.fromkeys([*pack, *suggestions(what, in_file)]))[:9]


VIEWS: dict[str, Callable[[], Lines]] = {
    "git": git_state, "review": review, "staging": staging, "history": history, "monitor": monitor,
}  # fmt: skip

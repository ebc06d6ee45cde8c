"""The tmux command lines that make and change sessions, as text for `source-file`. Pure.

They travel in a private file and not as arguments: an environment may hold an account's key, and every user of the
machine can read a command line; and tmux refuses arguments over 16 KB.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.errors import WrongUsage
from bot.tmux.protocol import quote

# Holds the pane that `create` made for the agent. A session without it is not ours: never killed, never respawned.
MARK = "@maf_main"

_SESSION = re.compile(r"[A-Za-z0-9_-]+\Z")
_WINDOW = re.compile(r"[A-Za-z0-9_ -]+\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
LAYOUTS = frozenset({"even-horizontal", "even-vertical", "main-horizontal", "main-vertical", "tiled"})

# A program that does nothing, for the moment between a pane's birth and its real command; no shell.
PLACEHOLDER = ("tail", "-f", "/dev/null")


@dataclass(frozen=True, slots=True)
class Window:
    """A window beside the agent's own: its first program, and more panes under it, in the session's folder or `cwd`.

    Each command is an argv that tmux runs directly, without a shell.
    """

    name: str
    argv: tuple[str, ...]
    panes: tuple[tuple[str, ...], ...] = ()
    cwd: Path | None = None
    layout: str = "even-vertical"


def session_name(name: str) -> str:
    """The name, if tmux would keep it as it is. Raises WrongUsage."""
    if not _SESSION.match(name):
        raise WrongUsage(f"{name} cannot name a tmux session.", hint="Letters, digits, - and _ only.")
    return name


def command(argv: Sequence[str]) -> str:
    """An argv for the end of a tmux command, run directly. Raises ValueError for an empty one."""
    if not argv:
        raise ValueError("no command")
    # tmux hands a single argument to a shell; with `env` in front there are two.
    words = ("env", *argv) if len(argv) == 1 else argv
    return "-- " + " ".join(quote(word) for word in words)


def folder(path: Path) -> str:
    """A directory for -c, which tmux expands as a format: without this a folder named `#(command)` would run it.

    Doubled, a # stands for itself; but any number of them before a [ is the beginning of a style, and stays as it is.
    """
    return quote(re.sub(r"(#+)(?!\[|#)", r"\1\1", str(path)))


def environment(target: str, env: Mapping[str, str], gone: Sequence[str] = ()) -> list[str]:
    """Commands that set these variables for the session's next panes, and take others out, also those the server has.

    Raises ValueError for a name that is none.
    """
    for name in (*env, *gone):
        if not _VARIABLE.match(name):
            raise ValueError(f"not a variable's name: {name!r}")
    removed = [f"set-environment -t {target} -r {name}" for name in gone if name not in env]
    return removed + [f"set-environment -t {target} {name} {quote(value)}" for name, value in env.items()]


def one_line(commands: Sequence[str]) -> str:
    """Commands of which each runs only if the one before it succeeded: tmux drops the rest of a line after an error."""
    return " ; ".join(commands) + "\n"


def create(
    name: str,
    *,
    cwd: Path,
    env: Mapping[str, str],
    gone: Sequence[str],
    argv: Sequence[str],
    window: str,
    windows: Sequence[Window],
    size: tuple[int, int],
) -> str:
    """The line that makes a session, its main pane and its side windows, and prints "MAIN PANE_ID"."""
    target = f'"={session_name(name)}:"'
    main = f'"={name}:{_window_name(window)}"'
    commands = [
        f"new-session -d -s {name} -x {size[0]} -y {size[1]} -c {folder(cwd)} -n {quote(window)}"
        f" {command(PLACEHOLDER)}",
        # In the same line, for where the server ends sessions that nobody looks at, it does so right after it.
        f"set-option -t {target} destroy-unattached off",
        *environment(target, env, gone),
        # The variables hold for processes that start after them; `-k` ends the placeholder.
        f"respawn-pane -k -t {main} -c {folder(cwd)} {command(argv)}",
        f'set-option -F -t {target} {MARK} "#{{pane_id}}"',
        *(line for side in windows for line in add_window(name, side, cwd)),
        f"select-window -t {main}",
        f'display-message -p -t {main} "MAIN #{{pane_id}}"',
    ]
    return one_line(commands)


def add_window(name: str, window: Window, cwd: Path) -> list[str]:
    """Commands that open a side window without looking at it."""
    if window.layout not in LAYOUTS:
        raise WrongUsage(f"{window.layout} is no tmux layout.", hint=f"One of: {', '.join(sorted(LAYOUTS))}.")
    at = folder(window.cwd or cwd)
    here = f"={session_name(name)}:{_window_name(window.name)}"
    lines = [f'new-window -d -t "={name}:" -n {quote(window.name)} -c {at} {command(window.argv)}']
    for argv in window.panes:
        # In every layout the newest pane is the one at the bottom right; the next is split off it, or it would stand
        # before it.
        lines += [
            f'split-window -d -v -t "{here}.{{bottom-right}}" -c {at} {command(argv)}',
            f'select-layout -t "{here}" {window.layout}',
        ]
    return lines


def respawn(
    name: str, pane: str, *, cwd: Path, env: Mapping[str, str], gone: Sequence[str], argv: Sequence[str]
) -> str:
    """The line that ends what runs in the pane, clears its terminal and starts the argv there; the id stays."""
    target = f'"={session_name(name)}:"'
    respawned = f"respawn-pane -k -t {pane} -c {folder(cwd)} {command(argv)}"
    return one_line([*environment(target, env, gone), respawned, f"clear-history -t {pane}"])


def reopen(
    name: str, *, cwd: Path, env: Mapping[str, str], gone: Sequence[str], argv: Sequence[str], window: str
) -> str:
    """The line that starts the argv in a new first window of a session whose main pane was closed, and prints "MAIN
    PANE_ID". Who looks at another window of it stays there."""
    first = f'"={session_name(name)}:{{start}}"'
    return one_line(
        [
            *environment(f'"={name}:"', env, gone),
            f"new-window -d -b -t {first} -n {quote(_window_name(window))} -c {folder(cwd)} {command(argv)}",
            f'set-option -F -t {first} {MARK} "#{{pane_id}}"',
            f'display-message -p -t {first} "MAIN #{{pane_id}}"',
        ]
    )


def _window_name(name: str) -> str:
    if not _WINDOW.match(name):
        raise WrongUsage(f"{name} cannot name a tmux window.", hint="Letters, digits, spaces, - and _ only.")
    return name

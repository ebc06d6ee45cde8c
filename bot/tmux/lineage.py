"""From which processes a process comes: its ancestors, with what their environments say of the agent they belong to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.tmux.processes import Process, environment, read_one

ATTEMPTS = 3
DEEPEST = 200
# First processes of the sandboxes in which agents run their commands (Codex 0.171.0, Claude Code 2.1.332): what lies
# above them cannot be seen from inside. The kernel keeps 15 characters of a name.
SANDBOXES = frozenset({"bwrap", "codex-linux-sandbox"[:15]})


@dataclass(frozen=True, slots=True)
class Mark:
    """What the environment of a process says: the agent (MAF_AGENT) and its home (MAF_HOME, "" where it names none)."""

    agent: str
    home: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """A process and its ancestors, the process first; empty for one that has ended.

    `marks` are those of their environments, from the process upward. `whole`: seen up to the first process, or to one
    of another user that hides what is above it.
    """

    processes: tuple[Process, ...]
    marks: tuple[Mark, ...] = field(default=())
    whole: bool = True

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self.processes)


def lineage(pid: int) -> Lineage:
    """Blocks for less than a millisecond. Reads again where an ancestor ended meanwhile."""
    line = Lineage((), whole=False)
    for _ in range(ATTEMPTS):
        line = _climb(pid)
        now = read_one(pid)
        if line.processes and now is not None and _same(now, line.processes[0]):
            return line
    return Lineage(line.processes, line.marks, whole=False)


def _same(one: Process, other: Process) -> bool:
    return (one.pid, one.starttime, one.ppid) == (other.pid, other.starttime, other.ppid)


def _climb(pid: int) -> Lineage:
    found: list[Process] = []
    whole = False
    while pid > 0 and len(found) < DEEPEST:
        process = read_one(pid)
        if process is None:
            whole = bool(found) and _is_hidden(pid)
            break
        if found and process.starttime > found[-1].starttime:
            break  # the parent ended, and its number is another process's now
        found.append(process)
        if process.ppid == 0:
            # The first process; or one that came into this container from outside, as with `docker exec`.
            whole = process.comm not in SANDBOXES
            break
        pid = process.ppid
    return Lineage(tuple(found), tuple(_marks(found)), whole)


def _marks(processes: list[Process]) -> Iterator[Mark]:
    for process in processes:
        given = environment(process.pid)
        if agent := given.get("MAF_AGENT"):
            yield Mark(agent, given.get("MAF_HOME", ""))


def _is_hidden(pid: int) -> bool:
    """Whether it is there and another user's, on a system that shows nobody the processes of others (hidepid)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return False

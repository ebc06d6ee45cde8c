"""Which processes run, and who is in front on a terminal: one pass over /proc, or psutil where there is no /proc.

The stat line is that of Linux, proc_pid_stat(5); field numbers below are the manual's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_LINUX = PROC.joinpath("self/stat").exists
_PAGE = os.sysconf("SC_PAGE_SIZE")
_HZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `starttime`, `utime`, `stime` are seconds (starttime since boot); `rss` is bytes.

    `session` and `tpgid` (the terminal's foreground process group) are 0 or -1 where there is no terminal.
    """

    pid: int
    ppid: int
    pgrp: int
    session: int
    tpgid: int
    state: str
    comm: str
    starttime: float
    rss: int
    utime: float
    stime: float

    @property
    def runs(self) -> bool:
        """Not a zombie, not dead, not stopped by a signal."""
        return self.state not in {"T", "t", "Z", "X", "x"}


def parse_stat(line: bytes, *, hz: int = _HZ, page: int = _PAGE) -> Process | None:
    """Read one /proc/PID/stat; None for what is not such a line. The name may hold spaces, brackets and line breaks.

    >>> parse_stat(b"7 (a) b) S 1 7 7 34816 7 0 0 0 0 0 100 50 0 0 20 0 1 0 200 0 3", hz=100, page=4096).comm
    'a) b'
    """
    open_at, close_at = line.find(b"("), line.rfind(b")")
    if open_at < 0 or close_at < open_at:
        return None
    rest = line[close_at + 1 :].split()
    try:
        return Process(
            pid=int(line[:open_at]),
            comm=line[open_at + 1 : close_at].decode("utf8", "replace"),
            state=rest[0].decode("ascii"),  # field 3
            ppid=int(rest[1]),
            pgrp=int(rest[2]),
            session=int(rest[3]),
            tpgid=int(rest[5]),  # field 8
            utime=int(rest[11]) / hz,  # field 14
            stime=int(rest[12]) / hz,
            starttime=int(rest[19]) / hz,  # field 22
            rss=int(rest[21]) * page,
        )
    except (ValueError, IndexError, UnicodeDecodeError):
        return None


def scan() -> dict[int, Process]:
    """All processes by pid, in one pass; blocks for some 5 ms per 400 processes, so call it in a thread."""
    return _scan_proc() if _LINUX() else _scan_psutil()


def scan_only(pids: Iterable[int]) -> dict[int, Process]:
    """These processes, those that are still there; a few reads where `scan` reads all (psutil: all the same)."""
    if not _LINUX():
        found = _scan_psutil()
        return {pid: found[pid] for pid in pids if pid in found}
    return _read_stats(str(pid) for pid in pids)


def read_one(pid: int) -> Process | None:
    """One process; None for one that has ended, or that the system does not show."""
    if _LINUX():
        return _read_stats([str(pid)]).get(pid)
    return _one_of_psutil(pid)


def environment(pid: int) -> dict[str, str]:
    """The environment that a process was started with; {} where it cannot be read."""
    try:
        raw = PROC.joinpath(str(pid), "environ").read_bytes()
    except FileNotFoundError:
        return {} if _LINUX() else _psutil_environment(pid)
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0") if b"=" in entry)
    return {name.decode("utf8", "replace"): value.decode("utf8", "replace") for name, _, value in pairs}


def _scan_proc() -> dict[int, Process]:
    # Names, not Path objects: this runs every second.
    return _read_stats(name for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208


def _read_stats(names: Iterable[str]) -> dict[int, Process]:
    found: dict[int, Process] = {}
    for name in names:
        try:
            fd = os.open(f"/proc/{name}/stat", os.O_RDONLY)
        except OSError:  # it ended meanwhile
            continue
        try:
            process = parse_stat(os.read(fd, 4096))
        except OSError:
            continue
        finally:
            os.close(fd)
        if process is not None:
            found[process.pid] = process
    return found


def foreground(processes: Mapping[int, Process], pane_pid: int) -> list[Process]:
    """Who is in front on the pane's terminal: those of its session whose group is the terminal's foreground group.

    Holds for a CLI that is the pane's own process, a child of a keeper, and a job of an interactive shell. Stopped and
    dead ones are in the list too; ask `runs`. Empty when the pane's process is gone.
    """
    leader = processes.get(pane_pid)
    if leader is None or leader.tpgid <= 0:
        return []
    return [p for p in processes.values() if p.session == pane_pid and p.pgrp == leader.tpgid]


def by_session(processes: Mapping[int, Process]) -> dict[int, dict[int, Process]]:
    """The processes of each session, by pid; `foreground` of a pane needs no more than its own."""
    sessions: dict[int, dict[int, Process]] = {}
    for process in processes.values():
        sessions.setdefault(process.session, {})[process.pid] = process
    return sessions


def children_of(processes: Mapping[int, Process]) -> dict[int, list[Process]]:
    """The children of each process."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.ppid, []).append(process)
    return children


def descendants(
    processes: Mapping[int, Process], pid: int, children: Mapping[int, list[Process]] | None = None
) -> list[Process]:
    """The process and all that came from it, parents before children. `children`, for many: `children_of` it all."""
    children = children_of(processes) if children is None else children
    top = processes.get(pid)
    found = [top] if top is not None else []
    for process in found:
        found += children.get(process.pid, [])
    return found


def _scan_psutil() -> dict[int, Process]:
    """macOS: psutil has no foreground group, so it is asked from the terminal's `ps` column."""
    import psutil

    groups = _terminal_groups()
    found: dict[int, Process] = {}
    boot = psutil.boot_time()
    states = {psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_STOPPED: "T", psutil.STATUS_RUNNING: "R"}
    attributes = ["pid", "ppid", "name", "status", "create_time", "memory_info", "cpu_times"]
    for process in psutil.process_iter(attributes):
        info = process.info
        try:
            pgrp, session = os.getpgid(info["pid"]), os.getsid(info["pid"])
        except OSError:
            continue
        times, memory = info["cpu_times"], info["memory_info"]
        found[info["pid"]] = Process(
            pid=info["pid"],
            ppid=info["ppid"] or 0,
            pgrp=pgrp,
            session=session,
            tpgid=groups.get(info["pid"], -1),
            state=states.get(info["status"], "S"),
            comm=(info["name"] or "")[:15],
            starttime=(info["create_time"] or boot) - boot,
            rss=memory.rss if memory else 0,
            utime=times.user if times else 0.0,
            stime=times.system if times else 0.0,
        )
    return found


def _one_of_psutil(pid: int) -> Process | None:
    """Without its terminal, memory and times, which nobody asks of one process."""
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            begun, name, ppid = process.create_time(), process.name(), process.ppid()
    except (psutil.Error, OSError):
        return None
    try:
        pgrp, session = os.getpgid(pid), os.getsid(pid)
    except OSError:  # another user's
        pgrp = session = 0
    return Process(pid, ppid or 0, pgrp, session, -1, "S", name[:15], begun - psutil.boot_time(), 0, 0.0, 0.0)


def _psutil_environment(pid: int) -> dict[str, str]:
    import psutil

    try:
        return dict(psutil.Process(pid).environ())
    except (psutil.Error, OSError):
        return {}


def _terminal_groups() -> dict[int, int]:
    """pid -> foreground process group of its terminal, by `ps` (the same columns on macOS, the BSDs and Linux)."""
    import subprocess

    said = subprocess.run(["ps", "-axo", "pid=,tpgid="], capture_output=True, text=True, timeout=5, check=False)
    pairs = (line.split() for line in said.stdout.splitlines())
    return {int(pid): int(group) for pid, group in (p for p in pairs if len(p) == 2) if int(group) > 0}

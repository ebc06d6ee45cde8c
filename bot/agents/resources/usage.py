"""What each agent takes of the machine: from the one pass over the processes that the watch makes anyway. Pure."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.tmux.processes import Process, children_of, descendants

SAMPLE_S = 5.0
HISTORY = 120  # samples: ten minutes

# What is worth a warning, and for how long it has to hold. One agent at its tests may well take several cores.
CPU_PERCENT, CPU_HOLDS_S = 150.0, 300.0
RSS_BYTES = 4 * 1024**3
PROCESSES = 250
# A warning ends below this part of its threshold, so that it does not come and go.
RECOVERED = 0.8


@dataclass(frozen=True, slots=True)
class Usage:
    """All processes under an agent's pane at one moment. `at` is monotonic, `rss` bytes, `age` seconds of its CLI.

    `cpu` is percent of one core since the sample before, None without one.
    """

    at: float
    cpu: float | None
    rss: int
    processes: int
    age: float

    def as_dict(self) -> dict[str, object]:
        """{"cpu_percent","rss_mb","processes","age_s"}."""
        return {
            "cpu_percent": None if self.cpu is None else round(self.cpu, 1),
            "rss_mb": round(self.rss / 1024**2, 1),
            "processes": self.processes,
            "age_s": round(self.age),
        }


@dataclass(slots=True)
class _Tracked:
    pane_pid: int
    spent: dict[tuple[int, float], float] = field(default_factory=dict)
    history: deque[Usage] = field(default_factory=lambda: deque(maxlen=HISTORY))


class Resources:
    """The last ten minutes of every agent, a sample each `every` seconds."""

    def __init__(self, every: float = SAMPLE_S) -> None:
        self.every = every
        self._tracked: dict[str, _Tracked] = {}

    def take(self, panes: Mapping[str, int | None], processes: Mapping[int, Process], now: float) -> None:
        """The samples that are due. `panes`: the process of each agent's pane; one without a pane is forgotten."""
        children: dict[int, list[Process]] | None = None
        for agent_id, pane_pid in panes.items():
            if pane_pid is None:
                self.forget(agent_id)
            elif self.due(agent_id, now):
                children = children_of(processes) if children is None else children
                self.note(agent_id, pane_pid, processes, children, now)

    def due(self, agent_id: str, now: float) -> bool:
        """Is it time for another sample of this agent? `now` is monotonic seconds."""
        last = self.of(agent_id)
        return last is None or now - last.at >= self.every

    def note(
        self,
        agent_id: str,
        pane_pid: int,
        processes: Mapping[int, Process],
        children: Mapping[int, list[Process]],
        now: float,
    ) -> None:
        """Take a sample of everything that descends from the pane's process; `now` is monotonic seconds."""
        tracked = self._tracked.get(agent_id)
        if tracked is None or tracked.pane_pid != pane_pid:
            tracked = self._tracked[agent_id] = _Tracked(pane_pid)
        found = [p for p in descendants(processes, pane_pid, children) if p.state not in ("Z", "X", "x")]
        spent = {(p.pid, p.starttime): p.utime + p.stime for p in found}
        cpu = None
        if tracked.history and (seconds := now - tracked.history[-1].at) > 0:
            # Of a process that began in between all counts; of one that ended, what it spent since is lost.
            used = sum(time - tracked.spent.get(key, 0.0) for key, time in spent.items())
            cpu = max(0.0, used / seconds * 100)
        tracked.spent = spent
        first = min((p.starttime for p in found), default=0.0)
        age = max(0.0, since_boot() - first) if found else 0.0
        tracked.history.append(Usage(now, cpu, sum(p.rss for p in found), len(found), age))

    def forget(self, agent_id: str) -> None:
        self._tracked.pop(agent_id, None)

    def of(self, agent_id: str) -> Usage | None:
        """The newest sample."""
        tracked = self._tracked.get(agent_id)
        return tracked.history[-1] if tracked and tracked.history else None

    def history(self, agent_id: str) -> tuple[Usage, ...]:
        """The samples of the last ten minutes, oldest first."""
        tracked = self._tracked.get(agent_id)
        return tuple(tracked.history) if tracked else ()


def strained(history: tuple[Usage, ...], before: frozenset[str] = frozenset()) -> frozenset[str]:
    """Which of "cpu", "memory", "processes" are over their threshold; those in `before` stay until well below it."""
    if not history:
        return frozenset()
    last = history[-1]
    over = {"cpu": _steady_cpu(history) / CPU_PERCENT, "memory": last.rss / RSS_BYTES}
    over["processes"] = last.processes / PROCESSES
    return frozenset(name for name, part in over.items() if part >= (RECOVERED if name in before else 1.0))


def _steady_cpu(history: tuple[Usage, ...]) -> float:
    """The least of the last five minutes' halves: a short peak is no strain."""
    since = history[-1].at - CPU_HOLDS_S
    if history[0].at > since:
        return 0.0
    recent = [usage.cpu for usage in history if usage.at >= since and usage.cpu is not None]
    half = len(recent) // 2
    halves = [part for part in (recent[:half], recent[half:]) if part]
    return min((sum(part) / len(part) for part in halves), default=0.0)


def since_boot() -> float:
    """Seconds since the machine started, the clock of a process's start time."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    import psutil

    return time.time() - psutil.boot_time()

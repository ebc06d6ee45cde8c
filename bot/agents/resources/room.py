"""Is there room for one more agent on this machine? Pure, but for `measure`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is: bytes free to be used (None where it cannot be told), load of the last minute, processors."""

    free: int | None
    load: float
    cpus: int


def why_full(machine: Machine, *, least_free_mb: int, most_load: float) -> str:
    """Why no agent should be started now; "" when one may. A limit of 0 is no limit.

    >>> why_full(Machine(100 * 1024 * 1024, 1.0, 4), least_free_mb=300, most_load=12)
    'Only 100 MB of memory are free, and 300 MB must stay free.'
    """
    if least_free_mb and machine.free is not None and machine.free < least_free_mb * _MB:
        return f"Only {machine.free // _MB} MB of memory are free, and {least_free_mb} MB must stay free."
    if most_load and machine.load > most_load * machine.cpus:
        return f"The load of this machine is {machine.load:.0f}, and {most_load * machine.cpus:.0f} is the most."
    return ""


def measure() -> Machine:
    """This machine now; blocks for a moment."""
    return Machine(_free(), os.getloadavg()[0], os.cpu_count() or 1)


def _free() -> int | None:
    """What the system calls available, or what is left below the limit of our container if that is less."""
    import psutil

    free = int(psutil.virtual_memory().available)
    limit, used = _number("memory.max"), _number("memory.current")
    if limit is not None and used is not None:
        cached = _file_cache()
        free = min(free, limit - used + cached)
    return max(free, 0)


def _number(name: str) -> int | None:
    """A value of cgroup v2 (kernel documentation, "Memory Interface Files"); None where there is no limit."""
    try:
        text = Path("/sys/fs/cgroup", name).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _file_cache() -> int:
    """Bytes of the cgroup that are file cache and can be had back."""
    try:
        lines = Path("/sys/fs/cgroup/memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), 0)

"""What agents take of the machine, from samples of the process table; when that is worth a warning."""

from __future__ import annotations

import pytest

from bot.agents.resources.usage import CPU_HOLDS_S, PROCESSES, RSS_BYTES, SAMPLE_S, Resources, Usage, strained
from bot.tmux.processes import Process, children_of


def process(pid: int, ppid: int, *, cpu: float = 0.0, rss: int = 1000, state: str = "S", start: float = 5.0) -> Process:
    return Process(pid, ppid, pid, 10, pid, state, "x", start, rss, cpu, 0.0)


def table(*processes: Process) -> dict[int, Process]:
    return {p.pid: p for p in processes}


def sample(resources: Resources, now: float, *processes: Process) -> Usage:
    everything = table(process(1, 0, cpu=999, rss=10**9), *processes)
    resources.note("w1", 10, everything, children_of(everything), now)
    found = resources.of("w1")
    assert found is not None
    return found


def test_all_descendants_count_and_nobody_else() -> None:
    resources = Resources()
    usage = sample(resources, 100, process(10, 1), process(11, 10, rss=2000), process(12, 11, rss=3000), process(99, 1))
    assert (usage.rss, usage.processes, usage.cpu) == (6000, 3, None)


def test_cpu_is_what_was_spent_between_two_samples() -> None:
    resources = Resources()
    sample(resources, 100, process(10, 1, cpu=5), process(11, 10, cpu=50))
    # 2 s of the one, 1 s of a new one, within 4 s; what ended took its time with it.
    assert sample(resources, 104, process(10, 1, cpu=7), process(12, 10, cpu=1)).cpu == pytest.approx(75)


def test_a_reused_pid_is_another_process() -> None:
    resources = Resources()
    sample(resources, 100, process(10, 1), process(11, 10, cpu=50, start=5))
    assert sample(resources, 102, process(10, 1), process(11, 10, cpu=1, start=90)).cpu == pytest.approx(50)


def test_zombies_take_nothing_and_a_new_pane_begins_anew() -> None:
    resources = Resources()
    usage = sample(resources, 100, process(10, 1), process(11, 10, state="Z"))
    assert usage.processes == 1
    other = table(process(20, 1))
    resources.note("w1", 20, other, children_of(other), 101)
    assert len(resources.history("w1")) == 1


def test_samples_are_taken_now_and_then_and_old_ones_go() -> None:
    resources = Resources()
    assert resources.due("w1", 0)
    for n in range(500):
        sample(resources, n * SAMPLE_S, process(10, 1))
    assert not resources.due("w1", 499 * SAMPLE_S + 1)
    assert resources.due("w1", 500 * SAMPLE_S)
    assert len(resources.history("w1")) == 120
    resources.forget("w1")
    assert resources.of("w1") is None


def history(cpu: float, seconds: float = CPU_HOLDS_S + 60, *, rss: int = 0, processes: int = 1) -> tuple[Usage, ...]:
    return tuple(Usage(at, cpu, rss, processes, at) for at in range(0, int(seconds) + 1, 5))


@pytest.mark.parametrize(
    ("samples", "before", "expected"),
    [
        ((), (), ()),
        (history(20), (), ()),
        (history(200), (), ("cpu",)),
        (history(200, 60), (), ()),  # not for long enough
        (history(130), (), ()),
        (history(130), ("cpu",), ("cpu",)),  # not well below yet
        (history(100), ("cpu",), ()),
        (history(0, rss=RSS_BYTES), (), ("memory",)),
        (history(0, rss=int(RSS_BYTES * 0.9)), (), ()),
        (history(0, rss=int(RSS_BYTES * 0.9)), ("memory",), ("memory",)),
        (history(0, rss=int(RSS_BYTES * 0.7)), ("memory",), ()),
        (history(0, processes=PROCESSES), (), ("processes",)),
    ],
)
def test_thresholds(samples: tuple[Usage, ...], before: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert strained(samples, frozenset(before)) == frozenset(expected)


def test_a_peak_of_two_minutes_is_no_strain() -> None:
    quiet, peak = history(10, 300), tuple(Usage(300 + at, 900, 0, 1, at) for at in range(5, 125, 5))
    assert strained(quiet + peak) == frozenset()

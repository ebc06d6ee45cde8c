"""Windows of 20 profiles over a million events: read from memory, rebuilt at start, and what they weigh.

The rebuild takes at most twice one grouped scan of the same run; the rest is recorded.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from statistics import median

from sqlalchemy import create_engine

from bot.quota.ledger import Ledger
from bot.quota.windows import SPANS
from bot.store import Store
from bot.store.tables import Base
from tests.bench.rounds import record

PROFILES, EVENTS, NOW, ROUNDS = 20, 1_000_000, 1_795_000_000.0, 5
REBUILD = 2.0
GROUPED_SCAN = "SELECT profile, " + ", ".join(
    f"sum(CASE WHEN at > {NOW - span} THEN 1 ELSE 0 END), sum(CASE WHEN at > {NOW - span} THEN tokens ELSE 0 END)"
    for span in SPANS.values()
)
GROUPED_SCAN += f" FROM quota_events WHERE at > {NOW - max(SPANS.values())} AND at <= {NOW} GROUP BY profile"


def fill(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    dice = random.Random(7)
    rows = (
        (f"p{n % PROFILES}", str(n), NOW - dice.random() * 30 * 86_400, dice.randrange(9000)) for n in range(EVENTS)
    )
    with sqlite3.connect(path) as db:
        db.executemany(
            "INSERT INTO quota_events (profile, key, at, tokens, model, input_tokens, cached_tokens, output_tokens,"
            " reasoning_tokens, source) VALUES (?, ?, ?, ?, '', 0, 0, 0, 0, 'bench')",
            rows,
        )
        db.execute("ANALYZE")
    db.close()


def scan_once(path: Path) -> float:
    db = sqlite3.connect(path)
    start = time.perf_counter()
    assert len(db.execute(GROUPED_SCAN).fetchall()) == PROFILES
    took = time.perf_counter() - start
    db.close()
    return took


async def measure(path: Path) -> tuple[float, float, float]:
    """(rebuild / scan, ms for all windows, MB held)."""
    store = Store(f"sqlite+aiosqlite:///{path}")
    ledger = Ledger(store)
    await ledger.rebuild(NOW)  # warms connection and page cache for both
    ratios = []
    for _ in range(ROUNDS):
        scan = scan_once(path)
        start = time.perf_counter()
        await ledger.rebuild(NOW)
        ratios.append((time.perf_counter() - start) / scan)
    reads = []
    for n in range(20):
        start = time.perf_counter()
        for profile in range(PROFILES):
            ledger.usage(f"p{profile}", NOW + n)
        reads.append((time.perf_counter() - start) * 1000)
    tracemalloc.start()
    held = Ledger(store)
    await held.rebuild(NOW)
    megabytes = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    await store.close()
    return median(ratios), median(reads), megabytes


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "maf.db"
        fill(path)
        ratio, read_ms, megabytes = asyncio.run(measure(path))
    record("quota: all windows of 20 profiles", f"{read_ms:.2f} ms (meant: at most 1)")
    record("quota: memory for 1,000,000 events", f"{megabytes:.2f} MB (meant: at most 60)")
    fine = ratio <= REBUILD
    print(f"quota: rebuild / one grouped scan: {ratio:.2f}x (at most {REBUILD:g}x) {'PASS' if fine else 'FAIL'}")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())

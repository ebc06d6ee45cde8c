"""A first full read of 200 MB of rollouts: ours against ccusage (npm, native) on the same files in the same run.

And a growing rollout: the work follows the new bytes, not the size of the file: the second read of a 100 MB file that
grew by 4 KB takes at most a hundredth of its first. How ccusage compares is recorded; its sum must be ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bot.quota.sources.rollouts import scan
from tests.bench.rounds import ratio, record
from tests.real.installed import why_missing

FILES, TURNS, ROUNDS = 66, 200, 5
CCUSAGE = Path(os.environ.get("CCUSAGE", ".real/node/node_modules/.bin/ccusage"))
Result = TypeVar("Result")
FILLER = "All work and no play makes for a long rollout. " * 300


def usage(tokens: int) -> dict[str, int]:
    return {
        "input_tokens": tokens,
        "cached_input_tokens": tokens // 6,
        "cache_write_input_tokens": 0,
        "output_tokens": 34,
        "reasoning_output_tokens": 10,
        "total_tokens": tokens + 34,
    }


def turn(thread: str, number: int, total: int) -> list[dict[str, object]]:
    """The lines of one turn in the order and shape of codex-cli 0.169.0."""
    tokens = 1000 + number
    limits = {
        "limit_id": "codex",
        "primary": {"used_percent": 42.5, "window_minutes": 300, "resets_at": 1795336186},
        "secondary": {"used_percent": 17.0, "window_minutes": 10080, "resets_at": 1795727186},
    }
    info = {"total_token_usage": usage(total + tokens), "last_token_usage": usage(tokens)}
    return [
        {"type": "turn_context", "payload": {"cwd": "/tmp/shop", "model": "gpt-5.2-codex"}},
        {"type": "event_msg", "payload": {"type": "task_started", "turn_id": str(number)}},
        {
            "type": "response_item",
            "payload": {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": FILLER}]},
        },
        {
            "type": "token_usage_record",
            "payload": {"thread_id": thread, "response_id": f"resp_{thread}_{number}", "usage": usage(tokens)},
        },
        {"type": "event_msg", "payload": {"type": "token_count", "info": info, "rate_limits": limits}},
        {"type": "event_msg", "payload": {"type": "task_complete", "turn_id": str(number)}},
    ]


def compact(line: dict[str, object]) -> str:
    """As Codex writes it, without spaces; ccusage looks for lines by their exact bytes."""
    return json.dumps(line, separators=(",", ":")) + "\n"


def write_rollout(folder: Path, index: int, turns: int) -> Path:
    thread = str(uuid.uuid5(uuid.NAMESPACE_URL, str(index)))
    path = folder / f"rollout-2026-11-{1 + index % 20:02}T08-00-{index % 60:02}-{thread}.jsonl"
    total, ordinal = 0, 0
    day = f"2026-11-{1 + index % 20:02}"
    with path.open("w") as file:
        meta = {"timestamp": f"{day}T08:00:00Z", "type": "session_meta", "payload": {"id": thread, "cwd": "/tmp/shop"}}
        file.write(compact(meta))
        for number in range(turns):
            for line in turn(thread, number, total):
                ordinal += 1
                second = number * 6 + ordinal % 6
                stamp = f"{day}T{8 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{index:03}Z"
                file.write(compact({"timestamp": stamp, "ordinal": ordinal, **line}))
            total += 1000 + number
    return path


def ours(folder: Path) -> int:
    return sum(use.tokens for path in sorted(folder.rglob("*.jsonl")) for use in scan(path, "bench").uses)


def theirs(home: Path) -> int:
    answer = subprocess.run(
        [str(CCUSAGE), "codex", "daily", "--offline", "--json"],
        env={**os.environ, "CODEX_HOME": str(home)},
        capture_output=True,
        timeout=60,
        check=True,
    )
    return int(json.loads(answer.stdout)["totals"]["totalTokens"])


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def growing(folder: Path) -> float:
    path = write_rollout(folder, 999, 7000)
    first_s, second_s = [], []
    for _ in range(ROUNDS):
        took, first = timed(lambda: scan(path, "bench"))
        first_s.append(took)
        with path.open("a") as file:
            file.write(compact({"timestamp": "2026-11-21T09:00:00Z", "type": "turn_context"}))
        took, _ = timed(lambda first=first: scan(path, "bench", offset=first.offset, records=True))  # type: ignore[misc]
        second_s.append(took)
    return ratio(second_s, first_s)


def show(name: str, shown: str, fine: bool) -> None:
    print(f"{name:45} {shown}  {'PASS' if fine else 'FAIL'}")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "codex"
        day = home / "sessions" / "2026" / "11" / "01"
        day.mkdir(parents=True)
        for index in range(FILES):
            write_rollout(day, index, TURNS)
        size = sum(p.stat().st_size for p in day.iterdir()) / 1e6
        grown = growing(Path(folder))
        show("quota: rollout that grew / first read", f"{grown:.4f}x (at most 0.01x)", grown <= 0.01)
        if not CCUSAGE.exists():
            print(f"quota: first full read: skipped, ccusage is not there: {why_missing('ccusage')}")
            return 0 if grown <= 0.01 else 1
        mine_s, its_s, totals = [], [], set()
        for _ in range(ROUNDS):
            took, mine = timed(lambda: ours(day))
            mine_s.append(took)
            took, its = timed(lambda: theirs(home))
            its_s.append(took)
            totals |= {mine, its}
    record(f"quota: first read of {size:.0f} MB / ccusage", f"{ratio(mine_s, its_s):.2f}x (meant: under 1x)")
    fine = len(totals) == 1
    show("quota: tokens, ccusage's and ours", f"{sorted(totals)}", fine)
    return 0 if fine and grown <= 0.01 else 1


if __name__ == "__main__":
    sys.exit(main())

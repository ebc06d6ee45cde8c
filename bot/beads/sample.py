"""A small believable project for the sandbox: the Beads of a shop, as an export that needs no `bd`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot import atomic

_FIRST = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
# id, priority, type, labels, title, description, done when, waits for
_BEADS: tuple[tuple[int, int, str, tuple[str, ...], str, str, str, tuple[int, ...]], ...] = (
    (41, 1, "bug", ("frontend",), "Cart totals wrong on mobile",
     "On a narrow screen the cart shows the total of the last line instead of the sum. Seen on an iPhone SE and in a"
     " browser window 360 px wide.\nPaths: apps/site/cart/**",
     "- The total equals the sum of all lines at every width.\n- A test fails with the old code.", ()),
    (17, 1, "feature", ("backend",), "Retry failed payments",
     "When the payment provider answers 502 or times out, the order is lost. Try again three times, 2, 10 and 60 s"
     " apart, with the same idempotency key.\nPaths: apps/api/payments/**",
     "- No order is charged twice.\n- After the third failure the order is marked and the customer is told.", ()),
    (52, 2, "task", ("db",), "Index the slow orders query",
     "The orders page takes 4 s for customers with more than 1,000 orders. EXPLAIN shows a full scan of orders by"
     " customer_id and created_at.\nPaths: db/migrations/**",
     "- The query takes less than 50 ms on the copy of production.\n- The migration can be rolled back.", ()),
    (38, 2, "feature", ("frontend", "backend"), "Guest checkout",
     "Let people buy without an account. They leave an e-mail address and get a link to their order.",
     "- A guest can pay and see the order by the link.\n- The link stops working after 30 days.", (17,)),
    (44, 2, "bug", ("backend",), "Discount codes ignore their end date",
     "A code that ended yesterday still takes 10 % off: the date is compared in local time.\n"
     "Paths: apps/api/discounts/**",
     "- A code ends at midnight in the shop's time zone.", ()),
    (45, 3, "task", ("docs",), "Write down how to run the shop locally",
     "New people need half a day. One page: what to install, one command, what you should see.\nPaths: docs/**",
     "- Somebody who has never seen the project gets it running with the page alone.", ()),
    (47, 2, "bug", ("frontend",), "Search box loses its text on Back",
     "Search for something, open a product, go back: the box is empty and the list is unfiltered.\n"
     "Paths: apps/site/search/**",
     "- Back shows the same list, scrolled to the same place.", ()),
    (53, 3, "task", ("db",), "Archive orders older than seven years",
     "They slow down every report. Move them to orders_archive in batches of 10,000.",
     "- Reports for the last seven years give the same numbers as before.", (52,)),
    (55, 0, "bug", ("backend",), "Stock goes negative when two people buy the last one",
     "Reading the stock and writing it back are two statements. Use one conditional update.\n"
     "Paths: apps/api/stock/**",
     "- Of two simultaneous orders for the last piece exactly one succeeds.\n- A test with 20 threads shows it.", ()),
    (56, 3, "chore", ("frontend",), "Remove the old banner carousel",
     "Nobody clicks it (0.3 %). Remove code, styles and pictures.\nPaths: apps/site/home/**",
     "- The home page loads 200 kB less.", ()),
    (58, 2, "feature", ("backend", "docs"), "Export orders as CSV",
     "Accounting copies them by hand each month. One row per line item, UTF-8, decimal comma by setting.",
     "- A spreadsheet opens it with umlauts and amounts intact.\n- 50,000 rows take less than 5 s.", (44,)),
    (60, 4, "task", (), "Collect what customers write about delivery times",
     "Read the last 200 messages and list what people complain about, with counts.",
     "- A short list with numbers, on this bead.", ()),
)  # fmt: skip


def sample_lines() -> list[str]:
    """The twelve beads, one JSON object each, in the form of `bd export` (bd 1.3.0)."""
    lines = []
    for index, (number, priority, kind, labels, title, description, acceptance, blockers) in enumerate(_BEADS):
        at = (_FIRST + timedelta(hours=5 * index)).strftime("%Y-%m-%dT%H:%M:%SZ")
        identity = f"shop-{number}"
        bead: dict[str, Any] = {
            "_type": "issue",
            "id": identity,
            "title": title,
            "description": description,
            "acceptance_criteria": acceptance,
            "status": "open",
            "priority": priority,
            "issue_type": kind,
            "created_at": at,
            "created_by": "shop",
            "updated_at": at,
            "labels": list(labels),
            "dependencies": [
                {"issue_id": identity, "depends_on_id": f"shop-{blocker}", "type": "blocks", "created_at": at}
                for blocker in blockers
            ],
        }
        lines.append(json.dumps({key: value for key, value in bead.items() if value != []}, ensure_ascii=False))
    return lines


def write_sample(folder: Path) -> Path:
    """Write `FOLDER/.beads/issues.jsonl` unless there are Beads already; returns the path. Whole or not at all."""
    beads = folder / ".beads"
    target = beads / "issues.jsonl"
    if beads.exists() and (target.exists() or any(beads.iterdir())):
        return target
    beads.mkdir(parents=True, exist_ok=True)
    atomic.write(target, "\n".join(sample_lines()) + "\n")
    return target

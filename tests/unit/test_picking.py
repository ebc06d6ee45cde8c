"""Which bead is claimed next, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass

from bot.beads.model import Bead
from bot.packs.model import Pack
from bot.work.picking import candidates

PACK = Pack.model_validate({"id": "general", "title": "General"})


@dataclass(frozen=True)
class Agent:
    id: str = "w1"
    role: str = "implementor"
    labels: tuple[str, ...] = ("frontend",)
    repo: str = "/shop"


def bead(name: str, priority: int = 2, **more: object) -> Bead:
    values: dict[str, object] = {"repo": "/shop", "title": name, "status": "open", "issue_type": "task"}
    return Bead(id=name, priority=priority, **{**values, **more})  # type: ignore[arg-type]


def test_the_most_urgent_bead_that_fits_comes_first_and_the_others_say_why() -> None:
    ready = [
        bead("shop-1", 2),
        bead("shop-2", 1, labels=("backend",)),
        bead("shop-3", 1),
        bead("shop-4", 0),
        bead("shop-5", 0, paths=("apps/site/cart.js",)),
        bead("shop-6", 2, labels=("frontend",)),
    ]
    held = {("/shop", "shop-4"): "w2"}
    fitting, rejected = candidates(Agent(), ready, PACK, held=held, busy_paths=["apps/site/**"])
    assert [b.id for b in fitting] == ["shop-3", "shop-6", "shop-1"]
    assert dict(rejected) == {
        "shop-2": "is about backend, not frontend",
        "shop-4": "is held by w2",
        "shop-5": "touches files that another agent is at",
    }

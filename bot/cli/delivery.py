"""How a delivery is told to a person, and what exit code it has."""

from __future__ import annotations

from typing import Any

from bot.agents.delivery.model import PROVEN, exit_code_of
from bot.cli.terminal import Terminal


def outcome(terminal: Terminal, delivery: dict[str, Any]) -> int:
    """Print a delivery (contract.md section 1) and return the exit code that its status has."""
    terminal.show(delivery, lambda: "\n".join([sentence(delivery), *_notes(delivery)]))
    return exit_code_of(delivery["status"])


def _notes(delivery: dict[str, Any]) -> list[str]:
    """What was changed in the text before it was typed."""
    return [f"  {note}" for note in delivery.get("notes") or ()]


def sentence(delivery: dict[str, Any]) -> str:
    """One line: who, what became of it, the proof or the reason.

    >>> sentence({"delivery": "d1", "agent": "w1", "status": "refused", "evidence": None, "reason": "w1 is dead."})
    'w1 refused: w1 is dead. (d1)'
    """
    evidence, reason = delivery.get("evidence"), delivery.get("reason") or ""
    proof = f", proved by its {evidence['kind']}" if evidence and delivery["status"] in PROVEN else ""
    return f"{delivery['agent']} {delivery['status']}{proof}{': ' + reason if reason else ''} ({delivery['delivery']})"

"""What is written of an alert or a move, for agents to read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.mail.client import plain

# Agents read it between two steps of their work; it must not look like an order.
FOOT = "Automatic notice of maf. Keep on working; there is nothing to do."


@dataclass(frozen=True, slots=True)
class Letter:
    """A message before it has an address."""

    subject: str
    body: str


def of_alert(data: Mapping[str, Any]) -> Letter:
    """From the data of a quota alert: profile, window, title, percent, kind, level, resets_at, empties_at."""
    account, window, percent = plain(str(data["profile"])), plain(str(data["window"])), f"{data['percent']:.0f} %"
    title = plain(str(data["title"]))
    if data["kind"] == "recovery":
        happened = f"is back, {percent} used"
    elif data["level"] == "exhausted":
        happened = "is used up"
    else:
        happened = f"at {percent}"
    lines = [f"Account {account}, {title}: {percent} used."]
    if data["kind"] != "recovery" and data.get("empties_at"):
        lines.append(f"At this pace it is used up at {_time(data['empties_at'])}.")
    if data.get("resets_at"):
        lines.append(f"It resets at {_time(data['resets_at'])}.")
    return Letter(f"Quota: {account} {window} {happened}", "\n".join([*lines, "", FOOT]))


def of_move(agent: str, source: str, target: str, outcome: str, why: str) -> Letter:
    """From how a rotation ended: moved, returned, stuck or cut off."""
    if outcome == "moved":
        subject, first = f"{agent} moved to {target}", f"{agent} runs on {target} now; it was on {source}."
    elif outcome == "returned":
        subject, first = f"{agent} stays on {source}", f"{agent} could not be moved to {target} and is on {source}."
    elif outcome == "cut off":
        subject, first = f"The move of {agent} was cut off", f"{agent} was on its way from {source} to {target}."
    else:
        subject = f"{agent} does not answer"
        first = f"{agent} answers neither on {target} nor on {source}; a person has been told."
    return Letter(plain(subject), "\n".join([plain(first), f"Why: {plain(why) or 'not said'}", "", FOOT]))


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")

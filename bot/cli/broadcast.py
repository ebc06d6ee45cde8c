"""`maf broadcast …`: draft one prompt per agent, look at it, send it, follow it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from bot.agents.delivery.model import exit_code_of
from bot.cli import call
from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal, table
from bot.errors import DONE, NOT_CONFIRMED, REFUSED, WrongUsage

command = Group("broadcast", help="Draft one prompt per agent, look at it, send it, follow it.")
# Each agent has its own settle pause, evidence and queue; the bot goes on by itself when this command gives up.
APPLY_TIMEOUT_S = 600.0
STANDS_BY = {"standby", "skip"}


@command.command("draft")
@click.option("--only", metavar="ID,…", help="Only these agents.")
@click.option("--idle", is_flag=True, help="Only agents that are idle now.")
@pass_terminal
def draft(terminal: Terminal, only: str | None, idle: bool) -> None:
    """Plan a broadcast. Nothing is sent and nothing is claimed."""
    chosen = None if only is None else [word for word in only.replace(",", " ").split() if word]
    if chosen == []:
        # `--only "$AGENTS"` with an empty variable must not become a draft for everybody.
        raise WrongUsage("--only names no agent.", hint="Write --only w1,w2, or leave it out for all.")
    planned = call.act(terminal, "broadcast.draft", {"only": chosen, "idle_only": idle})
    terminal.show(planned, lambda: f"{lines(planned)}\n{_next(planned)}")


@command.command("show")
@click.argument("draft_id", metavar="D")
@pass_terminal
def show(terminal: Terminal, draft_id: str) -> None:
    """Show a draft with its prompts in full."""
    found = call.read(terminal, "broadcast.show", {"draft": draft_id})
    terminal.show(found, lambda: lines(found) + "".join(_prompt(item) for item in found["items"] if item["prompt"]))


@command.command("apply")
@click.argument("draft_id", metavar="D")
@click.option(
    "--item", "items", multiple=True, metavar="ID", help="Only this agent's prompt; may be given more than once."
)
@pass_terminal
def apply(terminal: Terminal, draft_id: str, items: Sequence[str]) -> int:
    """Send a draft: every item is checked again, its bead claimed, its prompt typed and proved."""
    params = {"draft": draft_id, "items": list(items) or None}
    done = call.act(terminal, "broadcast.apply", params, timeout=APPLY_TIMEOUT_S)
    terminal.show(done, lambda: lines(done))
    return exit_code(done["items"], items)


@command.command("cancel")
@click.argument("draft_id", metavar="D")
@pass_terminal
def cancel(terminal: Terminal, draft_id: str) -> None:
    """Discard a draft."""
    done = call.act(terminal, "broadcast.cancel", {"draft": draft_id})
    what = "what was sent of it stays sent" if any(i["delivery"] for i in done["items"]) else "nothing of it is sent"
    terminal.show(done, f"Draft {draft_id} is cancelled; {what}.")


@command.command("status")
@click.argument("draft_id", metavar="[D]", required=False)
@pass_terminal
def status(terminal: Terminal, draft_id: str | None) -> None:
    """Show how far a broadcast is, with the proof of each item; without D, the newest."""
    found = call.read(terminal, "broadcast.status", {"draft": draft_id})
    terminal.show(found, lambda: lines(found))


def _next(planned: dict[str, Any]) -> str:
    """What to do with a draft that has just been made."""
    if all(item["status"] != "drafted" for item in planned["items"]):
        return "There is nothing to send in it."
    return f"Send it: maf broadcast apply {planned['draft']}"


def exit_code(items: Sequence[dict[str, Any]], chosen: Sequence[str] = ()) -> int:
    """The worst of the items that were to be sent: refused before not confirmed before done."""
    sent = [i["status"] for i in items if i["action"] not in STANDS_BY and i["status"] != "skipped"]
    if chosen:
        sent = [i["status"] for i in items if i["agent"] in chosen]
    codes = {exit_code_of(status) for status in sent}
    return next((code for code in (REFUSED, NOT_CONFIRMED) if code in codes), DONE)


def lines(found: dict[str, Any]) -> str:
    rows = [[i["agent"], i["status"], i["action"], i["bead"] or "-", _proof(i) or i["reason"]] for i in found["items"]]
    head = f"Draft {found['draft']} · {found['status']} · pack {found['pack']}"
    return "\n".join([head, table(rows, ["AGENT", "STATUS", "ACTION", "BEAD", ""]), *found["notes"]])


def _proof(item: dict[str, Any]) -> str:
    delivery = item.get("delivery") or {}
    evidence = delivery.get("evidence")
    if evidence:
        return f"proved by its {evidence['kind']} at {evidence['at']}"
    return str(delivery.get("reason") or "")


def _prompt(item: dict[str, Any]) -> str:
    return f"\n\n--- {item['agent']} {item['bead'] or ''}\n{item['prompt'].rstrip()}"

"""`maf doctor`."""

from __future__ import annotations

import click

from bot.cli.checks import Check, all_checks
from bot.cli.command import command as make_command
from bot.cli.rights import for_persons
from bot.cli.terminal import Terminal, put
from bot.errors import DONE, REFUSED

MARKS = {"ok": "ok     ", "warning": "warning", "failure": "FAILURE"}


@make_command("doctor")
@click.option("--full", is_flag=True, help="Also type a prompt into a scratch agent and prove that it was taken.")
def command(terminal: Terminal, full: bool) -> int:
    """Check that everything maf needs is there and works."""
    if full:
        for_persons(terminal)
    checks = []
    for check in all_checks(terminal.home):
        checks.append(check)
        _print(terminal, check)
    if full:
        from bot.cli.scratch import prove_delivery

        checks.append(prove_delivery())
        _print(terminal, checks[-1])
    ok = all(check.status != "failure" for check in checks)
    terminal.show({"ok": ok, "checks": [check.as_dict() for check in checks]}, "" if ok else "Something needs mending.")
    return DONE if ok else REFUSED


def _print(terminal: Terminal, check: Check) -> None:
    """Each finding as it comes: some take seconds."""
    if terminal.json:
        return
    put(f"{MARKS[check.status]}  {check.name}: {check.detail}")
    if check.fix:
        put(f"         {check.fix}")

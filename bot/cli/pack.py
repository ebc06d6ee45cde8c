"""`maf pack …`: prompt packs. All but `use` reads files only."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from bot.cli import call
from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal, table

command = Group("pack", help="Prompt packs: what every prompt of a plan says.")


@command.command("list")
@pass_terminal
def list_packs(terminal: Terminal) -> None:
    """List the packs, yours and the shipped ones."""
    found = call.read(terminal, "pack.list")
    rows = [["*" if p.get("active") else "", p["id"], p["title"] or p.get("problem", "")] for p in found]
    terminal.show(found, lambda: table(rows, ["", "PACK", ""]))


@command.command("show")
@click.argument("pack_id", metavar="ID")
@pass_terminal
def show(terminal: Terminal, pack_id: str) -> None:
    """Show a pack."""
    import json

    found = call.read(terminal, "pack.show", {"id": pack_id})
    terminal.show(found, lambda: json.dumps(found, ensure_ascii=False, indent=2))


@command.command("use")
@click.argument("pack_id", metavar="ID")
@pass_terminal
def use(terminal: Terminal, pack_id: str) -> None:
    """Make a pack the active one."""
    done = call.act(terminal, "pack.use", {"id": pack_id})
    terminal.show(done, f"The active pack is now {pack_id}.")


@command.command("new")
@click.argument("pack_id", metavar="ID")
@pass_terminal
def new(terminal: Terminal, pack_id: str) -> None:
    """Begin a pack of your own from the template: .maf/packs/ID.json, for you to edit."""
    from bot.packs import Packs

    if not terminal.home.exists:
        raise call.NoHome(terminal.home)
    path = Packs(terminal.home).new(pack_id)
    check = f"maf pack validate {shlex.quote(str(path))}"
    text = f"Made {path}.\nEdit it, check it with `{check}`, then: maf pack use {pack_id}"
    terminal.show({"id": pack_id, "file": str(path)}, text)


@command.command("validate")
@click.argument("file", type=click.Path(path_type=Path))
@pass_terminal
def validate(terminal: Terminal, file: Path) -> None:
    """Check a pack file; what does not fit is named with its place in the file."""
    from bot.packs.library import read_pack

    pack = read_pack(file)
    terminal.show({"ok": True, "id": pack.id, "file": str(file)}, f"{file} is a good pack: {pack.id}.")

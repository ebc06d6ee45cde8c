"""`maf db …`: the store's schema, copies and soundness."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.call import NoHome
from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal
from bot.errors import DONE, REFUSED

if TYPE_CHECKING:
    from bot.home import Home
    from bot.settings import Settings

command = Group("db", help="The store: its schema, copies of it, its soundness.")


@dataclass(frozen=True, slots=True)
class State:
    """Revision of the store (None: there is none yet) and the newest that this maf knows."""

    current: str | None
    newest: str

    @property
    def words(self) -> str:
        if self.current is None:
            return "There is no store yet; maf up makes it."
        if self.current > self.newest:
            return f"At {self.current}: a newer maf made it, this one knows {self.newest}."
        return f"At {self.current}{', the newest' if self.current == self.newest else f' of {self.newest}'}."


def state(home: Home, settings: Settings) -> State:
    """Raises StoreUnreachable."""
    from bot.store import migrate

    return State(asyncio.run(migrate.current(settings.database(home))), migrate.head())


@command.command("upgrade")
@pass_terminal
def upgrade(terminal: Terminal) -> None:
    """Bring the store up to date; a SQLite file is copied aside first. Needs that no bot runs."""
    from bot.remote.lock import hold
    from bot.store import migrate

    url = _url(terminal)
    with hold(terminal.home.lock, "db upgrade"):
        done = asyncio.run(migrate.upgrade(url, terminal.home))
    copy = str(done.copy) if done.copy else None
    text = f"The store is at {done.after}" + (" already." if done.before == done.after else ".")
    terminal.show(
        {"before": done.before, "after": done.after, "copy": copy}, text + (f" The old one: {copy}" if copy else "")
    )


@command.command("current")
@pass_terminal
def current(terminal: Terminal) -> None:
    """Print the revision of the store and the newest one."""
    from bot.cli.sandbox_home import settings_of

    found = state(terminal.home, settings_of(terminal.home))
    terminal.show({"current": found.current, "newest": found.newest}, found.words)


@command.command("check")
@pass_terminal
def check(terminal: Terminal) -> int:
    """Look for damage, and for tables that are not those of this maf."""
    from bot.store import migrate

    problems = asyncio.run(migrate.check(_url(terminal)))
    terminal.show({"ok": not problems, "problems": problems}, "\n".join(problems) or "The store is sound.")
    return REFUSED if problems else DONE


@command.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_terminal
def backup(terminal: Terminal, file: Path) -> None:
    """Copy the store to FILE; the bot may run."""
    from bot.store import copies

    asyncio.run(copies.backup(_url(terminal), file.absolute()))
    terminal.show({"file": str(file)}, f"The store is copied to {file}.")


@command.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_terminal
def restore(terminal: Terminal, file: Path) -> None:
    """Put the copy in FILE back as the store; the present one is kept aside. Needs that no bot runs."""
    from bot.remote.lock import hold
    from bot.store import copies

    url = _url(terminal)
    with hold(terminal.home.lock, "db restore"):
        aside = asyncio.run(copies.restore(url, file.absolute(), terminal.home))
    value = {"restored": str(file), "copy": str(aside) if aside else None}
    terminal.show(value, f"{file} is the store now." + (f" The one before: {aside}" if aside else ""))


def _url(terminal: Terminal) -> str:
    from bot.cli.sandbox_home import settings_of

    if not terminal.home.exists:
        raise NoHome(terminal.home)
    return settings_of(terminal.home).database(terminal.home)

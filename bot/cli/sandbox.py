"""`maf sandbox`, and what `maf up` does without a token: everything of the product, with no account."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.command import command as make_command
from bot.cli.terminal import Terminal
from bot.errors import DONE, DependencyMissing, Refused

if TYPE_CHECKING:
    from bot.app import App
    from bot.sandbox.server import Sandbox

AGENTS = 3
PORT = 8642
IDLE_TIMEOUT_S = 30.0
# What the demo agents are good at, so that the sample's beads find different hands.
LABELS = (("frontend",), ("backend",), ("db", "docs"))


@make_command("sandbox")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the chat page; 0 takes any free one.")
@click.option("--agents", type=click.IntRange(0, 50), default=AGENTS, show_default=True, help="How many demo agents.")
@click.option("--no-browser", is_flag=True, help="Do not open the chat page.")
def command(terminal: Terminal, port: int | None, agents: int, no_browser: bool) -> int:
    """Try everything with no account: a chat page, a sample project, demo agents.

    Needs a home without a token; give it one of its own with --home.
    """
    from bot.cli.homemaking import make_home
    from bot.cli.up import settings_to_run
    from bot.remote.lock import hold

    home = terminal.home
    make_home(home, environment=os.environ)
    with hold(home.lock, "bot"):
        if settings_to_run(home).bot_token is not None:
            raise Refused(f"{home.root} has a bot token.", hint="Give the sandbox a home of its own: --home DIR")
        asyncio.run(run_sandbox(terminal, port=port, agents=agents, browser=not no_browser))
    return DONE


async def run_sandbox(terminal: Terminal, *, port: int | None, agents: int, browser: bool) -> None:
    """Server, chat page, sample project, `agents` demo agents and the bot, until a signal ends them.

    Raises DependencyMissing when the port is taken.
    """
    from bot.beads.sample import write_sample
    from bot.cli import sandbox_home
    from bot.cli.running import opened, serving

    home = terminal.home
    panes: list[App] = []
    server = await _start_server(terminal, port, panes)
    try:
        await asyncio.to_thread(write_sample, sandbox_home.project(home))
        settings = sandbox_home.sandbox_settings(home, sandbox_home.Server(server.token, server.key, server.port))
        async with opened(home, settings, background=True) as app:
            panes.append(app)
            await _pair_owner(app, server.owner)
            names = await _start_agents(terminal, app, agents, sandbox_home.project(home))
            async with serving(app) as leaving:
                await _until_idle(app, names, leaving)
                if not leaving.done():
                    _announce(terminal, server, browser)
                await leaving
            terminal.say("Stopping the demo agents …")
            await asyncio.gather(*(app.services.life.stop(name) for name in names))
    finally:
        await server.stop()
        (sandbox_home.folder(home) / "open.html").unlink(missing_ok=True)
    terminal.say("The sandbox has ended. `maf up` starts it again where it was.")


async def _start_server(terminal: Terminal, port: int | None, apps: list[App]) -> Sandbox:
    """Where it was last time, if that port is free; a port that was asked for, or an error."""
    from bot.cli import sandbox_home
    from bot.sandbox.server import Sandbox

    home = terminal.home
    last = sandbox_home.saved(home)

    async def panes() -> list[dict[str, Any]]:
        return _panes(apps[0]) if apps else []

    tries = [port] if port is not None else [last.port if last else PORT, 0]
    for number in tries:
        server = Sandbox(
            number,
            token=last.token if last else None,
            key=last.key if last else None,
            state_file=sandbox_home.folder(home) / "chats.json",
            panes=panes,
        )
        try:
            await server.start()
        except DependencyMissing:
            if number == tries[-1]:
                raise
            continue
        # Only now: its folder says that the sandbox has run here.
        await asyncio.to_thread(sandbox_home.folder(home).mkdir, mode=0o700, exist_ok=True)
        await asyncio.to_thread(sandbox_home.save, home, sandbox_home.Server(server.token, server.key, server.port))
        return server
    raise AssertionError("the last try either starts or raises")


def _panes(app: App) -> list[dict[str, Any]]:
    """The screens of the last look, for the chat page: it costs no question to tmux."""
    watch = app.services.watch
    shown = []
    for view in watch.views():
        look = watch.last(view.agent.id)
        text = look.screen.plain if look and look.screen else ""
        shown.append({"agent": view.agent.id, "state": str(view.state), "text": text})
    return shown


async def _pair_owner(app: App, user: int) -> None:
    """The person of the chat page owns this bot, by a code like any other."""
    from bot.sandbox.world import OWNER_NAME
    from bot.telegram.access import Role
    from bot.telegram.people import Access

    access = Access(app.services.store, app.services.clock)
    if await access.role_of(user) is Role.NOBODY:
        await access.redeem(await access.create_code(Role.OWNER), user_id=user, name=OWNER_NAME, chat_id=user)


async def _start_agents(terminal: Terminal, app: App, count: int, workdir: Path) -> list[str]:
    """Demo agents d1 … dN, made or started again, beside those that ran when the sandbox was cut off. -> their ids

    Where the machine has no room for one, the sandbox says so and goes on without it.
    """
    from bot.agents.life.service import NoRoom

    services = app.services
    names = [f"d{number}" for number in range(1, count + 1)]
    terminal.say(f"Starting {' '.join(names)} …")
    for agent, why in (await services.guardian.restore(patience=0)).failed.items():
        if agent not in names:
            terminal.say(f"{agent} did not start: {why}")
    looks = await services.watch.look(None)
    without: dict[str, str] = {}
    for index, name in enumerate(names):
        try:
            if name not in looks:
                labels = LABELS[index % len(LABELS)]
                await services.life.create("demo", agent_id=name, workdir=workdir, labels=labels)
            elif not looks[name].clis:
                await services.life.start(name)
        except NoRoom as error:
            without[name] = error.sentence
    if without:
        terminal.say(f"The sandbox goes on without {', '.join(without)}. {next(iter(without.values()))}")
    return [name for name in names if name not in without]


async def _until_idle(app: App, names: list[str], leaving: asyncio.Future[None]) -> None:
    deadline = time.monotonic() + IDLE_TIMEOUT_S
    while time.monotonic() < deadline and not leaving.done():
        states = {view.agent.id: str(view.state) for view in app.services.watch.views()}
        if all(states.get(name) == "idle" for name in names):
            return
        await asyncio.sleep(0.1)


def _announce(terminal: Terminal, server: Sandbox, browser: bool) -> None:
    if terminal.json:
        shape = {
            "page": server.page,
            "api": server.origin,
            "token": server.token,
            "key": server.key,
            "chat": server.owner,
            "owner": server.owner,
        }
        click.echo(json.dumps(shape))
        sys.stdout.flush()
        return
    click.echo(f"\nThe chat page:  {server.page}\n")
    click.echo("Send /broadcast-targeted there, tap Send, and watch the agents take their prompts.")
    click.echo("No token is set, so this is a sandbox: nothing leaves this machine. Ctrl-C ends it.")
    sys.stdout.flush()
    if browser and sys.stdout.isatty() and (sys.platform == "darwin" or os.environ.get("DISPLAY")):
        from bot.cli.browser import open_page
        from bot.cli.sandbox_home import folder

        open_page(server.page, folder(terminal.home) / "open.html")

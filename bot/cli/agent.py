"""`maf agent …`: the agents and what is typed to them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bot.cli import call
from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal, fields, table, write_picture
from bot.errors import DONE, NOT_CONFIRMED, REFUSED, DependencyMissing, Refused

command = Group(
    "agent",
    help="The agents: start them, look at them, send them work.",
    lazy={
        "send": ("bot.cli.agent_send", "Type a prompt to an agent and prove that it was taken."),
        "run": ("bot.cli.agent_run", "Run a command in a side window of an agent."),
        "planned": ("bot.cli.agent_planned", "See what the bot is going to do by itself, and decline it."),
        "explain": ("bot.cli.agent_explain", "Say why an agent counts as idle, working or waiting."),
    },
)
# A start waits for the CLI to show its composer; a stop asks, then insists.
LIFE_TIMEOUT_S = 120.0
NO_AGENTS = "There are no agents yet. Make one: maf agent create claude-worker"


@command.command("types")
@pass_terminal
def types(terminal: Terminal) -> None:
    """List the types an agent can have."""
    found = call.read(terminal, "agent.types")
    rows = [[one["name"], one["kind"], one["role"], one["description"]] for one in found]
    terminal.show(found, lambda: table(rows, ["TYPE", "KIND", "ROLE", ""]))


@command.command("create")
@click.argument("type_", metavar="TYPE")
@click.option("--id", "agent_id", metavar="ID", help="Its name; else the next free one, like w3.")
@click.option("--profile", metavar="P", help="The account it runs on.")
@click.option("--workdir", type=click.Path(path_type=Path), help="Where it works; else the project.")
@click.option("--label", "labels", multiple=True, metavar="L", help="What work fits it; may be given more than once.")
@click.option("--worktree", is_flag=True, help="Give it a git worktree of its own, on a new branch.")
@click.option("--no-start", is_flag=True, help="Register it only.")
@pass_terminal
def create(
    terminal: Terminal,
    *,
    type_: str,
    agent_id: str | None,
    profile: str | None,
    workdir: Path | None,
    labels: Sequence[str],
    worktree: bool,
    no_start: bool,
) -> None:
    """Make an agent of TYPE and start it."""
    params = {
        "type": type_,
        "id": agent_id,
        "profile": profile,
        "workdir": str(workdir.expanduser().absolute()) if workdir else None,
        "labels": list(labels),
        "start": not no_start,
        "worktree": worktree,
    }
    agent = call.act(terminal, "agent.create", params, timeout=LIFE_TIMEOUT_S)
    terminal.show(agent, lambda: f"{agent['id']} is {'made' if no_start else 'started'} ({agent['type']}).")
    if "profile_reason" in agent:
        terminal.say(agent["profile_reason"])


def _life(name: str, past: str, text: str) -> None:
    @command.command(name, help=text)
    @click.argument("agent_id", metavar="ID")
    @pass_terminal
    def one(terminal: Terminal, agent_id: str) -> None:
        answer = call.act(terminal, f"agent.{name}", {"id": agent_id}, timeout=LIFE_TIMEOUT_S)
        terminal.show(answer, f"{agent_id} is {past}.")
        if "profile_reason" in answer:
            terminal.say(answer["profile_reason"])


_life("start", "started", "Start an agent, with its last conversation.")
_life("stop", "stopped", "Ask an agent to leave; insist when it does not.")
_life("restart", "started again", "Stop an agent and start it again.")


@command.command("delete")
@click.argument("agent_id", metavar="ID")
@pass_terminal
def delete(terminal: Terminal, agent_id: str) -> None:
    """Stop an agent and forget it; what it had claimed and reserved is given back.

    Its worktree goes if nothing in it would be lost. An adopted agent is only let go.
    """
    done = call.act(terminal, "agent.delete", {"id": agent_id}, timeout=LIFE_TIMEOUT_S)
    words = [f"{agent_id} is gone."]
    words += [f"Given back: {', '.join(done['claims'])}."] if done["claims"] else []
    words += [f"File reservations released: {done['reservations']}."] if done["reservations"] else []
    words += [f"Its worktree: {done['worktree']}."] if done["worktree"] else []
    words += [f"Not let go: {problem}" for problem in done["problems"]]
    terminal.show(done, "\n".join(words))


@command.command("interrupt")
@click.argument("agent_id", metavar="ID")
@pass_terminal
def interrupt(terminal: Terminal, agent_id: str) -> int:
    """Stop what a working agent does now. Exit code 3: it still works, or text stands in its composer."""
    done = call.act(terminal, "agent.interrupt", {"id": agent_id}, timeout=LIFE_TIMEOUT_S)
    if not done["stopped"]:
        terminal.show(done, f"{agent_id} was asked to stop, and still works.")
    elif done["composer"] == "text":
        terminal.show(done, f"{agent_id} was interrupted. Text stands in its composer: maf agent capture {agent_id}")
    else:
        terminal.show(done, f"{agent_id} was interrupted.")
    return DONE if done["stopped"] and done["composer"] != "text" else NOT_CONFIRMED


@command.command("adopt")
@click.argument("pane", metavar="PANE")
@click.option("--type", "type_", required=True, metavar="T", help="What kind of agent it is.")
@click.option("--id", "agent_id", metavar="ID", help="Its name; else the next free one.")
@click.option("--socket", metavar="S", help="The tmux server of the pane: a name (default is your own) or a path.")
@click.option("--label", "labels", multiple=True, metavar="L", help="What work fits it; may be given more than once.")
@pass_terminal
def adopt(
    terminal: Terminal, *, pane: str, type_: str, agent_id: str | None, socket: str | None, labels: Sequence[str]
) -> None:
    """Take over an agent that you started yourself, in the tmux pane PANE (like %5)."""
    params = {"pane": pane, "type": type_, "id": agent_id, "socket": socket, "labels": list(labels)}
    agent = call.act(terminal, "agent.adopt", params)
    terminal.show(agent, lambda: f"{agent['id']} is the {agent['kind']} in pane {agent['pane']} ({agent['state']}).")


def _hold(name: str, one_is: str, more_are: str, text: str) -> None:
    @command.command(name, help=text)
    @click.argument("agent_id", metavar="[ID]", required=False)
    @pass_terminal
    def one(terminal: Terminal, agent_id: str | None) -> int:
        done = call.act(terminal, f"agent.{name}", {"id": agent_id})
        held = done["agents"]
        word = one_is if len(held) == 1 else more_are
        lines = [f"{', '.join(held)} {word}." if held else f"There is no agent to {name}."]
        terminal.show(done, "\n".join([*lines, *done["refused"].values()]))
        return REFUSED if done["refused"] else DONE


_hold(
    "freeze",
    "is held where it is",
    "are held where they are",
    "Hold an agent (without ID: all) where it is, with all that it runs.",
)
_hold("thaw", "goes on", "go on", "Let an agent (without ID: all that are held) go on.")


@command.command("list")
@pass_terminal
def list_agents(terminal: Terminal) -> None:
    """List the agents and what they do now."""
    agents = call.read(terminal, "agent.list")
    rows = [[a["id"], a["state"], a["type"], a["bead"] or "-", a["profile"] or "-", a["workdir"]] for a in agents]
    head = ["ID", "STATE", "TYPE", "BEAD", "PROFILE", "WORKDIR"]
    terminal.show(agents, lambda: table(rows, head) if rows else NO_AGENTS)


@command.command("show")
@click.argument("agent_id", metavar="ID")
@pass_terminal
def show(terminal: Terminal, agent_id: str) -> None:
    """Show all that is known of an agent."""
    agent = call.read(terminal, "agent.show", {"id": agent_id})
    terminal.show(agent, lambda: fields(agent))


@command.command("health")
@click.argument("agent_id", metavar="[ID]", required=False)
@pass_terminal
def health(terminal: Terminal, agent_id: str | None) -> None:
    """Show what the agents take of the machine, and what they have done."""
    found = call.read(terminal, "agent.health", {"id": agent_id}, timeout=LIFE_TIMEOUT_S)
    head = ["ID", "STATE", "CPU %", "MB", "PROCESSES", "UP", "CONTEXT", "TASKS", "PROMPTS", "WORKED", ""]
    terminal.show(found, lambda: table([_health_row(one) for one in found], head) if found else NO_AGENTS)


def _health_row(one: dict[str, Any]) -> list[str]:
    stats, context = one["stats"], one["context_percent"]
    numbers = [one["cpu_percent"], one["rss_mb"], one["processes"]]
    return [
        one["id"],
        one["state"],
        *("-" if number is None else f"{number:.0f}" for number in numbers),
        "-" if one["age_s"] is None else f"{one['age_s'] / 3600:.1f} h",
        "-" if context is None else f"{context} %",
        str(stats["tasks"]),
        str(stats["prompts"]),
        f"{stats['working_s'] / 3600:.1f} h",
        f"much {' and '.join(one['warnings'])}" if one["warnings"] else "",
    ]


@command.command("capture")
@click.argument("agent_id", metavar="ID")
@click.option("--lines", type=click.IntRange(0, 2000), default=0, help="Lines of history above the screen.")
@click.option("--png", type=click.Path(path_type=Path, dir_okay=False), help="Draw it into this file, in its colours.")
@pass_terminal
def capture(terminal: Terminal, agent_id: str, lines: int, png: Path | None) -> None:
    """Print the screen of an agent, or draw it."""
    answer = call.read(terminal, "agent.capture", {"id": agent_id, "lines": lines})
    if png is None:
        terminal.show(answer, lambda: answer["text"].rstrip("\n"))
        return
    from bot.agents.seeing.picture import png as drawn

    write_picture(png, drawn(answer["ansi"], answer["width"], cursor=answer["cursor"]))
    terminal.show({"agent": agent_id, "png": str(png)}, f"{agent_id} is drawn in {png}.")


@command.command("attach")
@click.argument("agent_id", metavar="ID")
@pass_terminal
def attach(terminal: Terminal, agent_id: str) -> None:
    """Look at an agent in this terminal; detach with the tmux prefix and d."""
    agent = call.read(terminal, "agent.show", {"id": agent_id})
    from bot.cli.sandbox_home import settings_of
    from bot.tmux.server import PERSONS, tmux_argv
    from bot.tmux.servers import split

    if not agent["pane"]:
        raise Refused(f"{agent_id} has no pane; it is {agent['state']}.", hint=f"Start it: maf agent start {agent_id}")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("This is no terminal to attach to.", hint=f"Print its screen: maf agent capture {agent_id}")
    server, pane = split(agent["pane"])
    socket = server or settings_of(terminal.home).tmux_socket
    inside = "TMUX" in os.environ and socket == PERSONS
    tmux = [*tmux_argv(socket), "switch-client" if inside else "attach-session", "-t", pane]
    if not inside:
        os.environ.pop("TMUX", None)
    try:
        os.execvp(tmux[0], tmux)  # noqa: S606 - this process becomes tmux
    except OSError as error:
        raise DependencyMissing("tmux is missing.", hint="Install tmux.") from error

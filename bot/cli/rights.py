"""Which commands an agent may use, by their words. What asks the bot is judged there, by the operation; here it is said
of those that act, or look, by themselves."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from bot.agents.caller import NotForAgents, own_caller
from bot.errors import DependencyMissing, RemoteError
from bot.remote import client

if TYPE_CHECKING:
    from bot.cli.terminal import Terminal

ASK_TIMEOUT_S = 5.0


class For(Enum):
    """`OPERATION`: bot/operations/rights.py says; `ALL`: it only looks; `PERSONS`: no agent may."""

    OPERATION = "operation"
    ALL = "all"
    PERSONS = "persons"


# A command that stands not in here is for persons; a test wants each of them named.
COMMANDS = {
    **dict.fromkeys(
        (
            *("pair", "people list", "people role", "people remove", "health", "audit", "cleanup", "task claim"),
            *("agent types", "agent create", "agent start", "agent stop", "agent restart", "agent delete"),
            *("agent interrupt", "agent adopt", "agent freeze", "agent thaw", "agent list", "agent show"),
            *("agent health", "agent capture", "agent send", "agent run", "agent explain", "agent planned"),
            *("broadcast draft", "broadcast show", "broadcast apply", "broadcast cancel", "broadcast status"),
            *("pack list", "pack show", "pack use", "bead ready", "bead show", "bead release"),
            *("quota status", "quota alerts", "quota mute", "quota chart", "quota export", "quota select"),
            *("quota rotate", "quota record", "quota profile list", "quota profile add", "quota profile edit"),
            *("quota profile remove", "hooks status", "hooks install", "hooks remove"),
        ),
        For.OPERATION,
    ),
    **dict.fromkeys(
        (
            *("pack validate", "logs tail", "quota line", "service status", "service logs", "db current", "db check"),
            "doctor",  # but for --full, which starts an agent
        ),
        For.ALL,
    ),
    **dict.fromkeys(
        (
            *("up", "init", "run", "demo", "sandbox", "agent attach", "pack new", "logs rotate", "service install"),
            *("service uninstall", "db upgrade", "db backup", "db restore"),
        ),
        For.PERSONS,
    ),
}


def check(terminal: Terminal, words: str) -> None:
    """Raises NotForAgents where an agent uses a command of persons, Sandboxed where that cannot be told."""
    if COMMANDS.get(words, For.PERSONS) is For.PERSONS:
        for_persons(terminal)


def for_persons(terminal: Terminal) -> None:
    """Raises NotForAgents where an agent has started this process. The bot knows of those that were adopted, too."""
    if own_caller(terminal.home.root).is_agent:
        raise NotForAgents()
    try:
        told = client.call(terminal.home.socket, "whoami", {}, timeout=ASK_TIMEOUT_S)
    except (DependencyMissing, RemoteError):  # no bot, none that answers, or an older one: our own look must do
        return
    if told.get("agent") is not None:
        raise NotForAgents()

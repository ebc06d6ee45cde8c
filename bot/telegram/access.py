"""Who may do what. The one table that /help, the menu, the handlers and the tests read (contract.md section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from aiogram.types import BotCommand


class Role(IntEnum):
    """Roles of a user id, never of a chat. Each one may do all that the ones before it may."""

    NOBODY = 0
    VIEWER = 1
    OPERATOR = 2
    SUPERVISOR = 3
    OWNER = 4

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def a(self) -> str:
        """`an owner`, `a viewer`: as it stands in a sentence."""
        return f"{'an' if self.word[0] in 'aeiou' else 'a'} {self.word}"

    @classmethod
    def of(cls, word: str) -> Role:
        """The role with that name. Raises ValueError, which names the ones there are."""
        try:
            return cls[word.strip().upper()]
        except KeyError:
            names = ", ".join(role.word for role in cls if role)
            raise ValueError(f"no role named {word}; there are: {names}") from None


@dataclass(frozen=True, slots=True)
class Command:
    """One command: hyphen spelling, the role it needs, its line in /help and the menu, and how to write it.

    `acts`: the command alone does something. A touch on a link or on an entry of the menu sends it alone, so one that
    acts is in no menu and never a link (bot.telegram.links); any other one asks or shows when it is sent alone.
    """

    name: str
    role: Role
    help: str
    group: str
    usage: str = ""
    in_menu: bool = True
    acts: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every way it may be written; Telegram publishes and marks only the underscore form."""
        return tuple(dict.fromkeys((self.name.replace("-", "_"), self.name)))

    @property
    def published(self) -> str:
        return self.name.replace("-", "_")


V, O, S = Role.VIEWER, Role.OPERATOR, Role.SUPERVISOR  # noqa: E741 - the columns of the table below

# In the order of the menu: what is used most stands first.
COMMANDS: tuple[Command, ...] = (
    Command("broadcast-targeted", O, "a prompt for each agent, for your tap", "Broadcast", "[auto] [idle | only a,b]"),
    Command("agents", V, "the board: who does what, who needs you", "Agents"),
    Command("tasks", V, "ready beads and who holds which", "Work"),
    Command("quota", V, "what is left of each account", "Quota", "[ACCOUNT]"),
    Command("send", O, "send a prompt to one agent", "Agents", "AGENT TEXT"),
    Command("capture", O, "the screen of an agent", "Agents", "AGENT [LINES] [picture]"),
    Command("broadcast", S, "one text to all agents, after asking", "Broadcast", "TEXT"),
    Command("broadcast-pack", V, "see or set the prompt pack", "Broadcast", "[show] [PACK]"),
    Command("broadcast-apply", S, "send the draft that stands here", "Broadcast", "[DRAFT]", acts=True),
    Command("broadcast-cancel", O, "discard the draft", "Broadcast", "[DRAFT]", acts=True),
    Command("review", S, "a review's verdict, or what waits for one", "Work", "[BEAD]"),
    Command("reviewer", O, "a note to the reviewer", "Work", "TEXT"),
    Command("claim", S, "give an agent its next bead", "Work", "AGENT [rotate]"),
    Command("agent", V, "one agent in full", "Agents", "AGENT"),
    Command("watch", O, "follow an agent's screen", "Agents", "AGENT"),
    Command("interrupt", O, "stop what an agent is doing now", "Agents", "AGENT"),
    Command("freeze", O, "hold an agent where it is, or all", "Agents", "AGENT | all"),
    Command("thaw", O, "let it go on, or all", "Agents", "AGENT | all"),
    Command("new", S, "a new agent", "Agents", "TYPE [ID]"),
    Command("stop", S, "end an agent", "Agents", "AGENT"),
    Command("restart", S, "start an agent again", "Agents", "AGENT"),
    Command("alerts", V, "quota alerts that stand", "Quota"),
    Command("mail", V, "Agent Mail", "Work", "[AGENT]"),
    Command("context", V, "how full each agent's context is", "Agents"),
    Command("health", V, "is everything up", "The bot"),
    Command("logs", V, "last lines of a log", "The bot", "[error | AGENT]"),
    Command("audit", V, "who did what", "The bot"),
    Command("settings", V, "settings; changing them is the owner's", "The bot"),
    Command("help", V, "what you can do here", "The bot"),
    Command("start", Role.NOBODY, "begin", "The bot", in_menu=False),
    Command("pair", Role.NOBODY, "join with a one-time code", "The bot", "CODE", in_menu=False),
)

# What is no command of its own: a button, or a command with a word after it.
ACTIONS: dict[str, Role] = {
    "draft.send": Role.SUPERVISOR,
    "draft.auto": Role.SUPERVISOR,
    "draft.edit": Role.OPERATOR,
    "draft.cancel": Role.OPERATOR,
    "pack.use": Role.SUPERVISOR,
    "delivery.screen": Role.OPERATOR,
    "delivery.enter": Role.OPERATOR,
    "delivery.resend": Role.SUPERVISOR,
    "delivery.leave": Role.OPERATOR,
    "delivery.call-off": Role.OPERATOR,
    "dialog.once": Role.OPERATOR,
    "dialog.no": Role.OPERATOR,
    "dialog.always": Role.OWNER,
    "bead.release": Role.SUPERVISOR,
    "self.decline": Role.OPERATOR,
    "self.allow": Role.SUPERVISOR,
    "quota.rotate": Role.SUPERVISOR,
    "quota.mute": Role.OPERATOR,
    "context.cycle": Role.SUPERVISOR,
    "mail.send": Role.OPERATOR,
    "settings.change": Role.OWNER,
    "pair.invite": Role.OWNER,
}

BY_NAME: dict[str, Command] = {command.name: command for command in COMMANDS}
ROLES: dict[str, Role] = {command.name: command.role for command in COMMANDS} | ACTIONS


def command_of(word: str) -> Command | None:
    """The command behind `/Broadcast_Targeted@bot`, in either spelling; None if there is none."""
    name = word.removeprefix("/").split("@", 1)[0].lower()
    return BY_NAME.get(name) or BY_NAME.get(name.replace("_", "-"))


def allowed(role: Role, what: str) -> bool:
    """May somebody with `role` do `what` (a command's name or a key of ACTIONS)? Raises KeyError for an unknown one."""
    return role >= ROLES[what]


def menu(role: Role = Role.OWNER) -> list[BotCommand]:
    """The menu for people with `role`, as setMyCommands takes it."""
    shown = (c for c in COMMANDS if c.in_menu and not c.acts and role >= c.role)
    return [BotCommand(command=c.published, description=c.help) for c in shown]

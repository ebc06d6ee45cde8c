"""The table of commands and the text of `maf --help`, without click: its import takes longer than all the rest."""

from __future__ import annotations

# name: (module, one line of help). The module is imported when the command is used, and holds `command`.
COMMANDS = {
    "up": ("bot.cli.up", "Set up what is missing and start the bot; with no token, a sandbox."),
    "init": ("bot.cli.init", "Make a home (.maf/) for this project."),
    "run": ("bot.cli.run", "Start the bot of an existing home, as a service does."),
    "demo": ("bot.cli.demo", "Show the main job once, with demo agents, and leave nothing behind."),
    "pair": ("bot.cli.pair", "Print a one-time code that gives a person a role."),
    "people": ("bot.cli.people", "Who may use the bot: look, give another role, shut out."),
    "sandbox": ("bot.cli.sandbox", "Try everything with no account."),
    "agent": ("bot.cli.agent", "The agents: start them, look at them, send them work."),
    "broadcast": ("bot.cli.broadcast", "Draft one prompt per agent, look at it, send it, follow it."),
    "pack": ("bot.cli.pack", "Prompt packs: what every prompt of a plan says."),
    "bead": ("bot.cli.bead", "The tasks (beads) that agents work on."),
    "health": ("bot.cli.health", "Count what matters: agents, prompts under way, messages."),
    "audit": ("bot.cli.audit", "Who did what, and how it ended."),
    "logs": ("bot.cli.logs", "The logs: their last lines, and setting large ones aside."),
    "task": ("bot.cli.task", "Claim the next bead for an agent."),
    "quota": ("bot.cli.quota", "What is left of each account, and which one serves next."),
    "cleanup": ("bot.cli.cleanup", "Remove what this home made and no longer wants."),
    "hooks": ("bot.cli.hooks", "Our hooks in the homes of Codex and Claude Code: put in, taken out."),
    "service": ("bot.cli.service", "Run maf for good: systemd units for the bot and the agents' tmux."),
    "db": ("bot.cli.db", "The store: its schema, copies of it, its soundness."),
    "doctor": ("bot.cli.doctor", "Check that everything maf needs is there and works."),
}

_HELP = """\
Usage: maf [--home DIR] [--json] COMMAND …

  Supervise a fleet of AI coding agents in tmux from your phone.

  Start with: maf up

Commands:
{commands}

Options (of every command):
  --home DIR  The home to work with; else $MAF_HOME, else the nearest .maf/ upward.
  --json      Print JSON.
  --help      Say what a command does.
  --version   Print the version.
"""


def text() -> str:
    width = max(map(len, COMMANDS))
    return _HELP.format(commands="\n".join(f"  {name:<{width}}  {line}" for name, (_, line) in COMMANDS.items()))

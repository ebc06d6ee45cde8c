"""Who calls: a person, or an agent, by the processes that the calling one comes from. Pure, but for `own_caller`.

An agent is told by its CLI among the ancestors, by the session of its pane, or by MAF_AGENT in the environment of the
caller or of any ancestor. This stops mistakes, and words that somebody put into an agent's context; it does not stop a
hostile program of the same user, which can write our files as well as we.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.errors import Refused
from bot.tmux.lineage import Lineage, Mark, lineage
from bot.tmux.processes import Process


class NotForAgents(Refused):
    """Agents may only look, and claim and run for themselves; this is for a person, in a terminal of no agent."""

    code = "not_for_agents"


@dataclass(frozen=True, slots=True)
class Caller:
    """`agent` is None for a person, "" for an agent that is another home's or cannot be told; `actor` is what the audit
    says."""

    agent: str | None
    actor: str
    processes: tuple[Process, ...] = ()

    @property
    def is_agent(self) -> bool:
        return self.agent is not None


@dataclass(frozen=True, slots=True)
class Owned:
    """Which agent some process is of: CLIs by (pid, start time), and sessions of panes that we made."""

    clis: Mapping[tuple[int, float], str]
    sessions: Mapping[int, str]


NOTHING = Owned({}, {})


def caller_of(
    line: Lineage, *, uid: int, home: Path, owned: Owned = NOTHING, above: Collection[Mark] = frozenset()
) -> Caller:
    """Who is at the lower end of a lineage. `above`: the marks of the bot's own lineage, for who runs a bot inside an
    agent, to work on maf itself, is that bot's person.

    Of several agents the one that is farthest up counts: what is below it came from it, whatever it says.
    """
    agent = _agent_of(line, home, owned, above)
    if agent is None:
        return Caller(None, f"cli:{_name(uid)}", line.processes)
    return Caller(agent, f"agent:{agent or 'unknown'}", line.processes)


def own_caller(home: Path) -> Caller:
    """Who has started this process."""
    return caller_of(lineage(os.getpid()), uid=os.getuid(), home=home)


def _agent_of(line: Lineage, home: Path, owned: Owned, above: Collection[Mark]) -> str | None:
    for process in reversed(line.processes):
        known = owned.clis.get((process.pid, process.starttime)) or owned.sessions.get(process.session)
        if known:
            return known
    marks = [mark for mark in line.marks if mark not in above]
    if marks:
        return marks[-1].agent if marks[-1].home == str(home) else ""
    return None if line.whole else ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a user by number alone, as containers have them
        return str(uid)

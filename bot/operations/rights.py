"""What an agent may have done, by the name of the operation: it may look, and do a few things for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.agents.caller import Caller, NotForAgents


@dataclass(frozen=True, slots=True)
class Right:
    """`reads`: it only looks, so everybody may, and no audit row is written. `own`: the parameter that names the agent
    it is done for, which must be the caller; `without`: what an agent must leave out even then."""

    reads: bool = False
    own: str = ""
    without: tuple[str, ...] = ()


READ = Right(reads=True)
PERSONS = Right()

# An operation that stands not in here is for persons; a test wants each of them named.
RIGHTS: Mapping[str, Right] = {
    "agent.types": READ,
    "agent.create": PERSONS,
    "agent.start": PERSONS,
    "agent.stop": PERSONS,
    "agent.restart": PERSONS,
    "agent.delete": PERSONS,
    "agent.list": READ,
    "agent.show": READ,
    "agent.health": READ,
    "agent.capture": READ,
    "agent.send": PERSONS,
    "agent.interrupt": PERSONS,
    "agent.explain": READ,
    "agent.adopt": PERSONS,
    "agent.run": Right(own="id"),
    "agent.freeze": PERSONS,
    "agent.thaw": PERSONS,
    "agent.planned": READ,
    "agent.decline": PERSONS,
    "agent.allow": PERSONS,
    "cleanup": PERSONS,
    "broadcast.draft": PERSONS,
    "broadcast.show": READ,
    "broadcast.apply": PERSONS,
    "broadcast.cancel": PERSONS,
    "broadcast.status": READ,
    "pack.list": READ,
    "pack.show": READ,
    "pack.use": PERSONS,
    "bead.ready": READ,
    "bead.show": READ,
    "bead.release": PERSONS,
    "quota.status": READ,
    "quota.text": READ,
    "quota.export": READ,
    "quota.alerts": READ,
    "quota.select": READ,
    "quota.chart": READ,
    "quota.record": PERSONS,
    "quota.mute": PERSONS,
    "quota.rotate": PERSONS,
    "profile.list": READ,
    "profile.add": PERSONS,
    "profile.edit": PERSONS,
    "profile.remove": PERSONS,
    # Another account, or one that is used up, is a person's to choose.
    "task.claim": Right(own="agent", without=("rotate", "forced")),
    "pair.create": PERSONS,
    "people.list": READ,
    "people.role": PERSONS,
    "people.remove": PERSONS,
    "hooks.status": READ,
    "hooks.install": PERSONS,
    "hooks.remove": PERSONS,
    "chats.closed": READ,
    "health": READ,
    "audit": READ,
    "ping": READ,
    "whoami": READ,
}


def reads(op: str) -> bool:
    """Whether it only looks."""
    return RIGHTS.get(op, PERSONS).reads


def check(caller: Caller, op: str, params: Mapping[str, Any]) -> None:
    """Raises NotForAgents where an agent asks for what it may not. A person may all that the command line offers."""
    if caller.agent is None:
        return
    right = RIGHTS.get(op, PERSONS)
    if right.reads:
        return
    if not right.own:
        raise NotForAgents()
    if not caller.agent or params.get(right.own) != caller.agent:
        name = caller.agent or "an agent of another home"
        raise NotForAgents(f"You are {name}, and an agent may have {op} done for itself alone.")
    if said := [name for name in right.without if params.get(name)]:
        raise NotForAgents(f"An agent may have {op} done for itself, but {said[0]} is for a person to say.")

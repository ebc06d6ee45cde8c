"""The registry: which agents there are. Rows in the store, and `agents.json` as a mirror for people and scripts."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Collection
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select

from bot import atomic
from bot.agents.model import Agent
from bot.agents.types import AgentType
from bot.clock import Clock, iso_seconds
from bot.errors import MAX_NAME, NotFound, Refused, WrongUsage
from bot.excerpt import clipped
from bot.home import Home
from bot.store import Store
from bot.store.complaint import Complaint
from bot.store.tables import AgentRow

log = logging.getLogger(__name__)

_ID = re.compile(r"[a-z][a-z0-9_-]{0,31}")
LONGEST_LABEL = 100  # as a pack takes them
# Words that stand where an id could stand, in commands and in drafts.
_RESERVED = frozenset({"all", "idle", "only", "auto", "none", "new"})


class Registry:
    """All agents of one home. One process writes at a time (the home's lock), so a copy is kept in memory."""

    def __init__(self, store: Store, home: Home, clock: Clock) -> None:
        self._store = store
        self._home = home
        self._clock = clock
        self._known: dict[str, Agent] | None = None
        self._lock = asyncio.Lock()
        self._unwritten = Complaint(log, f"{home.agents_mirror.name} cannot be written")

    async def all(self) -> list[Agent]:
        """Every agent, in the order of the ids (w2 before w10)."""
        return sorted((await self._load()).values(), key=lambda agent: natural(agent.id))

    async def get(self, agent_id: str) -> Agent:
        """Raises NotFound, which names the nearest ids."""
        known = await self._load()
        if agent_id not in known:
            raise NotFound.of("agent", agent_id, known)
        return known[agent_id]

    async def create(
        self,
        type_: AgentType,
        *,
        workdir: Path,
        session_prefix: str,
        agent_id: str | None = None,
        profile: str | None = None,
        labels: Collection[str] = (),
        description: str = "",
        max_agents: int | None = None,
        session: str | None = None,
        pane: str | None = None,
        pane_pid: int | None = None,
        worktree: bool = False,
    ) -> Agent:
        """Write the row of a new, stopped agent; one with a `pane_pid` is adopted.

        Raises WrongUsage (id, workdir) or Refused (taken, too many).
        """
        folder = await asyncio.to_thread(_existing, workdir)
        async with self._lock:
            known = await self._load()
            _check_room(known, type_, max_agents)
            chosen = _checked_id(agent_id, known) if agent_id else free_id(type_.prefix, known)
            agent = Agent(
                id=chosen,
                type=type_.name,
                kind=type_.kind,
                role=type_.role,
                description=description or type_.description,
                profile=profile,
                session=session or f"{session_prefix}-{chosen}",
                workdir=folder,
                labels=_checked_labels(labels),
                created_at=self._clock.now(),
                pane=pane,
                pane_pid=pane_pid,
                adopted=pane_pid is not None,
                worktree=worktree,
            )
            async with self._store.begin() as tx:
                tx.add(AgentRow(**_columns(agent)))
            known[agent.id] = agent
            await self._mirror()
        return agent

    async def update(self, agent_id: str, **changes: Any) -> Agent:
        """Change fields of one agent and return it as it is now. Raises NotFound."""
        async with self._lock:
            old = await self.get(agent_id)
            agent = replace(old, **changes)
            if agent == old:
                return old
            async with self._store.begin() as tx:
                row = await tx.get_one(AgentRow, agent_id)
                for name, value in _columns(agent).items():
                    setattr(row, name, value)
            (await self._load())[agent_id] = agent
            await self._mirror()
        return agent

    async def delete(self, agent_id: str) -> None:
        """Forget an agent. Raises NotFound."""
        async with self._lock:
            await self.get(agent_id)
            async with self._store.begin() as tx:
                await tx.execute(delete(AgentRow).where(AgentRow.id == agent_id))
            (await self._load()).pop(agent_id, None)
            await self._mirror()

    @property
    def loaded(self) -> bool:
        """Whether `all` and `get` answer from memory, without a transaction."""
        return self._known is not None

    async def _load(self) -> dict[str, Agent]:
        if self._known is None:
            async with self._store.begin() as tx:
                rows = (await tx.scalars(select(AgentRow))).all()
            if self._known is None:  # somebody else may have read them meanwhile, and changed his copy since
                self._known = {row.id: _agent(row) for row in rows}
        return self._known

    async def _mirror(self) -> None:
        """The rows count; a mirror that cannot be written undoes nothing of what was done."""
        agents = await self.all()
        try:
            await asyncio.to_thread(write_mirror, self._home.agents_mirror, agents)
        except OSError as error:
            self._unwritten.warn(str(error))
        else:
            self._unwritten.over()


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key that counts: w2 before w10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", name)]


def free_id(prefix: str, taken: Collection[str]) -> str:
    """The first of w1, w2, … that is free.

    >>> free_id("w", {"w1", "w3"})
    'w2'
    """
    number = 1
    while f"{prefix}{number}" in taken:
        number += 1
    return f"{prefix}{number}"


def _existing(workdir: Path) -> Path:
    folder = workdir.expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise WrongUsage(f"{folder} is a file, not a folder.", hint="Give the folder that the agent should work in.")
    if not folder.is_dir():
        raise WrongUsage(
            f"The folder {folder} does not exist.", hint="Give the folder that the agent should work in; make it first."
        )
    return folder


def _checked_id(agent_id: str, known: Collection[str]) -> str:
    if not _ID.fullmatch(agent_id) or agent_id in _RESERVED:
        raise WrongUsage(
            f"“{clipped(agent_id, MAX_NAME)}” cannot be an agent's id.",
            hint="Use a small letter, then letters, digits, - or _ (up to 32), like w1 or api-worker.",
        )
    if agent_id in known:
        raise Refused(f"There is an agent {agent_id} already.", hint="Choose another id, or leave it out.")
    return agent_id


def _check_room(known: dict[str, Agent], type_: AgentType, max_agents: int | None) -> None:
    if max_agents is not None and len(known) >= max_agents:
        raise Refused(
            f"{_there_are(len(known), 'agent')} already, and MAF_MAX_AGENTS allows {max_agents}.",
            hint="Delete one with maf agent delete ID, or raise MAF_MAX_AGENTS.",
        )
    same = sum(agent.type == type_.name for agent in known.values())
    if type_.limit is not None and same >= type_.limit:
        raise Refused(
            f"{_there_are(same, f'{type_.name} agent')} already, and that type allows {type_.limit}.",
            hint='Delete one with maf agent delete ID, or raise its "limit" in .maf/config/agent-types.json.',
        )


def _there_are(count: int, what: str) -> str:
    return f"There is 1 {what}" if count == 1 else f"There are {count} {what}s"


def _checked_labels(labels: Collection[str]) -> tuple[str, ...]:
    """Each once. Raises WrongUsage for one that no bead could share."""
    for label in labels:
        if not label.strip() or not label.isprintable() or len(label) > LONGEST_LABEL:
            raise WrongUsage(f"{label[:LONGEST_LABEL]!r} cannot be a label.", hint="Use a word like frontend.")
    return tuple(dict.fromkeys(label.strip() for label in labels))


def write_mirror(path: Path, agents: Collection[Agent]) -> None:
    """Write agents.json for the person and their scripts."""
    entries = [
        {
            "id": agent.id,
            "type": agent.type,
            "description": agent.description,
            "session": agent.session,
            "created_at": iso_seconds(agent.created_at),
            "status": agent.desired,
            "stats": agent.stats,
            "errors": agent.errors,
        }
        for agent in agents
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, json.dumps({"agents": entries}, indent=2, ensure_ascii=False) + "\n", mode=0o644)


# A row holds an agent field by field, but for those that a column has in another form.
def _agent(row: AgentRow) -> Agent:
    values = {field.name: getattr(row, field.name) for field in fields(Agent)}
    values |= {
        "workdir": Path(row.workdir),
        "transcript": Path(row.transcript) if row.transcript else None,
        "labels": tuple(row.labels),
        "crashes": tuple(datetime.fromisoformat(at) for at in row.crashes),
        "stats": dict(row.stats),
    }
    return Agent(**values)


def _columns(agent: Agent) -> dict[str, Any]:
    values = {field.name: getattr(agent, field.name) for field in fields(Agent)}
    return values | {
        "workdir": str(agent.workdir),
        "transcript": str(agent.transcript) if agent.transcript else None,
        "labels": list(agent.labels),
        "crashes": [at.isoformat() for at in agent.crashes],
        "stats": dict(agent.stats),
    }

"""The end of an agent for good: everything that it held is let go, in this one place."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.agents.delivery.service import Deliveries
from bot.agents.hooks.events import Hooks
from bot.agents.life import worktree
from bot.agents.life.service import Life
from bot.agents.model import Agent
from bot.agents.registry import Registry
from bot.errors import MafError
from bot.fleet.reservations import Reservations
from bot.fleet.resume import Resume
from bot.fleet.rotation import Rotation
from bot.fleet.self_actions import SelfActions
from bot.foreign import read_json
from bot.home import Home
from bot.notices import post
from bot.store import Store
from bot.store.tables import DeliveryRow
from bot.tmux.panes import Panes
from bot.work.claims import DELETED, Claims, OpenClaim

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of an agent. `reservations` is how many reservations of files were released; `problems` are things
    that could not be let go, each with its reason."""

    id: str
    claims: tuple[str, ...] = ()
    reservations: int = 0
    tree: worktree.Removed | None = None
    problems: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """{"id","deleted","claims","reservations","worktree","problems"}; worktree is null, "removed" or what keeps
        it."""
        tree = None
        if self.tree is not None:
            tree = f"{self.tree.path} is kept: {self.tree.kept}" if self.tree.kept else "removed"
            if self.tree.branch and not self.tree.kept:
                tree += f"; its commits are on branch {self.tree.branch}"
        return {
            "id": self.id,
            "deleted": True,
            "claims": list(self.claims),
            "reservations": self.reservations,
            "worktree": tree,
            "problems": list(self.problems),
        }


class Ending:
    """Ends agents for good."""

    def __init__(
        self,
        *,
        home: Home,
        store: Store,
        registry: Registry,
        life: Life,
        deliveries: Deliveries,
        rotation: Rotation,
        resume: Resume,
        actions: SelfActions,
        panes: Panes,
        hooks: Hooks,
        claims: Claims,
        reservations: Reservations,
    ) -> None:
        self._home = home
        self._store = store
        self._registry = registry
        self._life = life
        self._deliveries = deliveries
        self._rotation = rotation
        self._resume = resume
        self._actions = actions
        self._panes = panes
        self._hooks = hooks
        self._claims = claims
        self._reservations = reservations

    async def end(self, agent_id: str) -> Ended:
        """Stop it, forget it, and let go of all that is kept under its name: prompts on their way, moves, stops at a
        limit, claims, reservations, buffers, spooled hooks and files. What cannot be let go is named; it does not bring
        the agent back.

        Raises NotFound, TmuxGone, Moving.
        """
        await self._rotation.give_way(agent_id)
        # Before it is stopped: what waits for it would be told to start it. And once more below, for what came since.
        await self._deliveries.call_off(agent_id, f"{agent_id} is being deleted.")
        ended: list[Ended] = []

        async def let_go(agent: Agent) -> None:
            ended.append(await self._let_go(agent))

        await self._life.delete(agent_id, let_go=let_go)
        for problem in ended[0].problems:
            log.warning("%s was deleted, but not all it held: %s", agent_id, problem)
        return ended[0]

    async def _let_go(self, agent: Agent) -> Ended:
        problems: list[str] = []
        await self._deliveries.call_off(agent.id, f"{agent.id} is deleted.")
        await self._resume.forget(agent.id)
        await self._actions.forget(agent.id)
        claims = await self._release_claims(agent.id, problems)
        reservations = 0
        try:
            reservations = await self._reservations.let_go(agent)
        except MafError as error:
            problems.append(f"its reservations: {error.message}")
        if agent.started_at is not None:  # nothing was ever pasted into one that never ran
            try:
                for buffer in await self.buffers(agent.id):
                    await self._panes.delete_buffer(buffer)
            except MafError as error:
                problems.append(f"its paste buffers: {error.message}")
        tree = None
        if agent.worktree:
            try:
                tree = await worktree.remove(self._home.worktree(agent.id))
            except MafError as error:
                problems.append(f"its worktree: {error.message}")
        self._hooks.forget(agent.id)
        try:
            await asyncio.to_thread(self._files, agent.id)
        except OSError as error:
            problems.append(f"its files in run/: {error}")
        return Ended(agent.id, tuple(claims), reservations, tree, tuple(problems))

    async def finish(self) -> None:
        """What could not be let go when its agent ended: once more. Raises what still stands in the way of one of
        them, after the others."""
        trouble: MafError | None = None
        claims = await self._claims.all_open()
        # Read after them: who holds one of these and is not there now is gone, and not just made.
        agents = {agent.id for agent in await self._registry.all()}
        for claim in claims:
            if claim.agent in agents and claim.made_for != DELETED:
                continue
            if claim not in await self._claims.all_open():  # Beads took their time for the ones before
                continue
            try:
                await self._claims.release(claim.bead, claim.agent, DELETED, repo=claim.repo, asked=False)
                await self._say_free(claim)
            except MafError as error:
                trouble = error
        await self._reservations.release_left()
        if trouble is not None:
            raise trouble

    async def _say_free(self, claim: OpenClaim) -> None:
        """Whoever deleted the agent was told that its bead could not be given back."""
        text = f"{claim.bead} is free again: {claim.agent}, which was deleted, held it."
        async with self._store.begin() as tx:
            await post(tx, "text", {"text": text}, silent=True)

    async def buffers(self, agent_id: str | None = None) -> list[str]:
        """Paste buffers that stand for prompts of ours that are not under way (of one agent, or of all)."""
        names = await self._panes.buffers()
        if not names:
            return []
        wanted = select(DeliveryRow.id).where(
            DeliveryRow.id.in_(names), DeliveryRow.status.not_in(("intended", "typed"))
        )
        if agent_id is not None:
            wanted = select(DeliveryRow.id).where(DeliveryRow.id.in_(names), DeliveryRow.agent == agent_id)
        async with self._store.begin() as tx:
            return list(await tx.scalars(wanted))

    async def _release_claims(self, agent_id: str, problems: list[str]) -> list[str]:
        released = []
        for claim in await self._claims.of(agent_id):
            try:
                await self._claims.release(claim.bead, agent_id, DELETED, repo=claim.repo)
                released.append(claim.bead)
            except MafError as error:
                problems.append(f"{claim.bead}: {error.message}")
                await self._claims.mark(claim, DELETED)  # the next agent may have its name
        return released

    def _files(self, agent_id: str) -> None:
        self._home.agent_facts(agent_id).unlink(missing_ok=True)
        for name in (self._home.hooks_spool, self._home.hooks_spool.with_name("hooks.spool.1")):
            without(name, agent_id)


def without(spool: Path, agent_id: str) -> None:
    """Take the events of one agent out of a spool of hooks. A hook that writes meanwhile makes a new file."""
    taken = spool.with_name(f"{spool.name}.{os.getpid()}")
    try:
        spool.replace(taken)
    except FileNotFoundError:
        return
    kept = [line for line in taken.read_bytes().splitlines(keepends=True) if _agent_of(line) != agent_id]
    if kept:
        with spool.open("ab") as file:
            spool.chmod(0o600)
            file.writelines(kept)
    taken.unlink()


def _agent_of(line: bytes) -> object:
    try:
        event = read_json(line)
    except ValueError:
        return None
    return event.get("agent") if isinstance(event, dict) else None

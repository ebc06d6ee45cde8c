"""Moving a running agent to another account: its conversation goes with it, and it comes back if it does not answer.

Each step is written down before it is taken, so that a bot that was ended half-way brings the agent back at its next
start. Nothing is typed while an agent is moved.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from bot.agents.delivery.model import UNDER_WAY
from bot.agents.life.service import Life
from bot.agents.model import Agent
from bot.agents.registry import Registry
from bot.agents.state.watch import Watch
from bot.clis.homes import HOMES
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import MafError
from bot.fleet.accounts import Accounts, agent_on, reasons, stats_after
from bot.fleet.answering import answers, asks_a_person, conversation_of, free
from bot.fleet.handover import Handover, there
from bot.fleet.move import Move, Moving, NotIdle, NotMoved, Unanswered
from bot.fleet.move_rows import MoveRows
from bot.fleet.self_action import COME_BACK
from bot.fleet.self_actions import SelfActions
from bot.quota.service import Quota
from bot.store import Store
from bot.store.errors import trouble
from bot.store.patience import kept
from bot.store.tables import DeliveryRow, RotationRow

log = logging.getLogger(__name__)

ANSWERS_S = 45.0  # for a CLI to start and show the conversation
ASKED_S = 1800.0  # for a person to answer what it asks there at its start
AT_WORK = frozenset({State.WORKING, State.WAITING, State.COMPOSING})
CUT_OFF = "The bot was restarted on the way."
# From here on the agent does not run on its old profile any more.
TOUCHED = frozenset({"stopping", "switching", "starting", "verifying", "returning"})


async def _pass_by(_step: str) -> None:
    """The checkpoint of every day; a test gives one that fails."""


class Rotation:
    """Moves agents, one move per agent at a time."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        registry: Registry,
        watch: Watch,
        life: Life,
        accounts: Accounts,
        quota: Quota,
        handover: Handover,
        actions: SelfActions,
        mail: bool = False,
    ) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self._watch = watch
        self._life = life
        self._accounts = accounts
        self._quota = quota
        self._handover = handover
        self._actions = actions
        self._rows = MoveRows(store, clock, mail=mail)
        self.checkpoint = _pass_by
        self.answers_s, self.asked_s = ANSWERS_S, ASKED_S

    async def rotate(
        self, agent_id: str, by: str, *, to: str | None = None, reason: str = "", key: str | None = None
    ) -> Move:
        """Move an idle agent to the next profile (or to `to`). Raises NotMoved with what stands in the way; a move
        that failed brings the agent back, and up to `max_rotation_attempts` profiles are tried.

        `key`: of the message that announced it, which becomes the one about the move."""
        if self._accounts.is_moving(agent_id):
            raise NotMoved(f"{agent_id} is being moved already.")
        with self._accounts.moving(agent_id):
            return await self._rotate(agent_id, by, to, reason, key)

    async def _rotate(self, agent_id: str, by: str, to: str | None, reason: str, key: str | None) -> Move:
        await self._quota.fresh()
        attempts = 1 if to else self._quota.book.config().codex_profiles.max_rotation_attempts
        tried: frozenset[str] = frozenset()
        move: Move | None = None
        for _ in range(attempts):
            agent = await self._movable(agent_id)
            target, why = self._target(agent, to, tried)
            if target is None:
                if move is not None:
                    return move
                raise NotMoved(f"{agent_id} stays on {agent.profile}: {why}.", hint="Look: maf quota status")
            move = await self._move(agent, target, by, reason or self._why(agent), key)
            if move.outcome != "returned" or move.unanswered:
                return move
            tried |= {target}
        assert move is not None  # noqa: S101 - max_rotation_attempts is at least 1
        return move

    def _target(self, agent: Agent, to: str | None, tried: frozenset[str]) -> tuple[str | None, str]:
        """(where it goes, or none; why it goes nowhere)."""
        if to is None:
            choice = self._accounts.target(agent, tried=tried)
            return choice.profile, reasons(choice)
        if to == agent.profile:
            return None, "that is where it is"
        why = self._accounts.against(agent, to)
        return (None, f"{to} {why}") if why else (to, "")

    def _why(self, agent: Agent) -> str:
        status = self._quota.status(agent.profile)
        return (self._accounts.objection(status) if status else "") or "asked for"

    async def _movable(self, agent_id: str) -> Agent:
        """An agent that may be moved now. Raises NotFound, NotMoved."""
        agent = await self._registry.get(agent_id)
        if agent.kind not in HOMES or agent.profile is None or agent.adopted:
            raise NotMoved(f"{agent_id} has no profile that it could be moved from.")
        look = (await self._watch.look([agent_id])).get(agent_id)
        if look is None or not free(look):
            state = look.view.state if look else State.UNKNOWN
            raise NotIdle(f"{agent_id} is {state}; only an idle agent is moved.")
        async with self._store.begin() as tx:
            waiting = await tx.scalar(
                select(DeliveryRow.id).where(DeliveryRow.agent == agent_id, DeliveryRow.status.in_(UNDER_WAY))
            )
        if waiting is not None:
            raise NotIdle(f"{agent_id} has a prompt to take first.")
        found = await conversation_of(agent, look, self._accounts.setup(agent))
        if found is None:
            return await self._registry.get(agent_id)
        return await self._registry.update(agent_id, conversation=found.id, transcript=found.path)

    async def _move(self, agent: Agent, target: str, by: str, reason: str, key: str | None) -> Move:
        row = await self._rows.begin(agent, target, by, reason)
        try:
            await self._go(agent, target, row)
        except (MafError, OSError, DBAPIError) as error:
            detail = _why_not(error)
            log.warning("%s was not moved to %s: %s", agent.id, target, detail)
            return replace(await self._back(agent, row, detail), unanswered=isinstance(error, Unanswered))
        await kept(lambda: self._quota.take(target, agent.kind))
        log.info("%s moved from %s to %s: %s", agent.id, agent.profile, target, reason)
        return await self._rows.end(row, "moved", "", key=key)

    async def _go(self, agent: Agent, target: str, row: int) -> None:
        source_home, target_file = self._accounts.setup(agent).home, None
        moved = agent_on(agent, target)
        await self._life.see(moved)  # before anything is done to it
        if agent.transcript is not None and there(agent, source_home):
            await self._step(row, "copying")
            target_file = self._handover.place(agent, source_home, self._accounts.setup(moved).home)
            await self._handover.copy(agent.transcript, target_file, target)
        await self._step(row, "stopping")
        await self._still_free(agent.id, row)
        await self._life.stop(agent.id)
        if target_file is not None and agent.transcript is not None:
            # It may have written its last lines while it left.
            await self._step(row, "stopping")
            await self._handover.copy(agent.transcript, target_file, target)
        await self._step(row, "switching")
        await self._registry.update(agent.id, profile=target, transcript=target_file, stats=stats_after(agent, target))
        await self._step(row, "starting")
        await self._life.start(agent.id)
        await self._step(row, "verifying")
        await self._until_it_answers(agent.id)

    async def _still_free(self, agent_id: str, row: int) -> None:
        """A copy of gigabytes, or a store that was locked, takes its time, and somebody may have given it work since.
        Raises NotIdle."""
        look = (await self._watch.look([agent_id])).get(agent_id)
        if look is None or not free(look):
            await self._rows.step(row, "planned")  # nothing was done to it, so nothing is to be undone
            raise NotIdle(
                f"{agent_id} is {look.view.state if look else State.UNKNOWN} now; only an idle agent is moved."
            )

    async def _back(self, agent: Agent, row: int, detail: str, key: str | None = None) -> Move:
        """On its old profile again, as it was. `key`: of the message that says so; that it is stuck is to be heard."""
        if await self._rows.step_of(row) not in TOUCHED:
            return await self._rows.end(row, "returned", detail)
        await self._rows.step(row, "returning")
        try:
            await self._life.stop(agent.id)
            await self._registry.update(
                agent.id,
                profile=agent.profile,
                transcript=agent.transcript,
                conversation=agent.conversation,
                stats=dict(agent.stats),
            )
            await self._life.start(agent.id)
            await self._until_it_answers(agent.id)
        except (MafError, OSError, DBAPIError) as error:
            why = _why_not(error)
            return await self._rows.end(row, "stuck", f"{detail} And it does not answer on {agent.profile}: {why}")
        return await self._rows.end(row, "returned", detail, key=key)

    async def _until_it_answers(self, agent_id: str) -> None:
        """Its program in front, its input line free, and the conversation the one it had. What it asks at its start is
        on a card, and a person has half an hour for it. Raises NotMoved, Unanswered."""
        begun = self._clock.monotonic()
        deadline = begun + self.answers_s
        while True:
            agent = await self._registry.get(agent_id)
            look = (await self._watch.look([agent_id])).get(agent_id)
            missing = "its pane is gone" if look is None else await answers(agent, look, self._accounts.setup(agent))
            if not missing:
                return
            now, asks = self._clock.monotonic(), look is not None and asks_a_person(look)
            if asks and now - begun < self.asked_s:
                deadline = now + self.answers_s
            elif now >= deadline:
                kind = Unanswered if asks else NotMoved
                raise kind(f"It does not answer on {agent.profile}: {missing}.")
            await asyncio.sleep(0.3)

    async def _step(self, row: int, step: str) -> None:
        await self._rows.step(row, step)
        await self.checkpoint(step)

    async def give_way(self, agent_id: str) -> None:
        """Somebody starts, stops or deletes it: a move that a bot left half-way is over then, and what they say counts.
        Raises Moving while it is on its way."""
        if self._accounts.is_moving(agent_id):
            raise Moving(f"{agent_id} is being moved to another account.")
        for row in await self._rows.open(agent_id):
            await self._rows.end(row.id, "cut off", f"{CUT_OFF} Somebody has seen to it since.")

    async def resume(self) -> list[Move]:
        """After a restart of the bot: whoever was on the way is brought back, unless it works. Returns how it ended."""
        found = []
        await self._actions.cut_off(COME_BACK)
        for agent_id in {row.agent: None for row in await self._rows.open()}:
            with self._accounts.moving(agent_id):
                # Read again: it may have been started, stopped or deleted while others came back.
                found += [await self._come_back(row) for row in await self._rows.open(agent_id)]
        return found

    async def _come_back(self, row: RotationRow) -> Move:
        try:
            agent = await self._registry.get(row.agent)
        except MafError:
            return await self._rows.end(row.id, "returned", "The agent is gone.")
        look = (await self._watch.look([agent.id])).get(agent.id)
        if look is not None and look.clis and look.view.state in AT_WORK:
            where = "moved" if agent.profile == row.target else "returned"
            return await self._rows.end(row.id, where, f"{CUT_OFF} It works already.")
        if row.step not in TOUCHED:
            return await self._rows.end(row.id, "returned", CUT_OFF)
        wanted = {"source": row.source, "target": row.target, "step": row.step}
        action = await self._actions.announce(COME_BACK, agent.id, f"move {row.id}", data=wanted)
        await self._actions.begun(action)
        move = await self._back(_as_it_was(agent, row), row.id, CUT_OFF, action.key)
        await self._actions.end(action, failed=move.outcome == "stuck", outcome=move.detail)
        return move


def _as_it_was(agent: Agent, row: RotationRow) -> Agent:
    """The agent before that move; on the new account its CLI may have begun another conversation."""
    file = Path(row.source_file) if row.source_file else None
    return replace(agent_on(agent, row.source), conversation=row.conversation, transcript=file)


def _why_not(error: MafError | OSError | DBAPIError) -> str:
    known = trouble(error)
    return known.message if known is not None else str(error)

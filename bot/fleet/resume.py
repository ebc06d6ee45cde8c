"""Agents that stopped at a usage limit go on when it resets, with the bead they held, unless somebody declines it.

Each stop is a row, so that a reset which passes while no bot runs is not missed. Several agents of one account begin
one after another, for a fleet that wakes at once would be at the next limit at once. A Claude agent continues by
itself; it is only watched, and prompted when two minutes after the reset nothing has come of it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from bot.agents.delivery.model import FAILED
from bot.agents.delivery.service import Deliveries
from bot.agents.model import Agent, AgentView
from bot.agents.registry import Registry
from bot.agents.state.turn import Turn
from bot.agents.state.watch import Watch
from bot.beads.book import BeadsBook
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import MafError
from bot.fleet.go_on import GoOnPrompts
from bot.fleet.reset_time import banner_time
from bot.fleet.self_action import GO_ON, SelfAction
from bot.fleet.self_actions import SelfActions
from bot.notices import post
from bot.packs.library import Packs
from bot.quota.service import Quota
from bot.store import Store
from bot.store.audit import BOT, fingerprint
from bot.store.tables import LimitStopRow, RotationRow
from bot.work.claims import Claims

log = logging.getLogger(__name__)

APART_S = 40.0  # between two agents that go on after the same reset
OWN_WAY_S = 120.0  # for a Claude agent to continue by itself
AGAIN_S = 120.0  # until a prompt that could not be typed is tried again
UNKNOWN_RESET_S = 6 * 3600.0  # a limit of which nobody says when it ends is looked at again after this


class Resume:
    """Watches for stops, and ends them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        registry: Registry,
        watch: Watch,
        deliveries: Deliveries,
        quota: Quota,
        claims: Claims,
        packs: Packs,
        book: BeadsBook,
        actions: SelfActions,
    ) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self._watch = watch
        self._deliveries = deliveries
        self._quota = quota
        self._claims = claims
        self._prompts = GoOnPrompts(store, packs, book)
        self._actions = actions
        self._over: set[str] = set()  # agents whose limit has passed though their screens still show it
        self._explained: set[int] = set()  # stops whose account was seen to be used up

    def over(self, agent: str) -> bool:
        """Has the limit that this agent shows passed? Asked by the watch, so that it counts as idle again."""
        return agent in self._over

    def now(self) -> float:
        return self._clock.now().timestamp()

    async def tick(self) -> None:
        """Every few seconds: write new stops down and announce what follows, let those go on whose time has come."""
        views = {view.id: view for view in self._watch.views()}
        standing = {stop.agent for stop in await self._open()}
        for view in views.values():
            if view.state is State.LIMITED and view.id not in standing:
                await self._stopped(view)
            elif view.id in self._over and view.state in (State.WORKING, State.STOPPED, State.DEAD):
                self._over.discard(view.id)
        names, moving = {agent.id for agent in await self._registry.all()}, await self._moving()
        for stop in await self._open():
            if stop.agent not in names:
                await self._end(stop, "gone")
            elif stop.agent in views and stop.agent not in moving:
                try:
                    await self._look(stop, views[stop.agent])
                except MafError as error:  # the others go on
                    log.warning("%s could not go on after its limit: %s", stop.agent, error.message)

    async def forget(self, agent: str) -> None:
        """It is deleted: the next one of that name did not stop."""
        for stop in [stop for stop in await self._open() if stop.agent == agent]:
            await self._end(stop, "gone")
        self._over.discard(agent)

    async def _open(self) -> list[LimitStopRow]:
        async with self._store.begin() as tx:
            rows = await tx.scalars(select(LimitStopRow).where(LimitStopRow.outcome == "").order_by(LimitStopRow.id))
            return list(rows)

    async def _moving(self) -> set[str]:
        """Who is on the way to another account: stopped for a moment, and not for good."""
        async with self._store.begin() as tx:
            return set(await tx.scalars(select(RotationRow.agent).where(RotationRow.outcome == "")))

    def _turn(self, agent: str) -> Turn:
        """The present turn as its own files tell it."""
        look = self._watch.last(agent)
        return look.files.turn if look is not None else Turn()

    async def _stopped(self, view: AgentView) -> None:
        turn = self._turn(view.id)
        limited = turn if turn.phase == "limited" else Turn()
        since = limited.at or view.since
        resets = _latest(limited.resets_at, self._used_up_until(view.agent.profile, since))
        held = [claim.bead for claim in await self._claims.of(view.id)]
        async with self._store.begin() as tx:
            tx.add(
                LimitStopRow(
                    agent=view.id,
                    profile=view.agent.profile,
                    bead=held[0] if held else None,
                    stopped_at=since,
                    resets_at=resets if resets is not None else _on_screen(view, since),
                )
            )

    def _used_up_until(self, profile: str | None, since: datetime) -> float | None:
        """When the account can be used again: the last of the windows that were used up after `since` resets. It may
        have passed meanwhile."""
        ends = self._quota.used_up_until(profile)
        return ends if ends is not None and ends > since.timestamp() else None

    async def _look(self, stop: LimitStopRow, view: AgentView) -> None:
        if stop.delivery is not None:
            return await self._follow(stop, stop.delivery)
        if view.state is State.STOPPED:
            return await self._end(stop, "gone")
        if view.state is State.WORKING or self._went_on(stop):
            return await self._end(stop, "by itself")
        action = await self._announce(stop, view)
        if view.agent.profile != stop.profile:
            await self._go_on(stop, action)  # what stopped it does not hold it on another account
        elif stop.resume_at is None:
            await self._set_time(stop, view.agent)
        elif self.now() >= stop.resume_at:
            await self._go_on(stop, action)
        return None

    async def _announce(self, stop: LimitStopRow, view: AgentView) -> SelfAction:
        """What is going to be done, as far as it is known now."""
        due = _latest(stop.resume_at, stop.resets_at)
        return await self._actions.announce(
            GO_ON,
            stop.agent,
            _cause(stop),
            due_at=None if due is None else datetime.fromtimestamp(due, UTC),
            data={
                "bead": stop.bead,
                "profile": stop.profile,
                "moved_to": view.agent.profile if view.agent.profile != stop.profile else None,
                "resets_at": stop.resets_at,
                "own_way": view.agent.kind == "claude",
            },
        )

    def _went_on(self, stop: LimitStopRow) -> bool:
        """Did it end a turn after it was stopped, perhaps while nobody looked? (One that is begun may be no more than
        a command typed by a person; a real one is seen working.)"""
        turn = self._turn(stop.agent)
        return turn.phase == "idle" and turn.at is not None and turn.at > stop.stopped_at

    async def _set_time(self, stop: LimitStopRow, agent: Agent) -> None:
        """When it may go on, once its reset has passed or its account has room again."""
        now, status = self.now(), self._quota.status(stop.profile)
        if status is not None and status.reached:
            self._explained.add(stop.id)
        # Room counts only after the account was seen to be used up: a stop that its numbers do not explain would else
        # be met again and again. Nearly used up is no room: it may be what was read just before the stop.
        has_room = (
            stop.id in self._explained
            and status is not None
            and bool(status.windows)
            and not status.reached
            and not status.candidate.emergency
        )
        resets = _latest(stop.resets_at, self._used_up_until(stop.profile, stop.stopped_at))
        looked_at_again = resets if resets is not None else stop.stopped_at.timestamp() + UNKNOWN_RESET_S
        if now < looked_at_again and not has_room:
            if resets != stop.resets_at:
                await self._change(stop, resets_at=resets)
            return
        begins = now if has_room else looked_at_again
        first = max(now, begins + OWN_WAY_S) if agent.kind == "claude" else now
        await self._change(stop, resume_at=max(first, await self._last_time(stop.profile) + APART_S))

    async def _last_time(self, profile: str | None) -> float:
        """When the last one of that account goes on, or went."""
        async with self._store.begin() as tx:
            last = await tx.scalar(select(func.max(LimitStopRow.resume_at)).where(LimitStopRow.profile == profile))
        return float(last or 0.0)

    async def _go_on(self, stop: LimitStopRow, action: SelfAction) -> None:
        """Prompt it, unless it works already, a person is at it, or somebody declined."""
        self._over.add(stop.agent)
        if not self._actions.ready(action):
            return None
        view = await self._watch.fresh(stop.agent)
        if view.state is State.WORKING:
            self._over.discard(stop.agent)
            return await self._end(stop, "by itself")
        if view.state is not State.IDLE:
            return None  # a dialog, a human's text, a start under way: next time
        text = await self._prompts.of(view.agent, stop)
        async with self._store.begin() as tx:
            if not await self._actions.begin(tx, action, fingerprint(text)):
                return None
            delivery = await self._deliveries.create(
                tx, agent=stop.agent, text=text, created_by=BOT, notice_key=f"resume:{stop.id}"
            )
            (await tx.get_one(LimitStopRow, stop.id)).delivery = delivery.id
        await self._deliveries.run(delivery.id)
        return await self._follow(stop, delivery.id)

    async def _follow(self, stop: LimitStopRow, delivery_id: str) -> None:
        """What became of its prompt. One that was not typed is tried again; one without proof is the person's."""
        delivery = await self._deliveries.get(delivery_id)
        action = (await self._actions.standing(GO_ON, stop.agent)).get(_cause(stop))
        if delivery.status in FAILED:
            log.warning("%s could not go on after its limit: %s", stop.agent, delivery.reason)
            if action is not None:
                await self._actions.again(action, delivery.reason)
            await self._change(stop, delivery=None, resume_at=self.now() + AGAIN_S)
        elif delivery.final:
            if delivery.status == "unconfirmed":
                why = await self._why(stop)
                async with self._store.begin() as tx:
                    await post(tx, "delivery", {"delivery": delivery_id, "why": why}, key=delivery.notice_key)
            else:
                self._over.discard(stop.agent)  # the next limit that it shows is another one
            if action is not None:
                doubt = "the prompt was typed and is not confirmed" if delivery.status == "unconfirmed" else ""
                await self._actions.end(action, failed=bool(doubt), outcome=doubt)
            await self._end(stop, "prompted")

    async def _why(self, stop: LimitStopRow) -> str:
        """Why it was prompted, for the person who is to decide about the prompt."""
        if (await self._registry.get(stop.agent)).profile != stop.profile:
            return "It runs on another account now, so it was to go on."
        over = "is over" if stop.resets_at is not None else "may be over"
        return f"Its usage limit {over}, so it was to go on."

    async def _change(self, stop: LimitStopRow, **values: Any) -> None:
        async with self._store.begin() as tx:
            row = await tx.get_one(LimitStopRow, stop.id)
            for name, value in values.items():
                setattr(row, name, value)

    async def _end(self, stop: LimitStopRow, outcome: str) -> None:
        self._explained.discard(stop.id)
        await self._change(stop, outcome=outcome, ended_at=self._clock.now())
        standing = await self._actions.standing(GO_ON, stop.agent)
        if (action := standing.get(_cause(stop))) is not None:
            await self._actions.drop(action, outcome)


def _cause(stop: LimitStopRow) -> str:
    return f"limit {stop.id}"


def _latest(*times: float | None) -> float | None:
    return max((at for at in times if at is not None), default=None)


def _on_screen(view: AgentView, since: datetime) -> float | None:
    """What its own banner says, in the machine's zone as CLIs write it."""
    if view.reading is None or not view.reading.reset_at:
        return None
    return banner_time(view.reading.reset_at, since)

"""Agents that stopped at a usage limit go on when it resets, with the bead they held.

Each stop is a row, so that a reset which passes while no bot runs is not missed. Several agents of one account begin
one after another, for a fleet that wakes at once would be at the next limit at once. A Claude agent continues by
itself; it is only watched, and prompted when two minutes after the reset nothing has come of it.
"""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.agents.delivery.service import Deliveries
from bot.agents.model import Agent, AgentView
from bot.agents.registry import Registry
from bot.agents.state.watch import Watch
from bot.beads.book import BeadsBook
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import MafError
from bot.packs.library import Packs
from bot.packs.render import PromptContext, render_prompt
from bot.quota.service import Quota
from bot.store import Store
from bot.store.tables import LimitStopRow
from bot.work.claims import Claims

log = logging.getLogger(__name__)

APART_S = 40.0  # between two agents that go on after the same reset
OWN_WAY_S = 120.0  # for a Claude agent to continue by itself
UNKNOWN_RESET_S = 6 * 3600.0  # a limit of which nobody says when it ends is looked at again after this
PLAIN = "The usage limit that stopped you is over. Look at what is done already, then go on where you stopped."


_TIME = re.compile(r"\b(\d{1,2}):(\d{2})\s*([ap]m)?", re.IGNORECASE)


def clock_time(text: str, after: datetime) -> float | None:
    """Epoch seconds of the first such time of day after a moment, in that moment's zone: "8:32 AM", "14:20".

    >>> from datetime import UTC
    >>> clock_time("try again at 8:32 AM", datetime(2026, 5, 4, 9, 0, tzinfo=UTC))
    1777969920.0
    """
    match = _TIME.search(text)
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2]), (match[3] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        return None
    then = after.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (then if then > after else then + timedelta(days=1)).timestamp()


def _on_screen(view: AgentView) -> float | None:
    """What its own banner says, in the machine's zone as CLIs write it."""
    if view.reading is None or not view.reading.reset_at:
        return None
    return clock_time(view.reading.reset_at, view.since.astimezone())


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
    ) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self._watch = watch
        self._deliveries = deliveries
        self._quota = quota
        self._claims = claims
        self._packs = packs
        self._book = book
        self._over: set[str] = set()

    def over(self, agent: str) -> bool:
        """Has the limit that this agent shows passed? Asked by the watch, so that it counts as idle again."""
        return agent in self._over

    def now(self) -> float:
        return self._clock.now().timestamp()

    async def tick(self) -> None:
        """Every few seconds: write new stops down, let those go on whose time has come."""
        views = {view.id: view for view in self._watch.views()}
        stops = await self._open()
        standing = {stop.agent for stop in stops}
        for view in views.values():
            if view.state is State.LIMITED and view.id not in standing and not self.over(view.id):
                await self._stopped(view)
            elif view.id in self._over and view.state in (State.WORKING, State.STOPPED, State.DEAD):
                self._over.discard(view.id)
        for stop in await self._open():
            await self._look(stop, views.get(stop.agent))

    async def moved(self, agent_id: str) -> None:
        """It runs on another account now: what stopped it does not hold it any more."""
        for stop in await self._open():
            if stop.agent == agent_id:
                await self._go_on(stop)

    async def _open(self) -> list[LimitStopRow]:
        async with self._store.begin() as tx:
            rows = await tx.scalars(select(LimitStopRow).where(LimitStopRow.outcome == "").order_by(LimitStopRow.id))
            return list(rows)

    async def _stopped(self, view: AgentView) -> None:
        held = [claim.bead for claim in await self._claims.of(view.id)]
        async with self._store.begin() as tx:
            tx.add(
                LimitStopRow(
                    agent=view.id,
                    profile=view.agent.profile,
                    bead=held[0] if held else None,
                    stopped_at=view.since,
                    resets_at=self._resets_at(view.agent.profile) or _on_screen(view),
                )
            )

    def _resets_at(self, profile: str | None) -> float | None:
        """When the account can be used again: the last of its used-up windows resets."""
        status = self._quota.status(profile)
        full = [w.resets_at for w in status.windows.values() if w.main and w.reached] if status else []
        return max((at for at in full if at is not None), default=None)

    async def _look(self, stop: LimitStopRow, view: AgentView | None) -> None:
        if view is None or view.state in (State.STOPPED, State.DEAD):
            await self._end(stop, "gone")
        elif view.state is State.WORKING:
            await self._end(stop, "by itself")
        elif stop.resume_at is None:
            await self._set_time(stop, view.agent)
        elif self.now() >= stop.resume_at:
            await self._go_on(stop)

    async def _set_time(self, stop: LimitStopRow, agent: Agent) -> None:
        """When it may go on, once its reset has passed or its account has room again."""
        now, resets = self.now(), stop.resets_at or self._resets_at(stop.profile)
        status = self._quota.status(stop.profile)
        # Room counts only after the account was seen to be used up: a stop that its numbers do not explain would else
        # be met again and again. Nearly used up is no room: it may be what was read just before the stop.
        roomy = status is not None and bool(status.windows) and not status.reached and not status.candidate.emergency
        has_room = stop.resets_at is not None and roomy
        if resets is None and not has_room:
            resets = stop.stopped_at.timestamp() + UNKNOWN_RESET_S
        if resets is not None and now < resets and not has_room:
            if resets != stop.resets_at:
                await self._change(stop, resets_at=resets)
            return
        begin = max(now, resets or now) if not has_room else now
        ahead = [s for s in await self._open() if s.profile == stop.profile and s.resume_at is not None]
        first = begin + (OWN_WAY_S if agent.kind == "claude" else 0.0)
        after = max((s.resume_at + APART_S for s in ahead if s.resume_at is not None), default=first)
        await self._change(stop, resume_at=max(first, after))

    async def _go_on(self, stop: LimitStopRow) -> None:
        """Prompt it, unless it works already or a person is at it."""
        self._over.add(stop.agent)
        try:
            view = await self._watch.fresh(stop.agent)
            if view.state is State.WORKING:
                self._over.discard(stop.agent)
                return await self._end(stop, "by itself")
            if view.state is not State.IDLE:
                return None  # a dialog, a human's text, a start under way: next time
            text = await self._prompt(view.agent, stop.bead)
            async with self._store.begin() as tx:
                delivery = await self._deliveries.create(
                    tx, agent=stop.agent, text=text, created_by="schedule", notice_key=None
                )
                row = await tx.get_one(LimitStopRow, stop.id)
                row.delivery, row.outcome, row.ended_at = delivery.id, "prompted", self._clock.now()
            await self._deliveries.run(delivery.id)
        except MafError as error:
            log.warning("%s could not go on after its limit: %s", stop.agent, error.message)
        return None

    async def _prompt(self, agent: Agent, bead_id: str | None) -> str:
        """The same words as a broadcast has for a bead that goes on."""
        if bead_id is None:
            return PLAIN
        try:
            async with self._store.begin() as tx:
                name = await self._packs.active(tx)
            beads = await self._book.for_workdir(agent.workdir)
            bead = await beads.show(bead_id)
            return render_prompt(
                self._packs.get(name), agent, bead, "resume", PromptContext(beads_writable=beads.writable)
            )
        except MafError as error:
            log.warning("the prompt for %s is a plain one: %s", agent.id, error.message)
            return f"{PLAIN} Your task is {bead_id}."

    async def _change(self, stop: LimitStopRow, **values: float | str | datetime | None) -> None:
        async with self._store.begin() as tx:
            row = await tx.get_one(LimitStopRow, stop.id)
            for name, value in values.items():
                setattr(row, name, value)

    async def _end(self, stop: LimitStopRow, outcome: str) -> None:
        await self._change(stop, outcome=outcome, ended_at=self._clock.now())

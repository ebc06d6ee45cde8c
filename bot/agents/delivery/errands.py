"""The ways a delivery goes: typed and proven, waiting for a busy agent, picked up after a restart."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from bot.agents.delivery.composer import Standing, standing
from bot.agents.delivery.model import Delivery
from bot.agents.delivery.proving import Prover
from bot.agents.delivery.recovery import after_restart
from bot.agents.delivery.rows import DeliveryRows
from bot.agents.delivery.second_look import cut_off, may_enter, not_now, unsent
from bot.agents.delivery.trail import Trail, trail_of
from bot.agents.delivery.typist import Typed, Typist
from bot.agents.registry import Registry
from bot.agents.state.watch import Look, Watch
from bot.checkpoint import Checkpoint
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import MafError, Refused
from bot.tmux.panes import Panes

IDLE_HOLDS_S = 1.0  # between two tools an agent looks idle for a moment; a queued prompt waits that long
LOST_S = 5.0  # for a tmux server that went away to come back
RESTARTED = "The bot was restarted."
STARTS_S = 20.0  # for an agent that is starting, after a restart of everything


class Errands:
    """Does the work of `Deliveries`; each method ends with the delivery at a final status, written."""

    def __init__(
        self,
        registry: Registry,
        watch: Watch,
        panes: Panes,
        rows: DeliveryRows,
        clock: Clock,
        *,
        checkpoint: Checkpoint,
        background: bool,
    ) -> None:
        self._registry = registry
        self._watch = watch
        self._rows = rows
        self._clock = clock
        self._background = background
        self._typist = Typist(watch, panes, rows, checkpoint, over=self._over)
        self._prover = Prover(watch, panes, rows, clock, checkpoint, held=self._is_held)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._lines: defaultdict[str, list[str]] = defaultdict(list)  # of each agent, who waits for it, the first first
        self._queued: dict[str, asyncio.Event] = {}
        self._trails: dict[str, Trail] = {}
        self._called_off: dict[str, str] = {}  # prompts that are not to be typed any more, and why

    def call_off(self, delivery_id: str, reason: str) -> None:
        """Its job ends it as refused, if it has not been typed yet; the first reason counts."""
        self._called_off.setdefault(delivery_id, reason)

    def _over(self, delivery: Delivery) -> str:
        """Why it is not to be typed any more, whatever its agent does; empty if it still may."""
        if why := self._called_off.get(delivery.id):
            return why
        if delivery.called_off_by:
            return f"{delivery.called_off_by} called it off."
        late = delivery.expires_at is not None and self._clock.now() >= delivery.expires_at
        return "Its time was up." if self._background and late else ""

    async def close(self) -> None:
        await self._typist.close()

    async def until_queued(self, delivery_id: str) -> None:
        """Until this delivery waits for a busy agent, here or in the agent's own queue."""
        event = self._queued.setdefault(delivery_id, asyncio.Event())
        try:
            await event.wait()
        finally:
            if not event.is_set():
                self._queued.pop(delivery_id, None)

    async def deliver(self, delivery: Delivery, wait: float) -> Delivery:
        """From `intended` or `queued` to a final status; `wait` bounds it (seconds) where no bot runs."""
        line = self._lines[delivery.agent]
        deadline = self._clock.monotonic() + wait
        if delivery.mode == "idle":
            line.append(delivery.id)
        try:
            while True:
                if delivery.mode == "now" or line[0] == delivery.id:
                    done, reason = await self._attempt(delivery)
                    if done is not None:
                        return done
                elif why := self._over(delivery):  # it need not wait for those before it
                    return await self._end(delivery, "refused", f"{why} Nothing was typed.")
                else:
                    reason = f"{delivery.agent} has another prompt to take first."
                if not self._background and self._clock.monotonic() >= deadline - 0.05:
                    return await self._end(delivery, "refused", f"{reason} Nothing was typed.")
                delivery = await self._queue(delivery, reason)
                await self._wait_free(delivery, deadline)
        finally:
            if delivery.id in line:
                line.remove(delivery.id)
            self._queued.pop(delivery.id, None)
            self._called_off.pop(delivery.id, None)

    async def recover(self, delivery: Delivery, wait: float) -> Delivery:
        """A delivery `intended` or `typed` before a restart: look what became of it, then go on."""
        async with self._locks[delivery.agent]:
            found = await self._recover(delivery)
        return found if found is not None else await self.deliver(delivery, wait)

    async def press_enter(self, delivery: Delivery) -> Delivery:
        """The one Enter, where the person asks for it. Raises Refused."""
        async with self._locks[delivery.agent]:
            look = await self._look(delivery)
            if look is None or may_enter(look, delivery) != "yes":
                raise Refused(not_now(look, delivery.agent))
            return await self._enter(delivery, look, by_hand=True)

    async def evidence_now(self, delivery: Delivery) -> Delivery | None:
        """Has it arrived after all? Recorded then."""
        trail = await self._trail(delivery)
        proof = await asyncio.to_thread(trail.read, search=True)
        return await self._prover.record(delivery, trail, proof) if proof.submitted else None

    async def follow(self, delivery: Delivery) -> Delivery:
        """From submitted to started."""
        return await self._prover.follow(delivery, await self._trail(delivery))

    async def late(self, delivery: Delivery) -> Delivery:
        """Unconfirmed: evidence may still come."""
        return await self._prover.late(delivery, await self._trail(delivery))

    async def _attempt(self, delivery: Delivery) -> tuple[Delivery | None, str]:
        """Type it now if that may be; (None, why) when the agent is busy."""
        async with self._locks[delivery.agent]:
            typed = await self._typist.type(delivery)
            if typed.outcome == "busy" or (typed.outcome == "refused" and typed.passes and delivery.status == "queued"):
                return None, typed.reason
            return await self._finish(delivery, typed), ""

    async def _finish(self, delivery: Delivery, typed: Typed) -> Delivery:
        if typed.trail is not None:
            self._trails[delivery.id] = typed.trail
        if typed.outcome == "entered" and typed.trail is not None:
            typed.trail.entered_at = self._clock.now()
            proven = await self._prover.prove(delivery, typed.trail)
            if proven.status == "started":
                self._trails.pop(delivery.id, None)
            return proven
        if typed.outcome == "held" and typed.trail is not None:
            return await self._left(delivery, typed.trail, typed.reason)
        if typed.outcome == "lost":
            return await self._after_loss(await self._rows.get(delivery.id), typed.reason)
        return await self._end(delivery, "refused", typed.reason)

    async def _after_loss(self, delivery: Delivery, reason: str) -> Delivery:
        """tmux went away between paste and Enter: what stands in the pane decides."""
        begun = self._clock.monotonic()
        while self._clock.monotonic() - begun < LOST_S:
            if await self._look(delivery) is not None:
                found = await self._recover(delivery, _sentence(reason))
                return found or await self._end(delivery, "failed", f"{_sentence(reason)} Nothing was sent.")
            await asyncio.sleep(0.5)
        doubt = f"{_sentence(reason)} It is not known whether the text arrived."
        return await self._end(delivery, "unconfirmed", doubt)

    async def _recover(self, delivery: Delivery, why: str = RESTARTED) -> Delivery | None:
        """What became of it after it was cut off (`why`); None: nothing was typed, and it may be done anew."""
        trail = await self._trail(delivery)
        empty_once = False
        begun = self._clock.monotonic()
        while True:
            proof = await asyncio.to_thread(trail.read, search=True)
            if (settled := await self._prover.settled(delivery, trail, proof)) is not None:
                return settled
            look = await self._look(delivery)
            waited = self._clock.monotonic() - begun
            unseen = look is None and waited < LOST_S  # tmux cannot be asked: that says nothing about the pane
            if unseen or (look is not None and look.view.state is State.STARTING and waited < STARTS_S):
                await asyncio.sleep(0.3)
                continue
            stands, dialog, running = _seen(look, delivery)
            entered = proof.entered
            verdict = after_restart(delivery.status, stands=stands, dialog=dialog, running=running, entered=entered)
            if verdict == "enter" and look is not None and may_enter(look, delivery) == "yes":
                if over := self._over(delivery):
                    return await self._prover.prove(
                        delivery, trail, enters=3, give_up=0.0, reason=unsent(delivery, over)
                    )
                return await self._enter(delivery, look)
            empty = verdict in ("again", "wait")
            if empty and (empty_once or not running):
                return None if verdict == "again" else await self._prover.prove(delivery, trail, enters=3)
            if not empty and waited > 2.0:
                return await self._left(delivery, trail, cut_off(look, delivery, why))
            # A paste that was under way may show only now, and a program that draws anew shows an empty composer for a
            # moment: look once more before it counts as empty.
            empty_once = empty
            await asyncio.sleep(0.7)

    async def _left(self, delivery: Delivery, trail: Trail, reason: str) -> Delivery:
        """No Enter from us; the person at the terminal may have pressed it."""
        return await self._prover.prove(delivery, trail, enters=3, give_up=0.0, reason=reason)

    async def _enter(self, delivery: Delivery, look: Look, *, by_hand: bool = False) -> Delivery:
        trail = await asyncio.to_thread(trail_of, self._watch, look, delivery)
        if delivery.status != "typed":
            delivery = await self._rows.change(delivery.id, status="typed", reason="")
        return await self._finish(delivery, await self._typist.enter(delivery, look, trail, by_hand=by_hand))

    async def _queue(self, delivery: Delivery, reason: str) -> Delivery:
        if not self._background:
            return delivery
        delivery = await self._rows.get(delivery.id)
        if delivery.status != "queued" or delivery.reason != reason:
            delivery = await self._rows.change(delivery.id, status="queued", reason=reason)
        self._is_held(delivery)
        return delivery

    def _is_held(self, delivery: Delivery) -> None:
        """It waits, for us or in the CLI's own queue: who asked need not stay."""
        self._queued.setdefault(delivery.id, asyncio.Event()).set()

    async def _wait_free(self, delivery: Delivery, deadline: float) -> None:
        """Until the agent seems free, or something else is to be decided (its end, the prompt's time)."""
        while True:
            await self._watch.ticked(1.0)
            if self._over(delivery) or (not self._background and self._clock.monotonic() >= deadline):
                return
            look = self._watch.last(delivery.agent)
            if look is None or delivery.mode == "now":
                return
            if delivery.mode == "idle" and self._lines[delivery.agent][0] != delivery.id:
                continue
            held = (self._clock.now() - look.view.since).total_seconds()
            if look.view.state in (State.DEAD, State.STOPPED):
                return
            if look.view.state in (State.IDLE, State.ERROR) and held >= IDLE_HOLDS_S:
                return

    async def _end(self, delivery: Delivery, status: str, reason: str) -> Delivery:
        values: dict[str, Any] = {"status": status, "reason": reason}
        return await self._rows.change(delivery.id, **values)

    async def _look(self, delivery: Delivery) -> Look | None:
        try:
            return (await self._watch.look([delivery.agent])).get(delivery.agent)
        except MafError:
            return None

    async def _trail(self, delivery: Delivery) -> Trail:
        """The trail that was begun before the paste, or a new one that searches from the beginning."""
        if (known := self._trails.pop(delivery.id, None)) is not None:
            return known
        agent = await self._registry.get(delivery.agent)
        return Trail(agent, self._watch.profiles(agent), delivery, path=None, announced=self._watch.announced)


def _sentence(reason: str) -> str:
    return reason if reason.endswith(".") else f"{reason}."


def _seen(look: Look | None, delivery: Delivery) -> tuple[Standing, bool, bool]:
    """(what stands in the composer, whether a question is open, whether its program runs)"""
    if look is None or not look.clis or look.reading is None:
        return "absent", False, False
    if look.view.state is State.FROZEN:
        return "absent", False, True  # its screen is of before: the text may wait unread
    dialog = look.reading.dialog is not None or look.view.state is State.WAITING
    return standing(look.reading.composer, delivery.text), dialog, True

"""From Enter to proof: wait for the CLI's own record, press Enter again where it did nothing, never paste."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.agents.delivery import verdicts
from bot.agents.delivery.evidence import Proof, evidence_kind, has_ref
from bot.agents.delivery.model import Delivery
from bot.agents.delivery.rows import DeliveryRows
from bot.agents.delivery.second_look import may_enter
from bot.agents.delivery.trail import Trail
from bot.agents.state.watch import Look, Watch
from bot.checkpoint import Checkpoint
from bot.clis.kinds import cli_for
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import MafError
from bot.tmux.panes import Panes

ENTER_AGAIN_S = 3.0
ENTERS = 3  # the first one and at most two more
GIVE_UP_S = 15.0
QUEUED_S = 600.0  # the CLI has it in its own queue and takes it when its turn is over
STARTED_S = 600.0
COMMAND_S = 10.0
LATE_S = 3600.0
ENDED_S = 2.0  # for what was written last to be read, where nothing more is to come
SOON_S = 3.0  # after a hook was heard the record comes within this time


class Prover:
    """Follows deliveries whose text has been typed. `held(delivery)` is told when a CLI keeps one in its own queue."""

    def __init__(
        self,
        watch: Watch,
        panes: Panes,
        rows: DeliveryRows,
        clock: Clock,
        checkpoint: Checkpoint,
        *,
        held: Callable[[Delivery], None],
    ) -> None:
        self._watch = watch
        self._panes = panes
        self._rows = rows
        self._clock = clock
        self._checkpoint = checkpoint
        self._held = held

    async def prove(
        self, delivery: Delivery, trail: Trail, *, enters: int = 1, give_up: float = GIVE_UP_S, reason: str = ""
    ) -> Delivery:
        """Wait for evidence; `enters` have been pressed already. Ends as submitted, started, failed or unconfirmed."""
        wait = _Wait(self._clock.monotonic(), enters)
        while True:
            look = await self._glance(delivery)
            proof = await self._read(delivery, trail, look)
            if (settled := await self.settled(delivery, trail, proof)) is not None:
                return settled
            now = self._clock.monotonic()
            # Once the text has gone off it is not sent again, should a person stop it or a hook turn it away.
            wait.off = wait.off or proof.entered or bool(trail.announced())
            wait.off = wait.off or verdicts.left_composer(look, delivery, trail)
            held = proof.queued or verdicts.queued(look, delivery, trail)
            wait.note(now, held=held, ended=_is_lost(look, delivery, trail, wait))
            if proof.stopped or wait.is_over(now, give_up):
                break
            # Looked at afresh: the last look may be one of before.
            if wait.seems_lost(now) and _is_lost(await self._look(delivery), delivery, trail, wait):
                break
            if held:
                delivery = await self._say_held(delivery)
            elif wait.may_press(now):
                wait.pressed, wait.enters = now, wait.enters + await self._enter_again(delivery)
            await self._watch.stirred(delivery.agent, 0.1 if now - wait.begun < SOON_S else 0.25)
        proof = await asyncio.to_thread(trail.read, search=True)
        if (settled := await self.settled(delivery, trail, proof)) is not None:
            return settled
        look = await self._look(delivery)
        why = reason or verdicts.not_recorded(delivery, proof, look, entered=trail.entered_at is not None, off=wait.off)
        return await self._rows.change(delivery.id, status="unconfirmed", reason=why)

    async def record(self, delivery: Delivery, trail: Trail, proof: Proof) -> Delivery:
        """Write down what is proven."""
        self._checkpoint("after_evidence", delivery.id)
        now = self._clock.now()
        at: datetime = proof.submitted_at or now
        values: dict[str, Any] = {
            "status": "started" if proof.started else "submitted",
            "evidence_kind": "screen" if proof.by_screen else evidence_kind(trail.agent),
            "evidence_at": at,
            "reason": verdicts.remark(proof, delivery.agent),
        }
        if proof.started:
            values["started_at"] = now
        return await self._rows.change(delivery.id, **values)

    async def follow(self, delivery: Delivery, trail: Trail) -> Delivery:
        """From submitted to started: output, a tool call, or a working sign of the turn that took our text. Ends too
        with that turn, and gives up in silence."""
        begun = self._clock.monotonic()
        # A command leaves no record that could still come, and what else works there is not known.
        command = not has_ref(delivery)
        patience, signs = (COMMAND_S, trail.idle) if command else (STARTED_S, True)
        recorded = max(delivery.updated_at, delivery.evidence.at if delivery.evidence else delivery.updated_at)
        while (passed := self._clock.monotonic() - begun) < patience:
            # The look comes first: what it shows is of our turn if the record says afterwards that the turn goes on.
            look = await self._glance(delivery)
            proof = await asyncio.to_thread(trail.read)
            if proof.blocked is not None:
                return await self._turned_away(delivery, proof.blocked, kept=proof.submitted)
            seen = look.view.state if look is not None and look.view.at > recorded else State.UNKNOWN
            signs = signs and seen not in verdicts.QUIET
            going_on = command or (proof.submitted and not proof.over)
            if proof.started or (signs and going_on and seen is State.WORKING):
                return await self._rows.change(delivery.id, status="started", started_at=self._clock.now())
            if proof.over:
                return await self._rows.change(delivery.id, reason=verdicts.remark(proof, delivery.agent))
            await self._watch.stirred(delivery.agent, 0.1 if passed < 2 else 0.3 if passed < 10 else 2.0)
        return delivery

    async def late(self, delivery: Delivery, trail: Trail) -> Delivery:
        """Evidence that comes after we gave up still counts, as long as nobody has decided otherwise."""
        begun = self._clock.monotonic()
        soon = 0.0
        while (now := self._clock.monotonic()) - begun < LATE_S:
            if await self._watch.stirred(delivery.agent, 0.1 if now < soon else 2.0):
                soon = now + SOON_S
            proof = await asyncio.to_thread(trail.read)
            if proof.submitted or proof.blocked is not None:
                current = await self._rows.get(delivery.id)
                done = await self.settled(current, trail, proof) if current.status == "unconfirmed" else None
                return done or current
        return delivery

    async def settled(self, delivery: Delivery, trail: Trail, proof: Proof) -> Delivery | None:
        """Its end, where the record tells it. Of a prompt that was turned away Codex records a turn with nothing in it,
        and only the screen has the hook's words."""
        if proof.blocked is not None:
            return await self._turned_away(delivery, proof.blocked, kept=proof.submitted)
        if proof.submitted:
            return await self.record(delivery, trail, proof)
        if proof.empty:
            look = await self._look(delivery)
            shown = look.screen.plain if look is not None and look.screen is not None else ""
            if (words := cli_for(trail.agent.kind).turned_away(shown)) is not None:
                return await self._turned_away(delivery, words)
        return None

    async def _turned_away(self, delivery: Delivery, words: str, *, kept: bool = False) -> Delivery:
        why = verdicts.turned_away(delivery, words, await self._look(delivery), kept=kept)
        return await self._rows.change(delivery.id, status="failed", reason=why)

    async def _say_held(self, delivery: Delivery) -> Delivery:
        why = f"{delivery.agent} keeps the text in its own queue and takes it when it comes to it."
        if delivery.reason != why:
            delivery = await self._rows.change(delivery.id, reason=why)
            self._held(delivery)
        return delivery

    async def _enter_again(self, delivery: Delivery) -> int:
        look = await self._look(delivery)
        if look is None or may_enter(look, delivery) != "yes" or not look.view.agent.pane:
            return 0
        try:
            return int(await self._panes.keys(look.view.agent.pane, "Enter"))
        except MafError:
            return 0

    async def _read(self, delivery: Delivery, trail: Trail, look: Look | None) -> Proof:
        """The record; of a command, which leaves none, that it is gone from the composer it stood in before Enter."""
        proof = await asyncio.to_thread(trail.read)
        if proof.submitted or has_ref(delivery) or not verdicts.left_composer(look, delivery, trail):
            return proof
        return Proof(submitted=True, by_screen=True)

    async def _glance(self, delivery: Delivery) -> Look | None:
        """What was seen last, where somebody looks all the time."""
        return self._watch.last(delivery.agent) if self._watch.running else await self._look(delivery)

    async def _look(self, delivery: Delivery) -> Look | None:
        try:
            return (await self._watch.look([delivery.agent])).get(delivery.agent)
        except MafError:
            return None


@dataclass(slots=True)
class _Wait:
    """How long is waited for one record, in seconds of the monotonic clock."""

    begun: float
    enters: int
    pressed: float = 0.0
    held: float = 0.0  # when the CLI was last seen to keep the text in its queue
    ended: float = 0.0  # since when its program was seen to have ended, or the text to stand in the composer again
    off: bool = False  # the text went off

    def __post_init__(self) -> None:
        self.pressed = self.held = self.begun

    def note(self, now: float, *, held: bool, ended: bool) -> None:
        self.held = now if held else self.held
        self.ended = (self.ended or now) if ended else 0.0

    def seems_lost(self, now: float) -> bool:
        return bool(self.ended) and now - self.ended >= ENDED_S

    def is_over(self, now: float, give_up: float) -> bool:
        return now - self.begun >= QUEUED_S or now - self.held >= give_up

    def may_press(self, now: float) -> bool:
        return not self.off and self.enters < ENTERS and now - self.pressed >= ENTER_AGAIN_S


def _is_lost(look: Look | None, delivery: Delivery, trail: Trail, wait: _Wait) -> bool:
    """Does nothing more come: has the program ended, or given the text back to its composer?"""
    return verdicts.ended(look, trail) or (wait.off and verdicts.given_back(look, delivery, trail))

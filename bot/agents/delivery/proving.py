"""From Enter to proof: wait for the CLI's own record, press Enter again where our text still stands, never paste."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from bot.agents.delivery.composer import standing
from bot.agents.delivery.evidence import Proof, Trail, evidence_kind, has_ref
from bot.agents.delivery.model import Delivery
from bot.agents.delivery.rows import DeliveryRows
from bot.agents.delivery.second_look import may_enter, why_held
from bot.agents.state.watch import Look, Watch
from bot.checkpoint import Checkpoint
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
LATE_S = 300.0


class Prover:
    """Follows deliveries whose text has been typed."""

    def __init__(self, watch: Watch, panes: Panes, rows: DeliveryRows, clock: Clock, checkpoint: Checkpoint) -> None:
        self._watch = watch
        self._panes = panes
        self._rows = rows
        self._clock = clock
        self._checkpoint = checkpoint

    async def prove(
        self, delivery: Delivery, trail: Trail, *, enters: int = 1, give_up: float = GIVE_UP_S, reason: str = ""
    ) -> Delivery:
        """Wait for evidence; `enters` have been pressed already. Ends as submitted, started or unconfirmed."""
        begun = pressed_at = self._clock.monotonic()
        while True:
            proof = await asyncio.to_thread(trail.read)
            if not proof.submitted and not has_ref(delivery):
                proof = await self._by_screen(delivery, proof)
            if proof.submitted:
                return await self.record(delivery, trail, proof)
            now = self._clock.monotonic()
            if now - begun >= (QUEUED_S if proof.queued else give_up):
                break
            if not proof.queued and enters < ENTERS and now - pressed_at >= ENTER_AGAIN_S:
                pressed_at = now
                enters += await self._enter_again(delivery)
            await asyncio.sleep(0.1 if now - begun < 3 else 0.25)
        proof = await asyncio.to_thread(trail.read, search=True)
        if proof.submitted:
            return await self.record(delivery, trail, proof)
        return await self._rows.change(
            delivery.id, status="unconfirmed", reason=reason or await self._why(delivery, proof)
        )

    async def record(self, delivery: Delivery, trail: Trail, proof: Proof) -> Delivery:
        """Write down what is proven."""
        self._checkpoint("after_evidence", delivery.id)
        now = self._clock.now()
        at: datetime = proof.submitted_at or now
        values: dict[str, Any] = {
            "status": "started" if proof.started else "submitted",
            "evidence_kind": _kind_of(proof, trail),
            "evidence_at": at,
            "reason": _remark(proof, delivery.agent),
        }
        if proof.started:
            values["started_at"] = now
        return await self._rows.change(delivery.id, **values)

    async def follow(self, delivery: Delivery, trail: Trail) -> Delivery:
        """From submitted to started: output, a tool call, or a working sign after our text. Gives up in silence."""
        begun = self._clock.monotonic()
        # A command leaves no record that could still come.
        patience = COMMAND_S if delivery.evidence and delivery.evidence.kind == "screen" else STARTED_S
        submitted = delivery.evidence.at if delivery.evidence else delivery.updated_at
        while (passed := self._clock.monotonic() - begun) < patience:
            proof = await asyncio.to_thread(trail.read)
            # Without a bot nobody else looks.
            look = self._watch.last(delivery.agent) if self._watch.running else await self._look(delivery)
            sign = (
                look is not None
                and look.view.state is State.WORKING
                and look.view.at > max(submitted, delivery.updated_at)
            )
            if proof.started or (sign and not proof.limited):
                return await self._rows.change(delivery.id, status="started", started_at=self._clock.now())
            if proof.limited:
                return await self._rows.change(delivery.id, reason=_remark(proof, delivery.agent))
            await asyncio.sleep(0.1 if passed < 2 else 0.3 if passed < 10 else 2.0)
        return delivery

    async def late(self, delivery: Delivery, trail: Trail) -> Delivery:
        """Evidence that comes after we gave up still counts, as long as nobody has decided otherwise."""
        begun = self._clock.monotonic()
        while self._clock.monotonic() - begun < LATE_S:
            await asyncio.sleep(2.0)
            proof = await asyncio.to_thread(trail.read)
            if proof.submitted:
                now = await self._rows.get(delivery.id)
                return await self.record(now, trail, proof) if now.status == "unconfirmed" else now
        return delivery

    async def _enter_again(self, delivery: Delivery) -> int:
        look = await self._look(delivery)
        if look is None or may_enter(look, delivery) != "yes" or not look.view.agent.pane:
            return 0
        try:
            return int(await self._panes.keys(look.view.agent.pane, "Enter"))
        except MafError:
            return 0

    async def _by_screen(self, delivery: Delivery, proof: Proof) -> Proof:
        """A command leaves no record: it was taken when it is gone from the composer where it stood before Enter."""
        look = await self._look(delivery)
        if look is None:
            return proof
        gone = not look.clis or look.reading is None or standing(look.reading.composer, delivery.text) != "ours"
        return Proof(submitted=gone, by_screen=gone) if gone else proof

    async def _look(self, delivery: Delivery) -> Look | None:
        try:
            return (await self._watch.look([delivery.agent])).get(delivery.agent)
        except MafError:
            return None

    async def _why(self, delivery: Delivery, proof: Proof) -> str:
        name = delivery.agent
        if proof.queued:
            return f"{name} keeps the text in its own queue and has not taken it yet."
        look = await self._look(delivery)
        if look is not None and look.reading is not None and look.clis:
            found = standing(look.reading.composer, delivery.text)
            if found == "ours":
                return f"The text stands in the composer of {name}, and Enter did not send it."
            if found == "empty" and look.reading.dialog is None:
                return f"The text is gone from the composer of {name}, but {name} has not recorded it."
        return why_held(look, name)


def _kind_of(proof: Proof, trail: Trail) -> str:
    if proof.by_screen or proof.by_hook:
        return "screen" if proof.by_screen else "hook"
    return evidence_kind(trail.agent)


def _remark(proof: Proof, agent: str) -> str:
    if proof.limited:
        return f"{agent} took the text and met its usage limit."
    return f"{agent} took the text, but not exactly as it was sent: look at it." if proof.altered else ""

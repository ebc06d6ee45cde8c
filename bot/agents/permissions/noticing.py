"""Comparing what is open with what stands on the screens, at every tick of the watch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from bot.agents.permissions.asking import Standing, Verdict, conclude, outlived
from bot.agents.permissions.open_asks import OpenAsks
from bot.agents.permissions.question import Question, from_dialog
from bot.agents.permissions.rows import Ask
from bot.agents.registry import Registry
from bot.agents.state.watch import Look, Watch
from bot.clis.model import Dialog
from bot.clock import Clock
from bot.store.complaint import Complaint
from bot.store.patience import patient_task

log = logging.getLogger(__name__)

CONFIRM_S = 0.3  # a screen caught half-drawn must not become a message
MENU_S = 10.0  # a list that is no permission may be somebody at the pane who is choosing


class Noticing:
    """Makes questions of new dialogs, and ends those whose dialog is gone. `met` is told of each new question."""

    def __init__(
        self, asks: OpenAsks, registry: Registry, watch: Watch, clock: Clock, met: Callable[[Ask], Awaitable[None]]
    ) -> None:
        self._asks = asks
        self._registry = registry
        self._watch = watch
        self._clock = clock
        self._met = met
        self._menus: dict[tuple[str, str], float] = {}
        self._checking: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._comparing = Complaint(log, "open questions could not be compared with the screens")
        self._looking = Complaint(log, "an agent's question could not be looked at again")

    def start(self) -> None:
        self.spawn(self._run())

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def observe(self) -> None:
        """Compare the last looks with what is open; what differs is looked at again and then acted upon."""
        for view in self._watch.views():
            look = self._watch.last(view.id)
            if look is not None and not self._verdict(look).nothing:
                self.check_soon(view.id)
        known = {agent.id for agent in await self._registry.all()} if self._asks.all() else set()
        for ask in self._asks.all():
            if ask.agent not in known:
                await self._asks.over(ask, "gone", f"There is no agent {ask.agent} any more.")

    def check_soon(self, agent_id: str) -> None:
        """Look at this agent again in a moment."""
        if agent_id not in self._checking:
            self._checking.add(agent_id)
            self.spawn(self._check(agent_id))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let work go on by itself until `close`."""
        task = patient_task(work, name="permissions")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def _run(self) -> None:
        while True:
            await self._watch.ticked(1.0)
            try:
                await self.observe()
            except Exception as error:  # Nobody begins this loop anew: what one round meets is left to the next.
                self._comparing.say(error)
            else:
                self._comparing.over()

    async def _check(self, agent_id: str) -> None:
        """Only what is still so after a moment is so."""
        try:
            first = self._watch.last(agent_id)
            before = self._verdict(first) if first is not None else Verdict()
            await asyncio.sleep(CONFIRM_S)
            async with self._asks.locks[agent_id]:
                look = (await self._watch.look([agent_id])).get(agent_id)
                if look is None:
                    return
                verdict = self._verdict(look)
                if verdict == before or set(verdict.over) & set(before.over):
                    await self._act(look, verdict)
        except Exception as error:  # The next round comes back to it.
            self._looking.say(error)
        else:
            self._looking.over()
        finally:
            self._checking.discard(agent_id)

    def _verdict(self, look: Look) -> Verdict:
        standing = self._asks.standing(look.view.id)
        dialog = self._dialog_of(look, standing)
        shown = _question(look, dialog) if dialog is not None else None
        return conclude(standing, dialog, running=bool(look.clis), shown=shown)

    def _dialog_of(self, look: Look, standing: Sequence[Standing]) -> Dialog | None:
        """The dialog that a person is to be asked about; a menu, and one that is half drawn, gets its time."""
        dialog = look.reading.dialog if look.reading is not None and look.clis else None
        if (
            dialog is not None
            and (dialog.kind == "other" or not dialog.whole)
            and all(s.ask.fingerprint != dialog.fingerprint for s in standing)
        ):
            key, now = (look.view.id, dialog.fingerprint), self._clock.monotonic()
            self._menus = {k: at for k, at in self._menus.items() if now - at < 600}
            return dialog if now - self._menus.setdefault(key, now) >= MENU_S else None
        return dialog

    async def _act(self, look: Look, verdict: Verdict) -> None:
        agent, dialog = look.view.agent, look.reading.dialog if look.reading is not None else None
        for ask_id in verdict.over:
            if ask_id not in self._asks:
                continue
            ask = self._asks[ask_id]
            if look.clis and not outlived(ask, agent.started_at):
                await self._asks.over(ask, "answered", via="pane")
            else:
                await self._asks.over(ask, "gone", f"{agent.id} has ended.")
        if dialog is None or not (verdict.joins or verdict.new):
            return
        question = _question(look, dialog)
        if verdict.joins:
            await self._asks.join(self._asks[verdict.joins], question)
        else:
            await self._met(await self._asks.add(agent, question, source="screen"))

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work on a permission broke off", exc_info=error)


def _question(look: Look, dialog: Dialog) -> Question:
    return from_dialog(dialog, workspace=str(look.view.agent.workdir), turn=look.files.turn)

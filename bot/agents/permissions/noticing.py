"""Comparing what is open with what stands on the screens, at every tick of the watch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from bot.agents.model import Agent
from bot.agents.permissions.asking import Verdict, conclude, outlived
from bot.agents.permissions.on_screen import OnScreen, on_screen
from bot.agents.permissions.open_asks import OpenAsks
from bot.agents.permissions.outcome import Seen, ended_call, is_by_person, seen
from bot.agents.permissions.rows import Ask
from bot.agents.registry import Registry
from bot.agents.state.watch import Look, Watch
from bot.clock import Clock
from bot.store.complaint import Complaint
from bot.store.patience import patient_task
from bot.tmux.server import TmuxGone

log = logging.getLogger(__name__)

CONFIRM_S = 0.3  # a screen caught half-drawn must not become a message
STILL_S = 3.0  # nothing moves for so long on a screen that no rule knows, before it is taken for a question
MENU_S = 10.0  # a list that is no permission may be somebody at the pane who is choosing
HOOK_S = 1.0  # a hook mostly tells of its question within this time after Claude has drawn it
RECORD_LOOKS, RECORD_S = 10, 0.2  # looks for what the CLI writes down of a question that is gone, and the pause between


class Noticing:
    """Makes questions of new dialogs, and ends those whose dialog is gone. `met` is told of each new question;
    `has_hooks`: does this agent's CLI tell by hooks what it asks?"""

    def __init__(
        self,
        asks: OpenAsks,
        registry: Registry,
        watch: Watch,
        clock: Clock,
        *,
        met: Callable[[Ask], Awaitable[None]],
        has_hooks: Callable[[Agent], bool],
    ) -> None:
        self._asks = asks
        self._registry = registry
        self._watch = watch
        self._clock = clock
        self._met = met
        self._has_hooks = has_hooks
        self._new: dict[str, tuple[str, float]] = {}  # by agent: a dialog that is not known, and since when it stands
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

    async def end(self, agent: Agent, asks: Sequence[Ask], why: str = "") -> None:
        """These are not asked any more. That somebody answered at the pane is said only of a question that stood there,
        where the CLI's own record shows what became of its call and does not say that it decided by itself; `why` is
        what is known else."""
        now = await self._seen(agent)
        for _ in range(0 if why else RECORD_LOOKS):
            if all(ended_call(ask, now) is not None for ask in asks):
                break
            await asyncio.sleep(RECORD_S)
            now = await self._seen(agent)
        for ask in asks:
            call = ended_call(ask, now)
            if call is not None and ask.fingerprint and is_by_person(call, now):
                await self._asks.over(ask, "answered", via="pane")
            else:
                ran = "" if call is None else "It was refused, or stopped." if call.end == "refused" else "It ran."
                await self._asks.over(ask, "gone", why or ran)

    async def _seen(self, agent: Agent) -> Seen:
        try:
            return seen((await self._watch.look([agent.id])).get(agent.id))
        except TmuxGone:
            return Seen()

    def _verdict(self, look: Look) -> Verdict:
        return conclude(self._asks.standing(look.view.id), self._shown(look), running=bool(look.clis))

    def _shown(self, look: Look) -> OnScreen | None:
        """What a person is to be asked about. A menu and a dialog that is half drawn get their time, and so does one of
        which a hook is going to tell the exact words."""
        shown, name = on_screen(look), look.view.id
        if shown is None:
            self._new.pop(name, None)
            return None
        known, dialog = [standing.ask for standing in self._asks.standing(name)], shown.dialog
        if shown.the_one(known) is not None or any(ask.fingerprint == dialog.fingerprint for ask in known):
            return shown
        if dialog.kind == "unknown":
            wait = 0.0 if any(ask.kind == "unknown" for ask in known) else STILL_S
        else:
            wait = MENU_S if dialog.kind == "other" or not dialog.whole else 0.0
        if not wait and dialog.kind == "permission" and look.view.agent.kind != "codex":
            wait = HOOK_S if self._has_hooks(look.view.agent) else 0.0
        now, (mark, since) = self._clock.monotonic(), self._new.get(name, ("", 0.0))
        if mark != dialog.fingerprint:
            since = now
            self._new[name] = (dialog.fingerprint, now)
        return shown if now - since >= wait else None

    async def _act(self, look: Look, verdict: Verdict) -> None:
        agent = look.view.agent
        over = [self._asks[ask_id] for ask_id in verdict.over if ask_id in self._asks]
        ended = [ask for ask in over if not look.clis or outlived(ask, agent.started_at)]
        for ask in ended:
            await self._asks.over(ask, "gone", f"{agent.id} has ended.")
        if rest := [ask for ask in over if ask not in ended]:
            await self.end(agent, rest)
        for ask_id, note in verdict.notes:
            await self._asks.say(self._asks[ask_id], note)
        shown = self._shown(look)
        if shown is None or not (verdict.joins or verdict.new):
            return
        if verdict.joins:
            await self._asks.join(self._asks[verdict.joins], shown.question, shown.width)
        else:
            await self._met(await self._asks.add(agent, shown.question, source="screen", width=shown.width))

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work on a permission broke off", exc_info=error)

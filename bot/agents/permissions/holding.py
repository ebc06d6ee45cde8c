"""Questions that a hook tells of. Its CLI holds it open until a person answers, its time is up, or somebody answers at
the pane; what the hook prints then is the answer, and nothing where the CLI is to ask by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from bot.agents.hooks.events import HookEvent
from bot.agents.model import Agent
from bot.agents.permissions.asking import ends
from bot.agents.permissions.inputs import PLANS
from bot.agents.permissions.open_asks import OpenAsks
from bot.agents.permissions.question import ON_ITS_SCREEN, Question, from_hook, same_question, together
from bot.agents.permissions.rows import Ask
from bot.agents.state.watch import Watch
from bot.clis.model import Dialog
from bot.clock import Clock

CODEX_WAIT = timedelta(seconds=90)
CLAUDE_WAIT = timedelta(minutes=59)  # its dialog stands on the screen meanwhile
MOST_OPEN = 20  # questions of one agent; a CLI asks a few at once, and more would only flood the chat
TOGETHER_LOOKS, TOGETHER_S = 4, 0.12  # looks for the dialog that Claude draws beside its hook, and the pause between
PLAN_LOOKS = 20  # times that many, for a plan


class Holding:
    """The hooks that wait. `spawn` lets work go on by itself."""

    def __init__(
        self,
        asks: OpenAsks,
        watch: Watch,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
        *,
        codex_wait: timedelta = CODEX_WAIT,
    ) -> None:
        self.codex_wait = codex_wait
        self._asks = asks
        self._watch = watch
        self._clock = clock
        self._spawn = spawn
        self._closing = False

    def close(self) -> None:
        """Let every hook go: the CLIs ask in their panes, as they always do."""
        self._closing = True
        for ask_id in list(self._asks.held):
            self._asks.let_go(ask_id)

    async def permit(self, agent: Agent, event: HookEvent) -> object:
        """A PermissionRequest hook waits; what it is to print, None to let its CLI ask by itself."""
        if self._closing or len(self._asks.standing(agent.id)) >= MOST_OPEN:
            return None
        tool = str(event.payload.get("tool_name"))
        if tool == PLANS:
            self._spawn(self._told(agent, event))
        if tool in ON_ITS_SCREEN:
            return None
        held: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        wait = self.codex_wait if agent.kind == "codex" else CLAUDE_WAIT
        # The CLI may drop its hook at any moment; a row half-made would be a question that nobody can answer.
        begun = asyncio.ensure_future(self._begin(agent, event, held, wait))
        dropped = False
        try:
            async with asyncio.timeout(wait.total_seconds()):  # also for a store that is locked: its CLI stands still
                await asyncio.shield(begun)
                return await held
        except TimeoutError:
            return None
        except asyncio.CancelledError:
            dropped = True
            raise
        finally:
            if not self._closing:
                self._spawn(self._end_hold(agent.id, begun, held, dropped=dropped))

    def heard(self, agent: Agent, event: HookEvent) -> None:
        """What a CLI tells of itself may end a question whose dialog was never seen: one that was answered at the pane
        leaves Claude's hook waiting, for an answer that counts no more. Its hook must not wait for us here."""
        if self._asks.standing(agent.id) and not self._closing:
            self._spawn(self._end_told(agent, event))

    async def _told(self, agent: Agent, event: HookEvent) -> None:
        """The exact words of a question that is answered on its screen alone, once it stands there."""
        for _ in range(PLAN_LOOKS):
            async with self._asks.locks[agent.id]:
                if await self._with_dialog(agent, event) is not None:
                    return

    async def _end_told(self, agent: Agent, event: HookEvent) -> None:
        asked = from_hook(event.payload, cli=agent.kind, workspace=str(agent.workdir)).question
        async with self._asks.locks[agent.id]:
            for ask_id in ends(self._asks.standing(agent.id), event, asked):
                await self._asks.over(self._asks[ask_id], "answered", via="pane")

    async def _begin(self, agent: Agent, event: HookEvent, held: asyncio.Future[object], wait: timedelta) -> str:
        """Make it known that this hook waits; the id of its question."""
        self._asks.coming[agent.id] += 1
        try:
            await self._asks.locks[agent.id].acquire()
        finally:
            self._asks.coming[agent.id] -= 1
        try:
            ask = await self._hold(agent, event, wait)
            self._asks.held[ask.id] = held
            return ask.id
        finally:
            self._asks.locks[agent.id].release()

    async def _end_hold(
        self, agent: str, begun: asyncio.Future[str], held: asyncio.Future[object], *, dropped: bool
    ) -> None:
        """This hook waits no more. A CLI drops its hook when somebody answers at the pane: then the question is over,
        and a dialog that stands there afterwards, in the same words too, is another one."""
        ask_id = await begun
        if self._asks.held.get(ask_id) is not held:
            return  # another hook waits with this question by now
        del self._asks.held[ask_id]
        async with self._asks.locks[agent]:  # where an answer of ours ended it, the card says that and nothing before
            if dropped and ask_id in self._asks:
                await self._asks.over(self._asks[ask_id], "answered", via="pane")
            elif ask_id in self._asks:
                await self._asks.unheld(ask_id)

    async def _hold(self, agent: Agent, event: HookEvent, wait: timedelta) -> Ask:
        """The row of a question whose hook waits now; the one of its dialog, where that was seen first."""
        question = from_hook(event.payload, cli=agent.kind, workspace=str(agent.workdir))
        if agent.kind == "codex":
            return await self._asks.add(agent, question, source="hook", held_until=self._clock.now() + wait)
        if (ask := await self._with_dialog(agent, event)) is not None:
            return ask
        return await self._asks.add(agent, question, source="hook", suggestions=_suggestions(event))

    async def _with_dialog(self, agent: Agent, event: HookEvent) -> Ask | None:
        """The row of a hook's question whose dialog stands on the screen; None while none does."""
        question = from_hook(event.payload, cli=agent.kind, workspace=str(agent.workdir))
        dialog = await self._soon_seen(agent, question)
        if dialog is None:
            return None
        for one in self._asks.standing(agent.id):
            if one.ask.fingerprint == dialog.fingerprint and one.ask.source == "screen":
                return await self._asks.tell(one.ask, question, _suggestions(event))
        both = together(question, dialog, workspace=str(agent.workdir))
        return await self._asks.add(agent, both, source="both", suggestions=_suggestions(event))

    async def _soon_seen(self, agent: Agent, question: Question) -> Dialog | None:
        for number in range(TOGETHER_LOOKS):
            look = (await self._watch.look([agent.id])).get(agent.id)
            dialog = look.reading.dialog if look is not None and look.reading is not None else None
            if dialog is not None and dialog.whole and same_question(question, dialog):
                return dialog
            if number + 1 < TOGETHER_LOOKS:
                await asyncio.sleep(TOGETHER_S)
        return None


def _suggestions(event: HookEvent) -> list[Any]:
    """What Claude proposes to grant for good."""
    given = event.payload.get("permission_suggestions")
    return given[:50] if isinstance(given, list) else []

"""Questions that a hook tells of. Its CLI holds it open until a person answers, its time is up, or somebody answers at
the pane; what the hook prints then is the answer, and nothing where the CLI is to ask by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.agents.hooks.events import HookEvent
from bot.agents.model import Agent
from bot.agents.permissions.asking import TURN_ENDS, ends, owner_of
from bot.agents.permissions.on_screen import OnScreen, on_screen
from bot.agents.permissions.open_asks import OpenAsks
from bot.agents.permissions.question import ON_ITS_SCREEN, Question, from_hook, name_of
from bot.agents.permissions.rows import Ask
from bot.agents.state.watch import Watch
from bot.clock import Clock

CODEX_WAIT = timedelta(seconds=90)
CLAUDE_WAIT = timedelta(minutes=59)  # its dialog stands on the screen meanwhile
MOST_OPEN = 20  # questions of one agent; a CLI asks a few at once, and more would only flood the chat
LATE_S = 5.0  # of a hook after its dialog
TOGETHER_LOOKS, TOGETHER_S = 4, 0.12  # looks for the dialog that Claude draws beside its hook, and the pause between

# Ends questions of one agent that are not asked any more; the last word is why, where that is known.
End = Callable[[Agent, Sequence[Ask], str], Awaitable[None]]


class Holding:
    """The hooks that wait. `spawn` lets work go on by itself."""

    def __init__(
        self,
        asks: OpenAsks,
        watch: Watch,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, Any]], None],
        end: End,
        *,
        codex_wait: timedelta = CODEX_WAIT,
    ) -> None:
        self.codex_wait = codex_wait
        self._asks = asks
        self._watch = watch
        self._clock = clock
        self._spawn = spawn
        self._end = end
        self._closing = False

    def close(self) -> None:
        """Let every hook go: the CLIs ask in their panes, as they always do."""
        self._closing = True
        for ask_id in list(self._asks.held):
            self._asks.let_go(ask_id)

    async def permit(self, agent: Agent, event: HookEvent) -> object:
        """A PermissionRequest hook waits; what it is to print, None to let its CLI ask by itself."""
        if self._closing or self._asks.count(agent.id) >= MOST_OPEN:
            return None
        if str(event.payload.get("tool_name")) in ON_ITS_SCREEN:
            return None
        self._asks.coming[agent.id] += 1  # counted before anything is waited for
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
                self._spawn(self._end_hold(agent, begun, held, dropped=dropped))

    def heard(self, agent: Agent, event: HookEvent) -> None:
        """What a CLI tells of itself may end a question whose dialog was never seen: one that was answered at the pane
        leaves Claude's hook waiting, for an answer that counts no more. Its hook must not wait for us here."""
        asked, owner = name_of(event.payload), owner_of(event)
        if self._closing or (event.name == "PostToolUse" and self._asks.was_allowed(agent.id, owner, asked)):
            return  # the call that we let run, and not another one in the same words
        if event.name in TURN_ENDS:
            self._asks.forget_allowed(agent.id, owner)
        if self._asks.standing(agent.id):
            self._spawn(self._end_told(agent, event, asked))

    async def _end_told(self, agent: Agent, event: HookEvent, asked: str) -> None:
        async with self._asks.locks[agent.id]:
            over = [self._asks[one] for one in ends(self._asks.standing(agent.id), event, asked)]
            if over:
                await self._end(agent, over, "It ran." if event.name == "PostToolUse" else "Its turn has ended.")

    async def _begin(self, agent: Agent, event: HookEvent, held: asyncio.Future[object], wait: timedelta) -> str:
        """Make it known that this hook waits; the id of its question."""
        try:
            async with self._asks.locks[agent.id]:
                ask = await self._hold(agent, event, wait)
                self._asks.hold(ask.id, held, owner_of(event))
                return ask.id
        finally:
            self._asks.coming[agent.id] -= 1

    async def _end_hold(
        self, agent: Agent, begun: asyncio.Future[str], held: asyncio.Future[object], *, dropped: bool
    ) -> None:
        """This hook waits no more. A CLI drops its hook when somebody answers at the pane, when the turn is stopped,
        and when it ends itself."""
        ask_id = await begun
        if self._asks.held.get(ask_id) is not held:
            return
        del self._asks.held[ask_id]
        async with self._asks.locks[agent.id]:  # an answer of ours may end it; nothing is said before
            if dropped and ask_id in self._asks:
                await self._end(agent, [self._asks[ask_id]], "")
            elif ask_id in self._asks:
                await self._asks.unheld(ask_id)

    async def _hold(self, agent: Agent, event: HookEvent, wait: timedelta) -> Ask:
        """The row of a question whose hook waits now; that of its dialog, where just these words were seen first."""
        question = from_hook(event.payload, cli=agent.kind, workspace=str(agent.workdir))
        if agent.kind == "codex":
            return await self._asks.add(agent, question, source="hook", held_until=self._clock.now() + wait)
        shown, suggestions = await self._soon_seen(agent, question), _suggestions(event)
        known = [standing.ask for standing in self._asks.standing(agent.id)]
        if shown is None or not shown.asks_what(question):
            await self._give_way(agent)
            return await self._asks.add(agent, question, source="hook", suggestions=suggestions)
        seen = shown.the_one(known)
        if seen is not None and seen.source == "screen":
            return await self._asks.tell(seen, question, suggestions)
        if any(shown.asks(ask) for ask in known):  # the dialog of another hook in these words, or in ones that look so
            return await self._asks.add(agent, question, source="hook", suggestions=suggestions)
        asked = shown.question
        both = replace(question, title=asked.title, choices=asked.choices, fingerprint=asked.fingerprint)
        return await self._asks.add(agent, both, source="both", width=shown.width, suggestions=suggestions)

    async def _soon_seen(self, agent: Agent, question: Question) -> OnScreen | None:
        """The dialog that its CLI draws beside this hook, or another that stands there."""
        shown = None
        for number in range(TOGETHER_LOOKS):
            shown = on_screen((await self._watch.look([agent.id])).get(agent.id))
            known = [standing.ask for standing in self._asks.standing(agent.id) if standing.ask.source != "screen"]
            if shown is not None and (shown.asks_what(question) or shown.the_one(known) is not None):
                return shown
            if number + 1 < TOGETHER_LOOKS:
                await asyncio.sleep(TOGETHER_S)
        return shown

    async def _give_way(self, agent: Agent) -> None:
        """A question known from the screen alone, a moment old, is most likely that of this hook: it is not asked
        twice, and where it is another one it stands there still when the hook is answered."""
        for one in self._asks.standing(agent.id):
            if one.ask.source == "screen" and one.ask.kind == "permission" and one.age_s < LATE_S:
                await self._asks.over(one.ask, "gone", "It is asked anew, in the words of its hook.")


def _suggestions(event: HookEvent) -> list[Any]:
    """What Claude proposes to grant for good."""
    given = event.payload.get("permission_suggestions")
    return given[:50] if isinstance(given, list) else []

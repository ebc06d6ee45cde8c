"""Ending an agent's CLI: ask it to leave, then TERM, then KILL, each with a bound."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from bot.agents.model import Agent
from bot.agents.preflight import decide
from bot.agents.state.watch import Look, Watch
from bot.clis.kinds import cli_for
from bot.clock import Clock
from bot.tmux.panes import Panes

QUIT_S = 6.0  # for a CLI that was asked to leave
TERM_S = 4.0  # after TERM, before KILL
_TYPED_S = 0.25  # between the words of "leave" and Enter
_SHOWS_S = 2.0  # for the words to stand in its composer


class Leaving:
    """Types only where a prompt could be typed; signals only what is in front of its own pane then."""

    def __init__(self, watch: Watch, panes: Panes, clock: Clock) -> None:
        self._watch = watch
        self._panes = panes
        self._clock = clock

    async def end(self, agent: Agent) -> bool:
        """True when nothing of its CLI is left in front. Raises TmuxGone."""
        self._watch.sight.files.search_anew(agent.id)
        look = await self._look(agent)
        if look is None or not look.clis or not agent.pane:
            return True
        await self._watch.remember(look)
        if may_be_asked(look):
            await self._ask(agent, agent.pane)
            if await self._gone(agent, QUIT_S):
                return True
        for number, seconds in ((signal.SIGTERM, TERM_S), (signal.SIGKILL, 1.0)):
            if not await self._signal(agent, number):
                return True
            if await self._gone(agent, seconds):
                return True
        return False

    async def _look(self, agent: Agent) -> Look | None:
        return (await self._watch.look([agent.id])).get(agent.id)

    async def _ask(self, agent: Agent, pane: str) -> None:
        """Enter goes only to our words as they stand there: a question that came up meanwhile would take it for a yes,
        and what a person typed meanwhile would be sent."""
        words, *keys = cli_for(agent.kind).quit()
        if not await self._panes.keys(pane, words, literal=True):
            return
        deadline = self._clock.monotonic() + _SHOWS_S
        while self._clock.monotonic() < deadline:
            await asyncio.sleep(_TYPED_S)
            look = await self._look(agent)
            if look is None or look.reading is None or look.reading.dialog is not None:
                return
            if look.reading.composer.text.strip() == words:
                await self._panes.keys(pane, *keys)
                return

    async def _gone(self, agent: Agent, seconds: float) -> bool:
        deadline = self._clock.monotonic() + seconds
        while self._clock.monotonic() < deadline:
            look = await self._look(agent)
            if look is None or not look.clis:
                return True
            await asyncio.sleep(0.1)
        return False

    async def _signal(self, agent: Agent, number: signal.Signals) -> bool:
        """To the processes of its CLI that are in front of its own pane right now; False when there are none."""
        look = await self._look(agent)
        if look is None or not look.clis:
            return False
        for process in look.clis:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
                os.kill(process.pid, signal.SIGCONT)  # one that is frozen hears nothing else
        return True


def may_be_asked(look: Look) -> bool:
    """Words that ask it to leave may be typed only where a prompt might be."""
    return decide(look.facts(), now=False).act == "go"

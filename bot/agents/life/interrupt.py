"""Interrupting a turn, with a look at the composer afterwards.

Claude 2.1.328 puts the prompt back into its composer when nothing of the answer stood on the screen yet, Codex 0.169.0
what was queued: the next paste would be glued to it. What came back by itself is cleared; text
that a person may have written is not. Escape is never sent to an idle agent: Codex would begin to edit history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.agents.registry import Registry
from bot.agents.state.watch import Look, Watch
from bot.clis.kinds import cli_for
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import Refused
from bot.tmux.panes import Panes

STOPS_S = 5.0
SETTLES_S = 0.6  # until what comes back into the composer has come
CLEARS_S = 3.0

Composer = Literal["empty", "cleared", "text"]


@dataclass(frozen=True, slots=True)
class Interrupted:
    """`stopped`: it does not work any more. `composer`: "cleared" where the prompt came back and was removed, "text"
    where something stands there that may be a person's."""

    look: Look
    stopped: bool
    composer: Composer


class Interrupts:
    def __init__(self, registry: Registry, watch: Watch, panes: Panes, clock: Clock) -> None:
        self._registry = registry
        self._watch = watch
        self._panes = panes
        self._clock = clock

    async def interrupt(self, agent_id: str) -> Interrupted:
        """Raises NotFound, Refused (it does not work, it waits for an answer, its pane takes no keys), TmuxGone."""
        agent = await self._registry.get(agent_id)
        before = await self._look(agent_id)
        _check(before)
        drafted = before.reading is not None and before.reading.composer.holds_text
        if not agent.pane or not await self._panes.keys(agent.pane, *cli_for(agent.kind).interrupt_keys):
            raise Refused(f"{agent_id} cannot be interrupted: its pane takes no keys now.")
        stopped, look = await self._until(agent_id, STOPS_S, lambda look: look.view.state is not State.WORKING)
        if not stopped:
            return Interrupted(look, False, "text" if _text(look) else "empty")
        _, look = await self._until(agent_id, SETTLES_S, lambda look: bool(_text(look)))
        if not _text(look):
            return Interrupted(look, True, "empty")
        if drafted:  # it stood there before
            return Interrupted(look, True, "text")
        return await self._clear(agent_id, agent.pane, look)

    async def _clear(self, agent_id: str, pane: str, look: Look) -> Interrupted:
        """One C-c where a draft is proven empties the composer of both CLIs; a second one would end Codex, so it is
        pressed once only."""
        again = await self._look(agent_id)
        if _text(again) != _text(look) or again.view.state is State.WORKING or _asks(again):
            return Interrupted(again, True, "text" if _text(again) else "empty")
        if not await self._panes.keys(pane, "C-c"):
            return Interrupted(again, True, "text")
        cleared, after = await self._until(agent_id, CLEARS_S, lambda look: not _text(look))
        return Interrupted(after, True, "cleared" if cleared else "text")

    async def _look(self, agent_id: str) -> Look:
        return (await self._watch.look([agent_id]))[agent_id]

    async def _until(self, agent_id: str, seconds: float, right: Callable[[Look], bool]) -> tuple[bool, Look]:
        deadline = self._clock.monotonic() + seconds
        while True:
            look = await self._look(agent_id)
            if right(look):
                return True, look
            if self._clock.monotonic() > deadline:
                return False, look
            await asyncio.sleep(0.1)


def _check(look: Look) -> None:
    name, state = look.view.id, look.view.state
    if not look.clis:
        raise Refused(f"{name} is not running.")
    if _asks(look):
        raise Refused(f"{name} waits for an answer; Esc would have been one. Answer it instead.")
    if state is State.FROZEN:
        raise Refused(f"{name} is frozen. Thaw it first.")
    if state is not State.WORKING and cli_for(look.view.agent.kind).takes_prompts:
        raise Refused(f"{name} is {state}: there is nothing to interrupt.")


def _asks(look: Look) -> bool:
    return look.view.state is State.WAITING or (look.reading is not None and look.reading.dialog is not None)


def _text(look: Look) -> str:
    return look.reading.composer.text if look.reading is not None and look.reading.composer.holds_text else ""

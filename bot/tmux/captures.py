"""The screens of many panes, captured again only where something may have been drawn since the last time.

A capture costs the tmux server most of a millisecond; a fleet of a hundred idle agents would keep it busy for nothing.
tmux keeps the second of the last output of each window (`window_activity`): while that and the pane's own facts stand
as they stood, and the last capture was made in a later second, the screen is the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.tmux.panes import PaneFacts, Panes
from bot.tmux.screen import Screen

# Captured again after this many seconds in any case, should the clock of the machine have been set back.
RENEW_S = 30.0


@dataclass(frozen=True, slots=True)
class _Held:
    facts: PaneFacts
    screen: Screen
    second: int  # of the wall clock, before the capture was asked for


class Captures:
    """Two round trips for any number of panes; one where nothing was drawn."""

    def __init__(self, panes: Panes, *, wall: Callable[[], float] = time.time) -> None:
        self._panes = panes
        self._wall = wall
        self._held: dict[str, _Held] = {}

    async def look(self, panes: Sequence[str]) -> tuple[dict[str, PaneFacts], dict[str, Screen]]:
        """Facts of all panes and the screens of these, as Panes.look gives them. Raises TmuxGone."""
        facts = await self._panes.facts()
        now = time.monotonic()
        drawn = [pane for pane in panes if pane in facts and not self._same(pane, facts[pane], now)]
        if drawn:
            # The facts are asked for again with the captures: a title must be of the same moment as its screen.
            second = int(self._wall())
            again, captured = await self._panes.look(drawn)
            facts |= again  # a server on which nothing was drawn is not asked again
            for pane, screen in captured.items():
                self._held[pane] = _Held(again[pane], screen, second)
        self._held = {pane: held for pane, held in self._held.items() if pane in facts}
        # A screen that did not change is the same object as before, which the caller may rely on.
        return facts, {pane: self._held[pane].screen for pane in panes if pane in self._held}

    def _same(self, pane: str, facts: PaneFacts, now: float) -> bool:
        held = self._held.get(pane)
        return (
            held is not None and facts == held.facts and held.second > facts.activity and now - held.screen.at < RENEW_S
        )

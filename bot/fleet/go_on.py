"""What an agent is told that goes on after a usage limit."""

from __future__ import annotations

import logging

from bot.agents.model import Agent
from bot.beads.book import BeadsBook
from bot.errors import MafError
from bot.packs.library import Packs
from bot.packs.render import PromptContext, render_prompt
from bot.store import Store
from bot.store.tables import LimitStopRow

log = logging.getLogger(__name__)

PLAIN = "The usage limit that stopped you is over."
MAY_BE_OVER = "The usage limit that stopped you may be over."
MOVED = "You run on another account now, and the usage limit that stopped you is not its limit."
GO_ON_THERE = "Look at what is done already, then go on where you stopped."


class GoOnPrompts:
    """Writes them."""

    def __init__(self, store: Store, packs: Packs, book: BeadsBook) -> None:
        self._store = store
        self._packs = packs
        self._book = book

    async def of(self, agent: Agent, stop: LimitStopRow) -> str:
        """The same words as a broadcast has for a bead that goes on."""
        bead_id, limit = stop.bead, PLAIN if stop.resets_at is not None else MAY_BE_OVER
        plain = f"{MOVED if agent.profile != stop.profile else limit} {GO_ON_THERE}"
        if bead_id is None:
            return plain
        try:
            async with self._store.begin() as tx:
                name = await self._packs.active(tx)
            beads = await self._book.for_workdir(agent.workdir)
            bead = await beads.show(bead_id)
            return render_prompt(
                self._packs.get(name), agent, bead, "resume", PromptContext(beads_writable=beads.writable)
            )
        except MafError as error:
            log.warning("the prompt for %s is a plain one: %s", agent.id, error.message)
            return f"{plain} Your task is {bead_id}."

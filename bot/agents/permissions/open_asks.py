"""The questions that are open now: their rows in memory, the hooks that wait, one lock per agent."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.agents.model import Agent
from bot.agents.permissions.asking import Standing
from bot.agents.permissions.links import followed
from bot.agents.permissions.question import Question, group_of
from bot.agents.permissions.rows import Ask, AskRows, AskStatus, choices_json, words_of
from bot.checkout import in_main
from bot.clock import Clock
from bot.store import Store


class OpenAsks:
    """Whoever changes the questions of an agent holds its lock."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.rows = AskRows(store, clock)
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.held: dict[str, asyncio.Future[object]] = {}  # by question: what its hook is to print
        self.coming: defaultdict[str, int] = defaultdict(int)  # by agent: hooks that wait for its lock
        self._clock = clock
        self._open: dict[str, Ask] = {}
        self._since: dict[str, float] = {}  # monotonic: asked, or its hook let go

    def __contains__(self, ask_id: str) -> bool:
        return ask_id in self._open

    def __getitem__(self, ask_id: str) -> Ask:
        return self._open[ask_id]

    def all(self) -> list[Ask]:
        """The oldest first."""
        return sorted(self._open.values(), key=lambda ask: ask.created_at)

    def since(self, agent_id: str) -> datetime | None:
        """When the oldest question of an agent that is open was asked."""
        return min((ask.created_at for ask in self._open.values() if ask.agent == agent_id), default=None)

    def standing(self, agent_id: str) -> list[Standing]:
        """The questions of one agent, for the rules."""
        now = self._clock.monotonic()
        mine = [ask for ask in self.all() if ask.agent == agent_id]
        return [Standing(ask, ask.id in self.held, now - self._since.get(ask.id, 0.0)) for ask in mine]

    def keep(self, ask: Ask) -> Ask:
        self._open[ask.id] = ask
        self._since.setdefault(ask.id, self._clock.monotonic())
        return ask

    async def load(self) -> None:
        """After a restart. No hook waits any more."""
        for ask in await self.rows.open():
            self.keep(ask if ask.held_until is None else await self.rows.change(ask.id, held_until=None))

    async def add(self, agent: Agent, question: Question, *, source: str, **more: Any) -> Ask:
        """A new one."""
        question = await followed(question, agent.workdir)
        folder = await asyncio.to_thread(in_main, agent.workdir)
        sharing = group_of(question, agent=agent.id, profile=agent.profile, workdir=str(folder))
        return self.keep(await self.rows.add(agent, question, source=source, sharing=sharing, **more))

    async def join(self, ask: Ask, question: Question) -> None:
        """The dialog of a question as it is now: its own choices are what can be answered."""
        question = await followed(question, Path(ask.workdir))
        values: dict[str, Any] = {"kind": question.kind, "title": question.title, "fingerprint": question.fingerprint}
        values |= {"choices": choices_json(question.choices)}
        if ask.source == "screen":
            self.keep(await self._rewrite(ask, question, **values))
        else:  # what a hook told is exact; a screen may cut it
            self.keep(await self.rows.change(ask.id, **values, source="both"))

    async def tell(self, ask: Ask, question: Question, suggestions: list[Any]) -> Ask:
        """A hook tells of a question whose dialog was seen first: it knows its exact words, which a screen may cut."""
        question = await followed(question, Path(ask.workdir))
        question = replace(question, kind=ask.kind, choices=ask.choices)
        return self.keep(await self._rewrite(ask, question, source="both", suggestions=suggestions))

    async def _rewrite(self, ask: Ask, question: Question, **values: Any) -> Ask:
        folder = await asyncio.to_thread(in_main, Path(ask.workdir))
        sharing = group_of(question, agent=ask.agent, profile=ask.profile, workdir=str(folder))
        return await self.rows.rewrite(ask.id, sharing=sharing, **values, **words_of(question))

    async def unheld(self, ask_id: str) -> None:
        """Its hook waits no more: the dialog that comes or does not come says what became of it."""
        if ask_id in self._open:
            self._since[ask_id] = self._clock.monotonic()
            ask = await self.rows.change(ask_id, held_until=None)
            if ask_id in self._open:
                self.keep(ask)

    async def over(
        self, ask: Ask, status: AskStatus, note: str = "", *, by: str = "", answer: str = "", via: str = ""
    ) -> None:
        """Nobody has to answer it any more; a hook that still waits is let go. It stays among the open ones until that
        is written, so that the next look at the screen ends it where the store failed."""
        self.let_go(ask.id)
        now: datetime = self._clock.now()
        values: dict[str, Any] = {"status": status, "note": note, "answer": answer, "answered_by": by, "via": via}
        await self.rows.change(ask.id, answered_at=now, held_until=None, **values)
        self._open.pop(ask.id, None)
        self._since.pop(ask.id, None)

    def let_go(self, ask_id: str) -> None:
        """Have the hook print nothing, so that its CLI asks by itself."""
        held = self.held.get(ask_id)
        if held is not None and not held.done():
            held.set_result(None)

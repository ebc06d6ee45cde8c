"""The questions that are open now: their rows in memory, the hooks that wait, one lock per agent."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.agents.model import Agent
from bot.agents.permissions.asking import Standing
from bot.agents.permissions.links import followed
from bot.agents.permissions.question import Question, group_of
from bot.agents.permissions.rows import Ask, AskRows, AskStatus, choices_json, words_of
from bot.clock import Clock
from bot.store import Store


class OpenAsks:
    """Whoever changes the questions of an agent holds its lock."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.rows = AskRows(store, clock)
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.held: dict[str, asyncio.Future[object]] = {}  # by question: what its hook is to print
        self.coming: Counter[str] = Counter()  # by agent: hooks whose questions are being written down
        self._clock = clock
        self._open: dict[str, Ask] = {}
        self._since: dict[str, float] = {}  # monotonic: asked, or its hook let go
        self._owners: dict[str, str] = {}  # by question: whose hook told of it
        self._widths: dict[str, int] = {}  # by question: columns of the terminal that its dialog was last seen on
        self._allowed: Counter[tuple[str, str, str]] = Counter()  # (agent, owner, words) that a hook of ours let run

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
        return [
            Standing(
                ask,
                ask.id in self.held,
                now - self._since.get(ask.id, 0.0),
                self._owners.get(ask.id, ""),
                self._widths.get(ask.id, 0),
            )
            for ask in self.of(agent_id)
        ]

    def of(self, agent_id: str) -> list[Ask]:
        """The questions of one agent, the oldest first."""
        return [ask for ask in self.all() if ask.agent == agent_id]

    def is_of_subagent(self, ask_id: str) -> bool:
        return not self._owners.get(ask_id, "/").endswith("/")

    def count(self, agent_id: str) -> int:
        """Questions of one agent, with those that are about to be."""
        return len(self.of(agent_id)) + self.coming[agent_id]

    def hold(self, ask_id: str, held: asyncio.Future[object], owner: str) -> None:
        """A hook of `owner` waits for this answer."""
        self.held[ask_id], self._owners[ask_id] = held, owner

    def allow(self, ask: Ask) -> None:
        """Its hook was told yes: the CLI is going to tell that the call has run."""
        self._allowed[ask.agent, self._owners.get(ask.id, ""), ask.question] += 1

    def forget_allowed(self, agent_id: str, owner: str) -> None:
        """Its turn has ended: nothing more of it runs."""
        for key in [key for key in self._allowed if key[:2] == (agent_id, owner)]:
            del self._allowed[key]

    def was_allowed(self, agent_id: str, owner: str, question: str) -> bool:
        """Has a call in these words run that our hook had let run? Each counts once."""
        key = (agent_id, owner, question)
        if self._allowed[key] < 1:
            return False
        self._allowed[key] -= 1
        return True

    def keep(self, ask: Ask) -> Ask:
        self._open[ask.id] = ask
        self._since.setdefault(ask.id, self._clock.monotonic())
        return ask

    async def load(self) -> None:
        """After a restart. No hook waits any more."""
        for ask in await self.rows.open():
            self.keep(ask if ask.held_until is None else await self.rows.change(ask.id, held_until=None))

    async def add(self, agent: Agent, question: Question, *, source: str, width: int = 0, **more: Any) -> Ask:
        """A new one; `width`: of the terminal that it stands on."""
        question = await followed(question, agent.workdir)
        sharing = group_of(question, agent=agent.id, profile=agent.profile, workdir=str(agent.workdir))
        ask = self.keep(await self.rows.add(agent, question, source=source, sharing=sharing, **more))
        self._widths[ask.id] = width
        return ask

    async def join(self, ask: Ask, question: Question, width: int) -> None:
        """The dialog of a question as it is now: its own choices are what can be answered."""
        question = await followed(question, Path(ask.workdir))
        values: dict[str, Any] = {"kind": question.kind, "title": question.title, "fingerprint": question.fingerprint}
        values |= {"choices": choices_json(question.choices), "note": question.note}
        if ask.source == "screen":
            self.keep(await self._rewrite(ask, question, **values))
        else:
            self.keep(await self.rows.change(ask.id, **values, source="both"))
        self._widths[ask.id] = width

    async def say(self, ask: Ask, note: str) -> None:
        """What a person has to know beside its words."""
        self.keep(await self.rows.change(ask.id, note=note))

    async def tell(self, ask: Ask, question: Question, suggestions: list[Any]) -> Ask:
        """A hook tells of a question whose dialog was seen first, in these very words."""
        question = await followed(question, Path(ask.workdir))
        question = replace(question, kind=ask.kind, choices=ask.choices)
        return self.keep(await self._rewrite(ask, question, source="both", suggestions=suggestions))

    async def _rewrite(self, ask: Ask, question: Question, **values: Any) -> Ask:
        sharing = group_of(question, agent=ask.agent, profile=ask.profile, workdir=ask.workdir)
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
        for known in (self._open, self._since, self._owners, self._widths):
            known.pop(ask.id, None)

    def let_go(self, ask_id: str) -> None:
        """Have the hook print nothing, so that its CLI asks by itself."""
        held = self.held.get(ask_id)
        if held is not None and not held.done():
            held.set_result(None)

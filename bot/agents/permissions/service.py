"""Permissions: every question of every agent becomes one message, and one answer, whichever way it is learnt and given.

A question is learnt from the hook that its CLI holds open, from the dialog on its screen, or from both. The first
answer wins, from the chat or at the pane. Nothing is decided by silence: when the hook's time is up or the bot goes,
the CLI's own dialog stands there as before.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from bot.agents.delivery.model import Delivery
from bot.agents.delivery.service import Deliveries
from bot.agents.hooks.events import Hooks
from bot.agents.model import Agent
from bot.agents.permissions.answering import Answerer, AskChanged, hook_can
from bot.agents.permissions.holding import CODEX_WAIT, Holding
from bot.agents.permissions.noticing import Noticing
from bot.agents.permissions.open_asks import OpenAsks
from bot.agents.permissions.question import Choice
from bot.agents.permissions.reminding import Quiet, Reminding
from bot.agents.permissions.rows import Ask, mark
from bot.agents.registry import Registry
from bot.agents.state.watch import Watch
from bot.checkout import in_main
from bot.clock import Clock
from bot.errors import MafError, WrongUsage
from bot.notices import post
from bot.store import Store
from bot.store.audit import BOT, Audit, note
from bot.store.patience import kept, patient_task
from bot.tmux.panes import Panes

log = logging.getLogger(__name__)

REMIND_AFTER = timedelta(minutes=10)
# The choice by which a folder is trusted: Claude Code 2.1.328 ("Yes, I trust this folder"), Codex 0.169.0.
_TRUSTS = re.compile(r"(?i)(yes|trust)\b")


PREAPPROVED = "preapproved"  # the place of an answer that an owner gave for good


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of a person: who, from where, and words for the agent to read after a no."""

    by: str
    place: str
    text: str = ""
    chat_id: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer: who took it, and for whom it failed and why."""

    choice: Choice
    taken: tuple[str, ...]
    failed: dict[str, str]


class Permissions:
    """All open questions of one home."""

    def __init__(
        self,
        store: Store,
        *,
        registry: Registry,
        watch: Watch,
        panes: Panes,
        deliveries: Deliveries,
        hooks: Hooks,
        audit: Audit,
        clock: Clock,
        codex_wait: timedelta = CODEX_WAIT,
        remind_after: timedelta = REMIND_AFTER,
        quiet: Quiet = lambda _at: None,
    ) -> None:
        self._store = store
        self._registry = registry
        self._deliveries = deliveries
        self._audit = audit
        self._asks = OpenAsks(store, clock)
        self.reminding = Reminding(self._asks, clock, after=remind_after, quiet=quiet)
        self._noticing = Noticing(self._asks, registry, watch, clock, met=self._met, has_hooks=hooks.speaks)
        self._answerer = Answerer(watch, panes, clock, self._asks.of)
        self.holding = Holding(
            self._asks, watch, clock, self._noticing.spawn, self._noticing.end, codex_wait=codex_wait
        )
        hooks.permit = self.holding.permit
        hooks.heard = self.holding.heard
        watch.asked_since = self._asks.since

    async def start(self) -> None:
        """Take up what was open before a restart, then look at every tick of the watch until `close`."""
        await self._asks.load()
        self._noticing.start()

    async def close(self) -> None:
        """Let every hook go: the CLIs ask in their panes, as they always do."""
        self.holding.close()
        await self._noticing.close()

    def open(self) -> list[Ask]:
        """What waits for an answer, oldest first."""
        return self._asks.all()

    async def of_card(self, card: str) -> list[Ask]:
        """Every question that this card shows or showed."""
        return await self._asks.rows.of_card(card)

    def chosen(self, card: str, bound: str, option: int) -> tuple[list[Ask], Choice]:
        """The open questions of a card and one of their choices, if the card still is as it was when `bound` was made.

        Raises AskChanged.
        """
        asks = [ask for ask in self.open() if ask.card == card]
        if not asks or mark(asks) != bound or not 0 <= option < len(asks[0].choices):
            raise AskChanged("This has changed since the message was written, or was answered already.")
        return asks, asks[0].choices[option]

    async def split(self, card: str) -> None:
        """Each question of a shared card gets a message of its own."""
        asks = await self._asks.rows.split(card)
        note(agents=[ask.agent for ask in asks])
        for ask in asks:
            if ask.id in self._asks:
                self._asks.keep(ask)

    def let_go(self, card: str, bound: str) -> None:
        """Give up the hook, so that the CLI shows its own dialog with all its choices. Raises AskChanged."""
        asks, _ = self.chosen(card, bound, 0)
        note(agents=[ask.agent for ask in asks], questions=[ask.id for ask in asks])
        for ask in asks:
            self._asks.let_go(ask.id)

    async def answer(self, card: str, bound: str, option: int, reply: Reply) -> Answered:
        """Give this answer to every question of the card.

        Raises AskChanged or NotTaken when no agent took it; with several agents those that did not are named.
        """
        try:
            asks, choice = self.chosen(card, bound, option)
        except AskChanged:
            await self._asks.rows.redraw(card)
            raise
        if reply.text and choice.grant != "no":
            raise WrongUsage("Words for the agent go with a no.")
        results = await asyncio.gather(*(self._answer(ask, choice, reply) for ask in asks), return_exceptions=True)
        failed: dict[str, MafError] = {}
        for ask, result in zip(asks, results, strict=True):
            if isinstance(result, MafError):
                failed[ask.agent] = result
                self._noticing.check_soon(ask.agent)
            elif isinstance(result, BaseException):
                raise result
        if len(failed) == len(asks):
            await self._asks.rows.redraw(card)
            raise next(iter(failed.values()))
        taken = tuple(ask.agent for ask in asks if ask.agent not in failed)
        return Answered(choice, taken, {agent: error.message for agent, error in failed.items()})

    async def _answer(self, ask: Ask, choice: Choice, reply: Reply) -> None:
        async with self._asks.locks[ask.agent]:
            if ask.id not in self._asks:
                raise AskChanged(f"{ask.agent}'s question was answered already.")
            said = choice.label + (f": {reply.text}" if reply.text else "")
            async with self._audit.action(
                actor=BOT if reply.place == PREAPPROVED else reply.by,
                place=reply.place,
                action="permission.answer",
                target=f"{ask.agent}: {choice.label}",
                detail={"question": ask.id, "command": ask.command[:2000], "answer": said[:2000]},
            ):
                if choice.grant in ("tick", "key"):
                    await self._go_on(self._asks[ask.id], choice)
                    return
                via = await self._give(self._asks[ask.id], choice, reply)
            # It was given: that is not told as failed because the store is locked, or full, at this moment.
            ended = kept(lambda: self._asks.over(ask, "answered", by=reply.by, answer=said, via=via))
            await patient_task(ended, name=f"answered {ask.id}")
        if ask.kind == "trust" and choice.grant == "lasting":
            agent = await self._registry.get(ask.agent)
            await self._asks.rows.trust(ask.profile or "", await asyncio.to_thread(in_main, agent.workdir))
            for one in self.open():
                await self._met(one)
        if reply.text and via == "keys":
            self._noticing.spawn(self._tell(ask.agent, reply))

    async def _give(self, ask: Ask, choice: Choice, reply: Reply) -> str:
        held = self._asks.held.get(ask.id)
        if held is not None and not held.done() and hook_can(choice):
            if choice.grant == "once":
                self._asks.allow(ask)
            subagent = self._asks.is_of_subagent(ask.id)
            await self._answerer.by_hook(ask, choice, held, by=reply.by, text=reply.text, subagent=subagent)
            return "hook"
        if not ask.fingerprint and any(one.ask.created_at > ask.created_at for one in self._asks.standing(ask.agent)):
            raise AskChanged(f"{ask.agent} asks something else now.")
        if not ask.fingerprint:
            raise AskChanged(f"{ask.agent}'s own dialog is not on its screen yet.")
        await self._answerer.by_keys(ask, choice)
        return "keys"

    async def _go_on(self, ask: Ask, choice: Choice) -> None:
        """The question stays open; its card shows the marks, or the screen, as they are now."""
        press = self._answerer.tick if choice.grant == "tick" else self._answerer.move
        shown = await press(ask, choice)
        if shown is not None:
            await self._asks.join(ask, shown.question, shown.width)

    async def _tell(self, agent: str, reply: Reply) -> None:
        """After a no by keys the composer is free again: what to do instead is an ordinary prompt."""
        try:
            delivery = await kept(lambda: self._write_words(agent, reply))
        except MafError as error:  # the no was taken, and the person believes that the words were too
            words = f"⚠️ {agent} was told no, but not your words “{reply.text[:200]}”: {error.message}"
            async with self._store.begin() as tx:
                await post(tx, "text", {"text": words}, chat_id=reply.chat_id)
            return
        await self._deliveries.run(delivery.id)

    async def _write_words(self, agent: str, reply: Reply) -> Delivery:
        key = f"delivery:{secrets.token_hex(6)}"
        async with self._store.begin() as tx:
            delivery = await self._deliveries.create(
                tx, agent=agent, text=reply.text, created_by=reply.by, notice_key=key
            )
            await post(tx, "delivery", {"delivery": delivery.id}, chat_id=reply.chat_id, key=key)
        return delivery

    async def _met(self, ask: Ask) -> None:
        """A new question from a screen: one about a folder that an owner trusted before is answered by that."""
        if ask.kind != "trust":
            return
        agent = await self._registry.get(ask.agent)
        yes = [choice for choice in ask.choices if choice.grant == "lasting" and _TRUSTS.match(choice.label)]
        if len(yes) == 1 and await self._is_trusted(agent):
            self._noticing.spawn(self._say_yes(ask, yes[0]))

    async def _is_trusted(self, agent: Agent) -> bool:
        """A worktree is the folder it was made of: the same files, and an owner's yes to those."""
        folder = await asyncio.to_thread(in_main, agent.workdir)
        places = {agent.workdir, *agent.workdir.parents, folder, *folder.parents}
        trusted = await self._asks.rows.trusted()
        return any(profile == (agent.profile or "") and folder in places for profile, folder in trusted)

    async def _say_yes(self, ask: Ask, choice: Choice) -> None:
        try:
            await self._answer(ask, choice, Reply("maf, as an owner said before", PREAPPROVED))
        except MafError as error:
            log.info("%s: the question of trust was left to the person: %s", ask.agent, error.message)

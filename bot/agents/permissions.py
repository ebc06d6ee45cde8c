"""Permissions: every question of every agent becomes one message, and one answer, whichever way it is learnt and given.

A question is learnt from the hook that its CLI holds open, from the dialog on its screen, or from both. The first
answer wins, from the chat or at the pane. Nothing is decided by silence: when the hook's time is up or the bot goes,
the CLI's own dialog stands there as before.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.agents.answering import Answerer, AskChanged, hook_can
from bot.agents.asking import Standing, Verdict, conclude
from bot.agents.delivery import Deliveries
from bot.agents.hooks import HookEvent, Hooks
from bot.agents.model import Agent
from bot.agents.permission_rows import Ask, AskRows, choices_json, mark
from bot.agents.question import Choice, Question, from_dialog, from_hook, group_of, same_question
from bot.agents.registry import Registry
from bot.agents.watch import Look, Watch
from bot.clis.model import Dialog, State
from bot.clock import Clock
from bot.errors import MafError, NotFound, Refused
from bot.notices import post
from bot.store import Store
from bot.store.audit import Audit
from bot.tmux.panes import Panes

log = logging.getLogger(__name__)

CODEX_WAIT = timedelta(seconds=90)
CLAUDE_WAIT = timedelta(minutes=59)  # its dialog stands on the screen meanwhile
REMIND_AFTER = timedelta(minutes=10)
CONFIRM_S = 0.3  # a screen caught half-drawn must not become a message
MENU_S = 10.0  # a list that is no permission may be somebody at the pane who is choosing
TOGETHER_LOOKS = 4  # looks, 0.12 s apart, for the dialog that Claude draws beside its hook


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
        registry: Registry,
        watch: Watch,
        panes: Panes,
        deliveries: Deliveries,
        hooks: Hooks,
        audit: Audit,
        *,
        clock: Clock,
        codex_wait: timedelta = CODEX_WAIT,
        remind_after: timedelta = REMIND_AFTER,
    ) -> None:
        self._store = store
        self._registry = registry
        self._watch = watch
        self._deliveries = deliveries
        self._audit = audit
        self._clock = clock
        self._codex_wait = codex_wait
        self._remind_after = remind_after
        self._rows = AskRows(store, clock)
        self._answerer = Answerer(watch, panes, clock)
        self._open: dict[str, Ask] = {}
        self._held: dict[str, asyncio.Future[object]] = {}
        self._since: dict[str, float] = {}  # monotonic: asked, or its hook let go
        self._coming: defaultdict[str, int] = defaultdict(int)  # hooks of an agent that wait for its lock
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._menus: dict[tuple[str, str], float] = {}
        self._checking: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False
        hooks.permit = self.permit

    async def start(self) -> None:
        """Take up what was open before a restart, then look at every tick of the watch until `close`."""
        for ask in await self._rows.open():
            self._keep(ask if ask.held_until is None else await self._rows.change(ask.id, held_until=None))
        self._spawn(self._run())

    async def close(self) -> None:
        """Let every hook go: the CLIs ask in their panes, as they always do."""
        self._closing = True
        for held in list(self._held.values()):
            if not held.done():
                held.set_result(None)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def open(self) -> list[Ask]:
        """What waits for an answer, oldest first."""
        return sorted(self._open.values(), key=lambda ask: ask.created_at)

    async def of_card(self, card: str) -> list[Ask]:
        """Every question that this card shows or showed."""
        return await self._rows.of_card(card)

    def chosen(self, card: str, bound: str, option: int) -> tuple[list[Ask], Choice]:
        """The open questions of a card and one of their choices, if the card still is as it was when `bound` was made.

        Raises AskChanged.
        """
        asks = [ask for ask in self.open() if ask.card == card]
        if not asks or mark(asks) != bound or not 0 <= option < len(asks[0].choices):
            raise AskChanged("This has changed since the message was written, or was answered already.")
        return asks, asks[0].choices[option]

    async def redraw(self, card: str) -> None:
        """Show a card as things are now."""
        await self._rows.redraw(card)

    async def split(self, card: str) -> None:
        """Each question of a shared card gets a message of its own."""
        for ask in await self._rows.split(card):
            if ask.id in self._open:
                self._open[ask.id] = ask

    def let_go(self, card: str, bound: str) -> None:
        """Give up the hook, so that the CLI shows its own dialog with all its choices. Raises AskChanged."""
        asks, _ = self.chosen(card, bound, 0)
        for ask in asks:
            held = self._held.get(ask.id)
            if held is not None and not held.done():
                held.set_result(None)

    async def answer(
        self,
        card: str,
        bound: str,
        option: int,
        *,
        by: str,
        place: str,
        text: str = "",
        chat_id: int | None = None,
    ) -> Answered:
        """Give this answer to every question of the card. `text` is for the agent to read, after a no.

        Raises AskChanged or NotTaken when no agent took it; with several agents those that did not are named.
        """
        try:
            asks, choice = self.chosen(card, bound, option)
        except AskChanged:
            await self._rows.redraw(card)
            raise
        results = await asyncio.gather(
            *(self._answer_one(ask, choice, by, place, text, chat_id) for ask in asks), return_exceptions=True
        )
        failed: dict[str, str] = {}
        for ask, result in zip(asks, results, strict=True):
            if isinstance(result, MafError):
                failed[ask.agent] = result.message
                self._check_soon(ask.agent)
            elif isinstance(result, BaseException):
                raise result
        if len(failed) == len(asks):
            await self._rows.redraw(card)
            raise next(result for result in results if isinstance(result, MafError))
        return Answered(choice, tuple(a.agent for a in asks if a.agent not in failed), failed)

    async def permit(self, agent: Agent, event: HookEvent) -> object:
        """A PermissionRequest hook waits; what it is to print, None to let its CLI ask by itself."""
        if self._closing:
            return None
        question = from_hook(event.payload, cli=agent.kind, workspace=str(agent.workdir))
        held: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        wait = self._codex_wait if agent.kind == "codex" else CLAUDE_WAIT
        ask_id = ""
        try:
            self._coming[agent.id] += 1
            try:
                async with self._locks[agent.id]:
                    ask_id = (await self._hold(agent, event, question, held, wait)).id
            finally:
                self._coming[agent.id] -= 1
            async with asyncio.timeout(wait.total_seconds()):
                return await held
        except TimeoutError:
            return None
        finally:
            self._held.pop(ask_id, None)
            if ask_id in self._open and not self._closing:
                self._since[ask_id] = self._clock.monotonic()
                self._spawn(self._unheld(ask_id))

    async def remind(self) -> None:
        """One reminder for what nobody has answered for a while."""
        late = self._clock.now() - self._remind_after
        cards: defaultdict[str, list[Ask]] = defaultdict(list)
        for ask in self.open():
            cards[ask.card].append(ask)
        for asks in cards.values():
            if any(a.reminded_at for a in asks) or min(a.created_at for a in asks) > late:
                continue
            await self._rows.remind(asks)
            for ask in asks:
                self._keep(await self._rows.change(ask.id, reminded_at=self._clock.now()))

    async def observe(self) -> None:
        """Compare the last looks with what is open; what differs is looked at again and then acted upon."""
        for view in self._watch.views():
            look = self._watch.last(view.id)
            if look is not None and not self._verdict(look).nothing:
                self._check_soon(view.id)
        known = {agent.id for agent in await self._registry.all()} if self._open else set()
        for ask in self.open():
            if ask.agent not in known:
                await self._over(ask, "gone", f"There is no agent {ask.agent} any more.")

    async def _run(self) -> None:
        while True:
            await self._watch.ticked(1.0)
            try:
                await self.observe()
            except MafError as error:
                log.warning("open questions could not be compared with the screens: %s", error.message)

    def _check_soon(self, agent_id: str) -> None:
        if agent_id not in self._checking:
            self._checking.add(agent_id)
            self._spawn(self._check(agent_id))

    async def _check(self, agent_id: str) -> None:
        """Look again after a moment: only what is still so is so."""
        try:
            first = self._watch.last(agent_id)
            before = self._verdict(first) if first is not None else Verdict()
            await asyncio.sleep(CONFIRM_S)
            async with self._locks[agent_id]:
                look = (await self._watch.look([agent_id])).get(agent_id)
                if look is None:
                    return
                verdict = self._verdict(look)
                if verdict == before or (verdict.over and set(verdict.over) & set(before.over)):
                    await self._act(look, verdict)
        except MafError as error:
            log.info("%s could not be looked at again: %s", agent_id, error.message)
        finally:
            self._checking.discard(agent_id)

    def _verdict(self, look: Look) -> Verdict:
        now = self._clock.monotonic()
        standing = [
            Standing(ask, ask.id in self._held, now - self._since.get(ask.id, 0.0))
            for ask in self.open()
            if ask.agent == look.view.id
        ]
        return conclude(standing, self._dialog_of(look, standing), running=bool(look.clis))

    def _dialog_of(self, look: Look, standing: Sequence[Standing]) -> Dialog | None:
        """The dialog that a person is to be asked about. A limit is the business of quota; a menu gets its time."""
        dialog = look.reading.dialog if look.reading is not None and look.clis else None
        if dialog is None or dialog.kind == "limit" or look.view.state is State.LIMITED:
            return None
        if dialog.kind == "other" and all(s.ask.fingerprint != dialog.fingerprint for s in standing):
            key, now = (look.view.id, dialog.fingerprint), self._clock.monotonic()
            self._menus = {k: at for k, at in self._menus.items() if now - at < 600}
            return dialog if now - self._menus.setdefault(key, now) >= MENU_S else None
        return dialog

    async def _act(self, look: Look, verdict: Verdict) -> None:
        agent, dialog = look.view.agent, look.reading.dialog if look.reading is not None else None
        for ask_id in verdict.over:
            if (ask := self._open.get(ask_id)) is not None:
                ended = "" if look.clis else f"{agent.id} has ended."
                await self._over(ask, "gone" if ended else "answered", ended)
        if dialog is None:
            return
        question = from_dialog(dialog, workspace=str(agent.workdir))
        if verdict.joins:
            await self._join(self._open[verdict.joins], question)
        elif verdict.new:
            sharing = group_of(question, agent=agent.id, profile=agent.profile, workdir=str(agent.workdir))
            ask = self._keep(await self._rows.add(agent, question, source="screen", sharing=sharing))
            if question.kind == "trust" and await self._is_trusted(agent):
                self._spawn(self._say_yes(ask))

    async def _hold(
        self, agent: Agent, event: HookEvent, question: Question, held: asyncio.Future[object], wait: timedelta
    ) -> Ask:
        """The row of a question whose hook waits now."""
        dialog = await self._soon_seen(agent, question) if agent.kind == "claude" else None
        until = self._clock.now() + wait if agent.kind == "codex" else None
        given = event.payload.get("permission_suggestions")
        suggestions = given[:50] if isinstance(given, list) and agent.kind == "claude" else []
        known = next(
            (a for a in self.open() if a.agent == agent.id and dialog and a.fingerprint == dialog.fingerprint), None
        )
        if known is not None:
            ask = await self._rows.change(known.id, source="both", suggestions=suggestions, command=question.command)
        else:
            asked = question if dialog is None else _together(question, dialog, str(agent.workdir))
            sharing = group_of(asked, agent=agent.id, profile=agent.profile, workdir=str(agent.workdir))
            source = "hook" if dialog is None else "both"
            more = {"held_until": until, "suggestions": suggestions}
            ask = await self._rows.add(agent, asked, source=source, sharing=sharing, **more)
        self._held[ask.id] = held
        return self._keep(ask)

    async def _soon_seen(self, agent: Agent, question: Question) -> Dialog | None:
        for number in range(TOGETHER_LOOKS):
            look = (await self._watch.look([agent.id])).get(agent.id)
            dialog = look.reading.dialog if look is not None and look.reading is not None else None
            if dialog is not None and same_question(question, dialog):
                return dialog
            if number + 1 < TOGETHER_LOOKS:
                await asyncio.sleep(0.12)
        return None

    async def _join(self, ask: Ask, question: Question) -> None:
        """The dialog of a question that a hook told of: its own choices are what can be answered now."""
        self._keep(
            await self._rows.change(
                ask.id,
                fingerprint=question.fingerprint,
                choices=choices_json(question.choices),
                source="both",
                kind=question.kind,
                title=question.title,
            )
        )

    async def _unheld(self, ask_id: str) -> None:
        """Its hook waits no more: the dialog that comes or does not come says what became of it."""
        ask = await self._rows.change(ask_id, held_until=None)
        if ask_id in self._open:
            self._keep(ask)

    async def _over(self, ask: Ask, status: str, note: str) -> None:
        """Nobody has to answer it any more."""
        self._open.pop(ask.id, None)
        held = self._held.get(ask.id)
        if held is not None and not held.done():
            held.set_result(None)
        via = "pane" if status == "answered" else ""
        await self._rows.change(
            ask.id, status=status, via=via, note=note, answered_at=self._clock.now(), held_until=None
        )

    async def _answer_one(self, ask: Ask, choice: Choice, by: str, place: str, text: str, chat_id: int | None) -> None:
        async with self._locks[ask.agent]:
            if ask.id not in self._open:
                raise AskChanged(f"{ask.agent}'s question was answered already.")
            detail = {"question": ask.id, "command": ask.command[:2000], "answer": choice.label, "text": text[:2000]}
            async with self._audit.action(
                actor=by, place=place, action="permission.answer", target=f"{ask.agent}: {choice.label}", detail=detail
            ):
                via = await self._give(self._open[ask.id], choice, by, text)
            self._open.pop(ask.id, None)
            await self._rows.change(
                ask.id,
                status="answered",
                answer=choice.label + (f": {text}" if text else ""),
                answered_by=by,
                via=via,
                answered_at=self._clock.now(),
                held_until=None,
            )
        if ask.kind == "trust" and choice.grant == "lasting" and place != "preapproved":
            agent = await self._registry.get(ask.agent)
            await self._rows.trust(ask.profile or "", agent.workdir)
        if text and via == "keys":
            self._spawn(self._tell(ask.agent, text, by, chat_id))

    async def _give(self, ask: Ask, choice: Choice, by: str, text: str) -> str:
        held = self._held.get(ask.id)
        if held is not None and not held.done() and hook_can(ask, choice):
            await self._answerer.by_hook(
                ask, choice, held, by=by, text=text, asks_again=lambda: self._coming[ask.agent] > 0
            )
            return "hook"
        if not ask.fingerprint:
            raise AskChanged(f"{ask.agent}'s own dialog is not on its screen yet.")
        await self._answerer.by_keys(ask, choice)
        return "keys"

    async def _tell(self, agent: str, text: str, by: str, chat_id: int | None) -> None:
        """After a no by keys the composer is free again: what to do instead is an ordinary prompt."""
        async with self._store.begin() as tx:
            key = f"delivery:tell:{self._clock.monotonic():.6f}:{agent}"
            delivery = await self._deliveries.create(tx, agent=agent, text=text, created_by=by, notice_key=key)
            await post(tx, "delivery", {"delivery": delivery.id}, chat_id=chat_id, key=key)
        await self._deliveries.run(delivery.id)

    async def _is_trusted(self, agent: Agent) -> bool:
        return any(
            profile == (agent.profile or "") and (folder == agent.workdir or folder in agent.workdir.parents)
            for profile, folder in await self._rows.trusted()
        )

    async def _say_yes(self, ask: Ask) -> None:
        """An owner trusted this folder for this profile before."""
        yes = [n for n, c in enumerate(ask.choices) if c.grant == "lasting" and c.label.lower().startswith("yes")]
        if len(yes) != 1:
            return
        try:
            await self._answer_one(ask, ask.choices[yes[0]], "maf", "preapproved", "", None)
        except (Refused, NotFound) as error:
            log.info("%s: the question of trust was left to the person: %s", ask.agent, error.message)

    def _keep(self, ask: Ask) -> Ask:
        self._open[ask.id] = ask
        self._since.setdefault(ask.id, self._clock.monotonic())
        return ask

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work, name="permissions")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work on a permission broke off", exc_info=error)


def _together(question: Question, dialog: Dialog, workspace: str) -> Question:
    """The exact words of the hook, the choices of the dialog."""
    seen = from_dialog(dialog, workspace=workspace)
    return Question(
        kind="permission",
        tool=question.tool,
        title=dialog.title,
        command=question.command,
        risk=question.risk,
        choices=seen.choices,
        question=question.question,
        fingerprint=dialog.fingerprint,
    )

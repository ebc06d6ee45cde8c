"""Typing prompts into panes: many at once in one round, each step a row before it is an action.

One round: look at all -> rows -> paste all -> rows `typed` -> settle -> look again -> Enter. So fifty prompts cost one
pause. A large round goes in groups: one is looked at again while the next still settles; then Enter for all at once.
The caller holds the agent's lock, so an agent is in one round at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from bot.agents.delivery.evidence import has_ref
from bot.agents.delivery.model import Delivery
from bot.agents.delivery.points import Point
from bot.agents.delivery.rows import DeliveryRows
from bot.agents.delivery.second_look import may_enter, unsent, why_held
from bot.agents.delivery.trail import Trail, trail_of
from bot.agents.preflight import Decision, decide
from bot.agents.state.watch import Look, Watch
from bot.checkpoint import Checkpoint
from bot.clis.kinds import cli_for
from bot.errors import MafError
from bot.tmux.panes import Panes, PasteResult

# Facts: Claude joins an Enter within 100 ms of a paste to the paste, Codex within 120 ms of typed characters.
SETTLE_S = 0.15
GATHER_S = 0.003  # prompts that come within this time share a round
GROUP = 10  # panes
STALE_S = 0.5  # what was seen this long before a paste is looked at again
_LOOK_AGAIN_S = 0.1

_T = TypeVar("_T")
Outcome = Literal["entered", "held", "busy", "refused", "lost"]


@dataclass(frozen=True, slots=True)
class Typed:
    """How far it came. entered: Enter was pressed, by us or at the terminal · held: the text is in the pane, without
    Enter · busy, refused: the pane is untouched · lost: tmux went away in the middle, so it has to be looked at."""

    outcome: Outcome
    reason: str = ""
    trail: Trail | None = None
    passes: bool = False


@dataclass(slots=True)
class _Work:
    delivery: Delivery
    done: asyncio.Future[Typed]
    look: Look | None = None
    trail: Trail | None = None
    pasted_at: float = 0.0  # by the event loop's clock
    by_hand: bool = False  # a person says so: its time does not count

    @property
    def command(self) -> bool:
        return self.look is not None and is_command(self.look.view.agent.kind, self.delivery)

    @property
    def pane(self) -> str:
        return (self.look.view.agent.pane or "") if self.look is not None else ""

    def end(self, outcome: Outcome, reason: str = "", *, passes: bool = False) -> None:
        if not self.done.done():
            self.done.set_result(Typed(outcome, reason, self.trail, passes))


def is_command(kind: str, delivery: Delivery) -> bool:
    """A slash command, sent raw: it is typed with keys. Any other text ends with its ref line."""
    return not has_ref(delivery) and cli_for(kind).typed_command(delivery.text)


class Typist:
    """Gathers what is to be typed and does it in rounds."""

    def __init__(
        self,
        watch: Watch,
        panes: Panes,
        rows: DeliveryRows,
        checkpoint: Checkpoint,
        *,
        over: Callable[[Delivery], str],
        patience: float = 10.0,
    ) -> None:
        """`over` says why a prompt is not to be typed any more. It is asked right before each act of ours: between them
        the store may have been locked for hours."""
        self._watch = watch
        self._panes = panes
        self._rows = rows
        self._checkpoint = checkpoint
        self._over = over
        self._patience = patience  # seconds for our text to appear in the composer, or for a question to be answered
        self._waiting: list[_Work] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathering: asyncio.Task[None] | None = None

    async def type(self, delivery: Delivery) -> Typed:
        """Type it, if the agent may be typed at now. Never raises for tmux: that is `lost` or `refused`."""
        work = _Work(delivery, asyncio.get_running_loop().create_future())
        self._waiting.append(work)
        if self._gathering is None:
            self._gathering = self._spawn(self._gather())
        return await work.done

    async def enter(self, delivery: Delivery, look: Look, trail: Trail, *, by_hand: bool) -> Typed:
        """Press the one Enter for a text that stood in the composer at the caller's `look`, if it does so now."""
        work = _Work(delivery, asyncio.get_running_loop().create_future(), look, trail, by_hand=by_hand)
        self._enter_soon(work)
        return await work.done

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _enter_soon(self, work: _Work) -> None:
        self._spawn(self._enter_later(work)).add_done_callback(lambda done: _tell([work], done))

    async def _gather(self) -> None:
        await asyncio.sleep(GATHER_S)
        self._gathering = None
        batch, self._waiting = self._waiting, []
        self._spawn(self._round(batch)).add_done_callback(lambda done: _tell(batch, done))

    async def _round(self, batch: Sequence[_Work]) -> None:
        go = await self._free(batch)
        waited = [work.delivery.id for work in go if _not_intended(work.delivery)]
        if waited:
            begun = asyncio.get_running_loop().time()
            await self._rows.begin(waited)
            if asyncio.get_running_loop().time() - begun > STALE_S:  # the store was locked, and a question may be open
                go = await self._free(go)
        if not go:
            return
        self._pass("after_intended", go)
        there = [work for group in await _all(self._put(group) for group in _groups(go)) for work in group]
        self._pass("after_paste", go)
        if not there:
            return
        await self._rows.change_alike([work.delivery.id for work in there], status="typed", reason="")
        self._pass("after_typed", there)
        ready = await _all(self._look_again(group) for group in _groups(there))
        await self._press([work for group in ready for work in group])

    async def _free(self, works: Sequence[_Work]) -> list[_Work]:
        """Those that may be typed at now; the others have come to their end."""
        for work in works:
            if why := self._over(work.delivery):
                work.end("refused", f"{why} Nothing was typed. {work.delivery.reason}".strip())
        works = [work for work in works if not work.done.done()]
        looks = await self._watch.look({work.delivery.agent for work in works}, anew=False) if works else {}
        go = [work for work in works if _decided(work, looks)]
        if go:
            await asyncio.to_thread(self._mark, go)
        return go

    def _mark(self, go: Sequence[_Work]) -> None:
        for work in go:
            if work.look is not None:
                work.trail = trail_of(self._watch, work.look, work.delivery)

    async def _put(self, go: Sequence[_Work]) -> list[_Work]:
        """Paste the texts in one write; commands are typed, for a pasted slash is text to some composers. Returns those
        that went in; the others have come to their end."""
        commands = [work for work in go if work.command]
        answers = await _all([self._paste([work for work in go if not work.command]), *map(self._type, commands)])
        there = []
        for work, result in (pair for pairs in answers for pair in pairs):
            work.pasted_at = asyncio.get_running_loop().time()
            if result.ok:
                there.append(work)
            else:
                work.trail = None
                work.end("refused", f"Nothing was typed: the pane of {work.delivery.agent} is {result.why}.")
        return there

    async def _paste(self, works: Sequence[_Work]) -> list[tuple[_Work, PasteResult]]:
        results = await self._panes.paste_many([(w.pane, w.delivery.text, w.delivery.id) for w in works])
        return list(zip(works, results, strict=True))

    async def _type(self, work: _Work) -> list[tuple[_Work, PasteResult]]:
        return [(work, await self._panes.press(work.pane, work.delivery.text, literal=True))]

    async def _look_again(self, there: Sequence[_Work]) -> list[_Work]:
        """When these have settled: those in which Enter may be pressed. The others are waited for, on their own."""
        settled = max(work.pasted_at for work in there) + SETTLE_S
        await asyncio.sleep(settled - asyncio.get_running_loop().time())
        try:
            looks = await self._watch.look({work.delivery.agent for work in there}, again=True)
        except MafError as error:
            for work in there:
                work.end("lost", error.message)
            return []
        ready: list[_Work] = []
        for work in there:
            look = looks.get(work.delivery.agent)
            if why := self._over(work.delivery):
                work.end("held", unsent(work.delivery, why))
            elif look is not None and may_enter(look, work.delivery) == "yes":
                ready.append(work)
            else:
                self._enter_soon(work)
        return ready

    async def _press(self, ready: Sequence[_Work]) -> None:
        if not ready:
            return
        pressed = await self._panes.press_many([work.pane for work in ready], "Enter")
        self._pass("after_enter", ready)
        for work, result in zip(ready, pressed, strict=True):
            if result.ok:
                work.end("entered")
            else:
                work.end("held", f"Enter was not pressed: the pane of {work.delivery.agent} is {result.why}.")

    async def _enter_later(self, work: _Work) -> None:
        """The text has not shown itself yet, or a question came up: wait for a while, then leave it to the person."""
        agent = work.delivery.agent
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    await asyncio.sleep(_LOOK_AGAIN_S)
                    look = (await self._watch.look([agent])).get(agent)
                    work.look = look or work.look
                    if not work.by_hand and (why := self._over(work.delivery)):
                        work.end("held", unsent(work.delivery, why))
                        return
                    if work.trail is not None and (await asyncio.to_thread(work.trail.read)).entered:
                        work.end("entered")  # by the person at the terminal
                        return
                    answer = may_enter(look, work.delivery) if look is not None else "no"
                    if answer == "yes":
                        await self._press([work])
                        return
                    if answer == "no":
                        break
        except TimeoutError:
            pass
        work.end("held", why_held(work.look, agent))

    def _pass(self, point: Point, works: Sequence[_Work]) -> None:
        for work in works:
            self._checkpoint(point, work.delivery.id)


def _tell(batch: Sequence[_Work], done: asyncio.Task[None]) -> None:
    """Whoever waits hears of what broke the round off: tmux gone, a fault of ours, or the end of all."""
    error = None if done.cancelled() else done.exception()
    for work in batch:
        if done.cancelled():
            work.done.cancel()
        elif isinstance(error, MafError):
            work.end("lost" if work.trail is not None else "refused", error.message)
        elif error is not None and not work.done.done():
            work.done.set_exception(error)


def _groups(works: Sequence[_Work]) -> list[Sequence[_Work]]:
    return [works[at : at + GROUP] for at in range(0, len(works), GROUP)]


async def _all(jobs: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """Their results, when every one has come to its end; then the first error, if there was one."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _decided(work: _Work, looks: Mapping[str, Look]) -> bool:
    work.look = looks.get(work.delivery.agent)
    if work.look is None:
        work.end("refused", f"There is no agent {work.delivery.agent} any more.")
        return False
    decision: Decision = decide(work.look.facts(), now=work.delivery.mode == "now")
    if decision.act != "go":
        work.end("busy" if decision.act == "queue" else "refused", decision.reason, passes=decision.passes)
        return False
    return True


def _not_intended(delivery: Delivery) -> bool:
    return delivery.status != "intended" or bool(delivery.reason)

"""Giving an agent the answer of a person: through the hook that waits, else with keys on the dialog that stands there.

Before either the dialog is read again, and a key is pressed only while it is on the screen; afterwards it must be gone.
No key is pressed twice: the same question may have come up again, and that one nobody has answered (but see `_enter`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from bot.agents.permissions.on_screen import OnScreen, on_screen
from bot.agents.permissions.outcome import Aftermath, Outcome, seen
from bot.agents.permissions.question import AT_START, Choice, allow, choices_of, deny
from bot.agents.permissions.rows import Ask
from bot.agents.state.watch import Look, Watch
from bot.clis.kinds import cli_for
from bot.clis.model import Composer, Dialog, State
from bot.clock import Clock
from bot.errors import Refused
from bot.tmux.panes import Panes

SETTLE_S = 0.3  # Claude ignores keys for 150 ms after a dialog appears
GONE_S = 3.0  # both CLIs take a dialog away within 0.15 s
_LOOK_S = 0.08
SURE_S = 10.0  # a CLI tells in 0.1 s what became of its question, and takes its time on a machine at its limit
SURE_LOOKS = 6  # Claude takes up to 120 ms to draw a key that came after an Esc


class AskChanged(Refused):
    """This question is not the one that stands there now."""

    code = "question_changed"
    hint = "Nothing was pressed. Its message shows how things are now."


class NotTaken(Refused):
    """The question still stands there."""

    code = "answer_not_taken"
    hint = "Look at its screen, then answer again if it is still the same."


class Answerer:
    """Answers one question of one agent; the caller holds the agent's lock. `known`: what else that agent asks."""

    def __init__(self, watch: Watch, panes: Panes, clock: Clock, known: Callable[[str], Sequence[Ask]]) -> None:
        self._watch = watch
        self._panes = panes
        self._clock = clock
        self._known = known

    async def by_hook(
        self, ask: Ask, choice: Choice, held: asyncio.Future[object], *, by: str, text: str, subagent: bool
    ) -> None:
        """Let this very hook print the decision. Of a `subagent` neither the screen nor the conversation tells what
        became of it; its CLI draws no dialog beside such a hook, so that nobody else can have been first.

        Raises AskChanged when it was answered at the pane meanwhile, NotTaken (frozen, or still there).
        """
        before = await self._awake(ask)
        if ask.fingerprint and not self._stands(ask, on_screen(before)):
            raise AskChanged(f"{ask.agent}'s question left its screen meanwhile.")
        if held.done():
            raise AskChanged(f"{ask.agent}'s hook does not wait any more.")
        held.set_result(decision(ask, choice, by=by, text=text))
        if ask.fingerprint:
            await self._gone(ask)
        if not subagent:
            await self._was_ours(ask, choice, "", before)

    async def by_keys(self, ask: Ask, choice: Choice) -> None:
        """Choose by the label on the fresh screen. Raises AskChanged, NotTaken, TmuxGone."""
        look, pane = await self._ready(ask)
        dialog = self._standing(ask, look).dialog
        given = _given(dialog, choice, ask)
        if given.key:
            await self._press(ask, pane, given.key, dialog, given.label)
            await self._gone(ask)
        else:
            await self._go_to(ask, pane, dialog, given)
            await self._enter(ask, pane, given, look)
        if (
            ask.kind != "unknown"
        ):  # nobody knows what a key does there, so nothing more is claimed than that it was pressed
            await self._was_ours(ask, choice, given.key, look)

    async def tick(self, ask: Ask, choice: Choice) -> OnScreen:
        """Mark an answer, or take its mark away: it stands there still afterwards, with the other mark. Raises
        AskChanged, NotTaken, TmuxGone."""
        look, pane = await self._ready(ask)
        dialog = self._standing(ask, look).dialog
        await self._press(ask, pane, _given(dialog, choice, ask).key, dialog, choice.label)
        begun = self._clock.monotonic()
        while self._clock.monotonic() - begun < GONE_S:
            await asyncio.sleep(_LOOK_S)
            shown = self._standing(ask, await self._look(ask))
            if choice not in shown.question.choices:
                return shown
        raise NotTaken(f"{ask.agent}'s question did not take the mark.")

    async def move(self, ask: Ask, choice: Choice) -> OnScreen | None:
        """Press an arrow on a screen that no rule knows; what stands there then, None for nothing that asks. Raises
        AskChanged, NotTaken, TmuxGone."""
        look, pane = await self._ready(ask)
        await self._press(ask, pane, choice.key, self._standing(ask, look).dialog)
        begun = self._clock.monotonic()
        while self._clock.monotonic() - begun < GONE_S:
            await asyncio.sleep(_LOOK_S)
            shown = on_screen(await self._look(ask))
            if shown is None or shown.question.question != ask.question:
                return shown
        raise NotTaken(f"{ask.agent}'s screen did not follow the key.")

    async def _ready(self, ask: Ask) -> tuple[Look | None, str]:
        """A look at the question once it takes keys, and the pane that it stands in."""
        look = await self._awake(ask)
        self._standing(ask, look)
        if (wait := SETTLE_S - (self._clock.now() - ask.created_at).total_seconds()) > 0:
            await asyncio.sleep(wait)
        pane = look.view.agent.pane if look is not None else None
        if not pane:
            raise AskChanged(f"{ask.agent} has no pane any more.")
        return look, pane

    async def _go_to(self, ask: Ask, pane: str, dialog: Dialog, choice: Choice) -> None:
        """Choices without digits: move the mark, until it is seen where it should be."""
        labels = [option.label for option in dialog.options]
        at = next((i for i, option in enumerate(dialog.options) if option.selected), 0)
        steps = labels.index(choice.label) - at
        for _ in range(abs(steps)):
            await self._press(ask, pane, "Down" if steps > 0 else "Up", dialog)
            await asyncio.sleep(_LOOK_S)
        begun = self._clock.monotonic()
        while not _marked(self._standing(ask, await self._look(ask)).dialog, choice):
            if self._clock.monotonic() - begun > GONE_S:
                raise NotTaken(f"{ask.agent}'s list did not follow the keys; nothing was chosen.")
            await asyncio.sleep(_LOOK_S)

    async def _enter(self, ask: Ask, pane: str, choice: Choice, before: Look | None) -> None:
        """Take the marked choice. A CLI that draws much drops keys: a question that it asks once in its life and that
        stands there still, with the mark where it was, gets one more Enter."""
        await self._press(ask, pane, "Enter", self._standing(ask, await self._look(ask)).dialog, choice.label)
        try:
            await self._gone(ask)
        except NotTaken:
            look = await self._look(ask)
            dialog = self._standing(ask, look).dialog
            if ask.kind not in AT_START or _programs(look) != _programs(before) or not _marked(dialog, choice):
                raise
            await self._press(ask, pane, "Enter", dialog, choice.label)
            await self._gone(ask)

    async def _press(self, ask: Ask, pane: str, key: str, dialog: Dialog, label: str = "") -> None:
        """While the words of the dialog, and the choice with this label, stand on the screen line by line."""
        chosen = [option.line for option in dialog.options if label and option.label == label]
        result = await self._panes.press(pane, key, shows=[*dialog.body, *chosen])
        if not result.ok:
            if result.why == "changed":
                raise AskChanged(f"{ask.agent}'s question changed in the very moment of the answer.")
            raise AskChanged(f"{ask.agent}'s pane takes no keys now ({result.why}).")

    async def _gone(self, ask: Ask) -> None:
        """Until its dialog is; another hook's question in the same words may stand there next."""
        begun = self._clock.monotonic()
        while self._clock.monotonic() - begun < GONE_S:
            again = any(one.question == ask.question for one in self._known(ask.agent) if one.id != ask.id)
            if again or not self._stands(ask, on_screen(await self._look(ask))):
                return
            await asyncio.sleep(_LOOK_S)
        raise NotTaken(f"{ask.agent} shows the same question still, or again.")

    async def _was_ours(self, ask: Ask, choice: Choice, key: str, before: Look | None) -> None:
        """The question is gone: by our answer, or by somebody at the pane in the same moment? Raises AskChanged, also
        where that cannot be told: a yes that nobody took is never claimed."""
        words = cli_for(ask.cli).interrupted
        after = Aftermath(ask, words, seen(before), hook=not key)
        if not words and not after.asked:
            return
        if choice.grant == "no":
            await self._refused(ask, choice, key, after)
            return
        went = await self._went(ask, key, after)
        if went == "taken":
            return
        for _ in range(SURE_LOOKS if key else 0):
            await asyncio.sleep(_LOOK_S)
            await self._take_back(ask, key, await self._look(ask))
        if went == "stopped":
            raise AskChanged(
                f"{ask.agent} was stopped in its pane in the same moment.", hint="Its screen shows whether it ran."
            )
        raise AskChanged(
            f"{ask.agent}'s question is gone, and it cannot be told whether your answer was first.",
            hint="Its screen shows whether it ran.",
        )

    async def _refused(self, ask: Ask, choice: Choice, key: str, after: Aftermath) -> None:
        """A no stops the turn as an Esc does; but a yes at the pane may have been first. What a hook was told is
        written down as the result of its call."""
        begun, told = self._clock.monotonic(), not key and bool(after.asked)
        while self._clock.monotonic() - begun < (SURE_S if told else SURE_LOOKS * _LOOK_S):
            await asyncio.sleep(_LOOK_S)
            look = await self._look(ask)
            await self._take_back(ask, key, look)
            ended, ours = after.ends(seen(look))
            ran = [call for call in ended if call.end == "done" and (ask.fingerprint or call not in ours)]
            if ran and len(ran) == len(after.asked) and not choice.goes_on:
                raise AskChanged(f"{ask.agent}'s question was answered in its pane in the same moment, and it ran.")
            if not key and any(call not in ran for call in ours):
                return

    async def _went(self, ask: Ask, key: str, after: Aftermath) -> Outcome:
        """Look until it can be told what became of the question. One that no turn waits for, like a menu of the CLI,
        leaves no trace but what an Esc would draw."""
        begun, of_a_turn = self._clock.monotonic(), ask.kind in ("permission", "question")
        while (waited := self._clock.monotonic() - begun) < (SURE_S if of_a_turn else SURE_LOOKS * _LOOK_S):
            await asyncio.sleep(_LOOK_S)
            look = await self._look(ask)
            await self._take_back(ask, key, look)
            if went := after.follow(seen(look), waited):
                return went
        return "" if of_a_turn else "taken"

    async def _take_back(self, ask: Ask, key: str, look: Look | None) -> None:
        """A key of ours that came too late stands in the composer, and is taken away again. Raises AskChanged then."""
        if not key or look is None or look.reading is None or look.reading.composer != Composer("draft", key):
            return
        if look.view.agent.pane:
            await self._panes.press(look.view.agent.pane, "BSpace")
        raise AskChanged(
            f"{ask.agent}'s question was answered in its pane in the same moment.", hint="Yours came too late."
        )

    async def _awake(self, ask: Ask) -> Look | None:
        """Raises NotTaken where it is frozen: it would take the answer at some later time, unseen."""
        look = await self._look(ask)
        if look is not None and look.view.state is State.FROZEN:
            raise NotTaken(f"{ask.agent} is frozen.", hint=f"Let it go on first: `/thaw {ask.agent}`")
        return look

    def _stands(self, ask: Ask, shown: OnScreen | None) -> bool:
        """Is this the question on the screen, word by word, and no other one that looks so?"""
        one = shown.the_one(self._known(ask.agent)) if shown is not None else None
        return one is not None and one.id == ask.id

    def _standing(self, ask: Ask, look: Look | None) -> OnScreen:
        """The dialog of this question, if it stands there now. Raises AskChanged."""
        shown = on_screen(look)
        asking = (State.WAITING, State.LIMITED, *((State.IDLE, State.UNKNOWN) if ask.kind == "unknown" else ()))
        if shown is None or look is None or look.view.state not in asking:
            raise AskChanged(f"{ask.agent} does not ask this any more.")
        if not self._stands(ask, shown):
            raise AskChanged(f"{ask.agent} asks something else now.")
        return shown

    async def _look(self, ask: Ask) -> Look | None:
        return (await self._watch.look([ask.agent])).get(ask.agent)


def decision(ask: Ask, choice: Choice, *, by: str, text: str) -> dict[str, Any]:
    """What the hook prints. Pure. A plain "No" ends Claude's turn as its own "No" does; with words for the model it
    goes on and reads them."""
    if choice.grant == "no":
        stop = ask.cli == "claude" and not text
        return deny(text or f"{by} said no.", stop=stop)
    return allow(ask.suggestions if choice.grant == "lasting" else ())


def hook_can(choice: Choice) -> bool:
    """Can a hook give this answer exactly as its label says? Pure. A lasting grant has the CLI's own meaning, so it is
    chosen on the CLI's own dialog."""
    return choice.grant in ("once", "no")


def _programs(look: Look | None) -> set[int]:
    return {process.pid for process in look.clis} if look is not None else set()


def _marked(dialog: Dialog, choice: Choice) -> bool:
    return dialog.selected is not None and dialog.selected.label == choice.label


def _given(dialog: Dialog, choice: Choice, ask: Ask) -> Choice:
    """The choice as it stands there now."""
    found = [one for one in choices_of(dialog) if one.label == choice.label]
    if len(found) != 1:
        raise AskChanged(f"{ask.agent}'s question has no single choice “{choice.label[:60]}” now.")
    return found[0]

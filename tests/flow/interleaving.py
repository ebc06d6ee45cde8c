"""Random interleavings of what agents ask, what stands on their screens and what a person taps, and whether it held:
no call was let run that no tap on a card with just its words allowed, and no question was closed as answered that
nobody answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.agents.permissions.rows import Ask, mark
from bot.agents.permissions.service import Reply
from bot.clis.model import State
from bot.clis.wrapping import demo_rows
from bot.errors import MafError
from bot.store.tables import PermissionRow
from bot.tmux.sessions import SIZE
from tests.flow.product import Product

MAF = str(Path(sys.executable).with_name("maf"))
HOOKS = f'DEMO_HOOK="{MAF} hook"\n'
_ONCE = re.compile(r"(Yes|Yes, proceed|No)( for \d+ agents)?$")
_CARD = re.compile(r"✋ (?P<names>[\w, ]+) wants? to run.*?\n\$ (?P<words>.*?)\nin /", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended, by the agent's own record."""

    command: str
    end: str  # done, failed, refused
    by: str


@dataclass
class Story:
    """What one agent was asked to do in one interleaving. `touched`: somebody pressed keys at its pane."""

    agent: str
    calls: list[dict[str, Any]]
    touched: bool
    taps: Counter[tuple[str, str]] = field(default_factory=Counter)  # (words of the card, label)

    @property
    def commands(self) -> set[str]:
        return {str(call["command"]) for call in self.calls}


def hard_to_tell_apart(first: str) -> list[str]:
    """Texts that begin alike, or differ in white space alone; some are wider than a terminal."""
    return [
        first,
        f"{first} and more",
        first.replace(" ", "  ", 1),
        first.replace(" ", "\n", 1),
        f"{first} {first} {first} ; done",
        f"{first} {first} {first} ;  done",
        f"{first} {first} {first}  ; done",
    ]


def some_calls(dice: random.Random, number: int) -> list[dict[str, Any]]:
    """One to four calls of a demo agent, with hooks and dialogs in any order."""
    family = hard_to_tell_apart(f"ls -la packages/{number}/a/path/that/is/longer/than/forty/characters")
    chosen = [dice.choice(family) for _ in range(dice.choice((1, 2, 2, 3, 4)))]
    hooks = dice.random() < 0.6
    return [_call(dice, command, hooks=hooks) for command in chosen]


def _call(dice: random.Random, command: str, *, hooks: bool) -> dict[str, Any]:
    hook = dice.choice((None, 0.0, dice.uniform(0, 0.8))) if hooks else None
    only_hook = hook is not None and dice.random() < 0.3
    call = {"command": command, "hook": hook, "dialog": None if only_hook else dice.uniform(0, 1.0)}
    subagent = hook is not None and dice.random() < 0.3
    if subagent:
        call |= {"subagent": "a7"}  # whose dialogs Claude Code does not draw while their hooks wait
    return call | {"after": subagent or dice.random() < 0.2, "front": dice.random() < 0.2}


class Play:
    """Interleavings on the agents of a product whose agents have `HOOKS`."""

    patience = (3.0, 9.0)  # seconds from a prompt until somebody ends what is left of it

    def __init__(self, p: Product, seed: int) -> None:
        self.p = p
        self.agents = p.agents
        self.dice = random.Random(seed)
        self.stories: list[Story] = []
        self.told: Counter[str] = Counter()  # how taps were answered
        self._now: dict[str, Story] = {}
        self._cards: list[dict[str, Any]] = []  # as they were when they were looked at: old ones are tapped too

    async def run(self, times: int) -> None:
        """That many interleavings, on all agents side by side."""
        person = asyncio.create_task(self._person())
        try:
            left = iter(range(times))
            await asyncio.gather(*(self._agent(name, left) for name in self.agents))
        finally:
            person.cancel()
            await asyncio.gather(person, return_exceptions=True)
        await self.judge()

    async def _agent(self, name: str, left: Iterable[int]) -> None:
        for number in left:
            story = Story(name, self.calls(number), touched=self.dice.random() < 0.3)
            self.stories.append(story)
            self._now[name] = story
            await self.p.app.call("agent.send", {"id": name, "text": self.prompt(story.calls), "wait": 15.0})
            patience = self.dice.uniform(*self.patience)
            if story.touched:
                await asyncio.sleep(self.dice.uniform(0.3, patience / 2))
                await self._keys(name, self.dice.choice(("1", "Escape")))
            await asyncio.sleep(patience)
            await self._end(name, story)

    def calls(self, number: int) -> list[dict[str, Any]]:
        return some_calls(self.dice, number)

    def prompt(self, calls: list[dict[str, Any]]) -> str:
        return f"CALLS {json.dumps(calls)}"

    async def _end(self, name: str, story: Story) -> None:
        """Somebody says no to what is left of the turn, or stops it at the pane."""
        for _ in range(20):
            if (state := self._state(name)) in (State.IDLE, State.ERROR) and not self._open(name):
                return  # a turn that was stopped may have ended in an error
            for ask in self._open(name):
                story.taps[ask.command, "No"] += 1
                no = next((n for n, choice in enumerate(ask.choices) if choice.grant == "no"), -1)
                with contextlib.suppress(MafError):
                    await self.p.app.services.permissions.answer(ask.card, mark([ask]), no, Reply("Otto", "chat:2"))
            if (state := self._state(name)) in (State.COMPOSING, State.WAITING, State.WORKING):
                story.touched = True
                await self._keys(name, "C-u" if state is State.COMPOSING else "Escape")
            await asyncio.sleep(1.0)
        raise AssertionError(f"{name} is {self._state(name)} and asks {self._open(name)}")

    def _state(self, name: str) -> State:
        return self.p.app.services.watch.view(name).state

    def _open(self, name: str) -> list[Ask]:
        return [ask for ask in self.p.app.services.permissions.open() if ask.agent == name]

    async def _keys(self, name: str, key: str) -> None:
        pane = self.p.app.services.watch.view(name).agent.pane
        assert pane
        await self.p.app.services.panes.keys(pane, key)

    async def _person(self) -> None:
        """Taps on cards as they are, and now and then on one as it was."""
        while True:
            now = [m for m in await self.p.all() if _CARD.search(m["text"]) and m["buttons"]]
            self._cards = [*self._cards, *now][-60:]
            waiting = {ask.command for ask in self.p.app.services.permissions.open()}
            fresh = [m for m in now if any(_words_of(m) in (one, one.rstrip()) for one in waiting)]
            if cards := self._cards if self.dice.random() < 0.2 else fresh:
                await self._tap(self.dice.choice(cards))
            await asyncio.sleep(self.dice.uniform(0.05, 0.4))

    async def _tap(self, card: dict[str, Any]) -> None:
        buttons = [b for row in card["buttons"] for b in row if _ONCE.match(b["label"])]
        if not buttons:
            return
        button = self.dice.choice([*buttons, buttons[0]])
        found = _CARD.search(card["text"])
        assert found
        for name in found["names"].split(", "):
            if name in self._now:
                self._now[name].taps[_words_of(card), re.split("[ ,]", button["label"])[0]] += 1
        told = await self.p.client.press(card["message_id"], button["data"])
        self.told[re.sub(r"\bw\d\b", "w", str((told["answer"] or {}).get("text")))[:60]] += 1

    async def judge(self) -> None:
        """Whether all of it held."""
        ended = {agent: self.ended(agent) for agent in self.agents}
        async with self.p.app.services.store.begin() as tx:
            rows = list(await tx.scalars(select(PermissionRow)))
        wrong = []
        for story in self.stories:
            calls = [call for call in ended[story.agent] if call.command in story.commands]
            asked = [row for row in rows if row.agent == story.agent]
            wrong += [f"{why}\nin {story.calls}, touched: {story.touched}" for why in self._faults(story, calls, asked)]
        told = Counter(f"{row.status} {row.via}".strip() for row in rows)
        print(f"{len(self.stories)} interleavings, {sum(map(len, ended.values()))} calls, questions: {dict(told)}")
        print(*self.told.most_common(), sep="\n")
        assert not wrong, "\n\n".join(wrong)

    def same(self, shown: str, command: str) -> bool:
        """The very words, or the rows in which the agent draws them."""
        return shown in (command, "\n".join(demo_rows(command, SIZE[0]) or ()))

    def ended(self, agent: str) -> list[Ended]:
        """By the agent's own records."""
        found = []
        files = (self.p.home.root / "demo" / agent).rglob("sessions/*")
        for path in sorted(file for file in files if file.suffix in (".jsonl", ".aside")):
            for line in path.read_text(encoding="utf8").splitlines():
                entry = json.loads(line)
                if entry["type"] == "tool" and (data := entry["data"]).get("result"):
                    end = "refused" if data["refused"] else "failed" if data["error"] else "done"
                    found.append(Ended(entry["text"], end, data["by"]))
        return found

    def _faults(self, story: Story, calls: list[Ended], asked: list[PermissionRow]) -> list[str]:
        wrong = []
        for command in story.commands:
            mine = Counter((call.by, call.end) for call in calls if call.command == command)
            refused = sum(n for (_, end), n in mine.items() if end == "refused")
            taps: Counter[str] = Counter()
            for (words, label), times in story.taps.items():
                taps[label] += times if self.same(words, command) else 0
            told = Counter(
                (row.via, re.split("[ ,:]", row.answer)[0])
                for row in asked
                if row.status == "answered" and self.same(row.command, command)
            )
            pane = sum(n for (via, _), n in told.items() if via == "pane")
            for holds, what in (
                (mine["hook", "done"] <= taps["Yes"], "a hook allowed it, and no card with its words was tapped"),
                (mine["hook", "failed"] <= taps["No"], "a hook denied it, and no card with its words was tapped"),
                (
                    story.touched or mine["user", "done"] + mine["hook", "done"] <= taps["Yes"],
                    "it was allowed, and no card with its words was tapped",
                ),
                (told["hook", "Yes"] <= mine["hook", "done"], "a yes by a hook was told"),
                (told["keys", "Yes"] <= mine["user", "done"], "a yes by a key was told"),
                (told["hook", "No"] <= mine["hook", "failed"] + refused, "a no by a hook was told"),
                (told["keys", "No"] <= refused, "a no by a key was told"),
                (
                    pane <= mine["user", "done"] + refused and (story.touched or not pane),
                    "answered in its pane was told",
                ),
            ):
                if not holds:
                    wrong.append(f"{command!r}: {what}; ended {dict(mine)}, told {dict(told)}, tapped {dict(taps)}")
        return wrong


def _words_of(card: dict[str, Any]) -> str:
    found = _CARD.search(card["text"])
    return found["words"] if found else ""

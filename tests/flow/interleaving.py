"""Random interleavings of what agents ask, what stands on their screens and what a person taps, and whether it held:
no call was let run that no tap on a card with just its words allowed, and no question was closed as answered that
nobody answered.
"""

from __future__ import annotations

import asyncio
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

from bot.clis.model import State
from bot.clis.wrapping import demo_rows
from bot.store.tables import PermissionRow
from tests.flow.product import Product, until

MAF = str(Path(sys.executable).with_name("maf"))
HOOKS = f'DEMO_HOOK="{MAF} hook"\n'
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


def some_calls(dice: random.Random, number: int) -> list[dict[str, Any]]:
    """One to four calls in words that are hard to tell apart, with hooks and dialogs in any order."""
    first = f"ls -la packages/{number}/a/path/that/is/longer/than/forty/characters"
    family = [
        first,
        f"{first} && cp secrets.env public/",
        first.replace(" -la ", "  -la "),
        first.replace(" -la ", "\n-la "),
        f"{first} {first} ; echo done",  # wider than the terminal
        f"{first} {first} ;  echo done",
        f"{first} {first} ; echo  done",
    ]
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

    def __init__(self, p: Product, seed: int) -> None:
        self.p = p
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
            await asyncio.gather(*(self._agent(name, left) for name in self.p.agents))
        finally:
            person.cancel()
            await asyncio.gather(person, return_exceptions=True)
        await self.judge()

    async def _agent(self, name: str, left: Iterable[int]) -> None:
        for number in left:
            story = Story(name, some_calls(self.dice, number), touched=self.dice.random() < 0.3)
            self.stories.append(story)
            self._now[name] = story
            text = f"interleaving {number} CALLS {json.dumps(story.calls)}"
            await self.p.app.call("agent.send", {"id": name, "text": text, "wait": 15.0})
            patience = self.dice.uniform(3.0, 9.0)
            if story.touched:
                await asyncio.sleep(self.dice.uniform(0.3, patience / 2))
                await self._keys(name, self.dice.choice(("1", "Escape")))
            await asyncio.sleep(patience)
            await self._end(name, story)

    async def _end(self, name: str, story: Story) -> None:
        """Somebody stops what is left of the turn at the pane."""
        for _ in range(20):
            if (state := self._state(name)) is State.IDLE:
                break
            story.touched = True
            await self._keys(name, "C-u" if state is State.COMPOSING else "Escape")
            await asyncio.sleep(1.0)
        await until(lambda: self._state(name) is State.IDLE, f"{name} idle")
        await until(lambda: not self._open(name), f"no question of {name}")

    def _state(self, name: str) -> State:
        return self.p.app.services.watch.view(name).state

    def _open(self, name: str) -> list[str]:
        return [ask.command for ask in self.p.app.services.permissions.open() if ask.agent == name]

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
        buttons = [b for row in card["buttons"] for b in row if re.match(r"(Yes|No)( for \d+ agents)?$", b["label"])]
        if not buttons:
            return
        button = self.dice.choice([*buttons, buttons[0]])
        found = _CARD.search(card["text"])
        assert found
        for name in found["names"].split(", "):
            if name in self._now:
                self._now[name].taps[_words_of(card), button["label"].split(" ")[0]] += 1
        told = await self.p.client.press(card["message_id"], button["data"])
        self.told[re.sub(r"\bw\d\b", "w", str((told["answer"] or {}).get("text")))[:60]] += 1

    async def judge(self) -> None:
        """Whether all of it held."""
        ended = {agent: self._ended(agent) for agent in self.p.agents}
        async with self.p.app.services.store.begin() as tx:
            rows = list(await tx.scalars(select(PermissionRow)))
        wrong = []
        for story in self.stories:
            calls = [call for call in ended[story.agent] if call.command in story.commands]
            asked = [row for row in rows if row.agent == story.agent and _is_of(row, story)]
            wrong += [f"{why}: {story}, ended {calls}" for why in _faults(story, calls, asked)]
        told = Counter(f"{row.status} {row.via}".strip() for row in rows)
        print(f"{len(self.stories)} interleavings, {sum(map(len, ended.values()))} calls, questions: {dict(told)}")
        print(*self.told.most_common(), sep="\n")
        assert not wrong, "\n\n".join(wrong)

    def _ended(self, agent: str) -> list[Ended]:
        found = []
        files = (self.p.home.root / "demo" / agent).rglob("sessions/*")
        for path in sorted(file for file in files if file.suffix in (".jsonl", ".aside")):
            for line in path.read_text(encoding="utf8").splitlines():
                entry = json.loads(line)
                if entry["type"] == "tool" and (data := entry["data"]).get("result"):
                    end = "refused" if data["refused"] else "failed" if data["error"] else "done"
                    found.append(Ended(entry["text"], end, data["by"]))
        return found


def _words_of(card: dict[str, Any]) -> str:
    found = _CARD.search(card["text"])
    return found["words"] if found else ""


def _is_of(row: PermissionRow, story: Story) -> bool:
    return any(_same(row.command, command) for command in story.commands)


def _same(shown: str, command: str) -> bool:
    """The very words, or the rows in which the demo agent draws them."""
    return shown in (command, "\n".join(demo_rows(command, 80) or ()))


def _faults(story: Story, calls: list[Ended], asked: list[PermissionRow]) -> list[str]:
    wrong = []
    for command in story.commands:
        mine = [call for call in calls if call.command == command]
        of_hook = [call for call in mine if call.by == "hook"]
        of_keys = [call for call in mine if call.by == "user" and call.end == "done"]
        yes = sum(n for (words, label), n in story.taps.items() if label == "Yes" and _same(words, command))
        no = sum(n for (words, label), n in story.taps.items() if label == "No" and _same(words, command))
        if sum(call.end == "done" for call in of_hook) > yes or sum(call.end == "failed" for call in of_hook) > no:
            wrong.append(f"a hook was answered though no card with its words was tapped ({command!r})")
        if not story.touched and len(of_keys) + len(of_hook) > yes + no:
            wrong.append(f"a key was pressed though no card with its words was tapped ({command!r})")
        rows = [row for row in asked if row.status == "answered" and _same(row.command, command)]
        by = Counter(row.via for row in rows)
        if by["hook"] > len(of_hook):
            wrong.append(f"{by['hook']} told as answered by hook, {len(of_hook)} were ({command!r})")
        if by["keys"] + by["pane"] > sum(call.by == "user" for call in mine):
            wrong.append(f"{dict(by)} told as answered, {mine} were ({command!r})")
        if by["pane"] and not story.touched:
            wrong.append(f"told as answered in its pane, where nobody was ({command!r})")
    return wrong

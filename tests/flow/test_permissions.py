"""Permissions over HTTP: a demo agent asks in its pane, a person answers in the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.agents.permissions.rows import card_key
from bot.notices import post
from tests.clocks import Ahead
from tests.flow.product import Product, answered, button, product, until


def is_ask(command: str) -> Any:
    return lambda m: m["text"].startswith("✋") and f"$ {command}" in m["text"] and bool(m["buttons"])


def later(message_id: int) -> Any:
    return lambda m: m["message_id"] > message_id and is_ask("git push origin b")(m)


def wants(agent: str, command: str) -> Any:
    return lambda m: f"{agent} wants to run" in m["text"] and command in m["text"]


def is_idle(p: Product, agent: str) -> Callable[[], bool]:
    return lambda: state(p, agent) == "idle"


async def told(p: Product, words: str, times: int) -> bool:
    return sum(words in m["text"] for m in await p.all()) == times


def state(p: Product, agent: str) -> str:
    return str(p.app.services.watch.view(agent).state)


async def asks(p: Product, agent: str, command: str) -> None:
    await p.app.call("agent.send", {"id": agent, "text": f"SHELL `{command}`", "wait": 10.0})


async def test_a_question_of_a_program_that_was_started_anew_was_not_answered(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        await asks(p, "w1", "npm test -- cart")
        card = await p.message(is_ask("npm test -- cart"))
        await p.app.call("agent.restart", {"id": "w1"})
        ended = await p.becomes(card["message_id"], lambda m: not m["buttons"])
        assert "w1: nothing to answer any more" in ended["text"]
        await until(is_idle(p, "w1"))
        screen = (await p.app.call("agent.capture", {"id": "w1"}))["text"]
        assert "SHELL `npm test -- cart`" in screen
        assert "Ran" not in screen


async def test_a_question_in_a_pane_is_answered_from_the_chat(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        await asks(p, "w1", "npm test -- cart")
        card = await p.message(is_ask("npm test -- cart"))
        assert "w1 wants to run" in card["text"]
        assert str(p.project) in card["text"]
        labels = [b["label"] for row in card["buttons"] for b in row]
        assert labels[:2] == ["Yes", "No"]
        assert "Yes, and don't ask again" in labels
        answer = await p.client.press(card["message_id"], "Yes")
        assert answered(answer, "w1: Yes")
        done = await p.becomes(card["message_id"], lambda m: "✅ w1: Yes – Olga" in m["text"])
        assert done["buttons"] in ([], None)
        await until(lambda: state(p, "w1") == "idle", what="idle")
        entries = await p.app.services.audit.recent(20)
        mine = [e for e in entries if e.action == "permission.answer"]
        assert [(e.outcome, e.detail["command"], e.detail["answer"]) for e in mine] == [
            ("done", "npm test -- cart", "Yes")
        ]
        late = await p.client.press(card["message_id"], "Yes")
        await p.told("answered already", late)


async def test_a_dialog_that_changed_is_refused_each_time_and_nothing_is_pressed(tmp_path: Path) -> None:
    """Between card and tap the question is answered at the pane and another one comes up: 20 of 20."""
    async with product(tmp_path, agents=1, beads=False) as p:
        panes = p.app.services.panes
        pane = p.app.services.watch.view("w1").agent.pane
        assert pane
        await until(lambda: p.app.chat is not None, "the bot")
        assert p.app.chat is not None
        turns = p.app.chat._turns
        await asks(p, "w1", "git push origin b0")
        card = await p.message(is_ask("git push origin b0"))
        for number in range(1, 21):
            assert await panes.keys(pane, "Escape")
            await until(lambda: state(p, "w1") == "idle", what="idle")
            await asks(p, "w1", f"git push origin b{number}")
            await until(lambda: state(p, "w1") == "waiting", what="the next question")
            answer = await p.client.press(card["message_id"], "Yes")
            assert any(answered(answer, words) for words in ("changed", "else", "answered already")), answer
            await until(lambda: not turns.tasks, "the end of the tap")
            dialog = (await p.app.services.watch.look(["w1"]))["w1"].reading
            assert dialog is not None
            assert dialog.dialog is not None
            assert dialog.dialog.command == f"git push origin b{number}"
            newer = card["message_id"]
            card = await p.message(later(newer))


async def test_no_key_goes_to_a_pane_that_is_not_waiting(tmp_path: Path) -> None:
    """Even when our last look is older than the answer at the pane: the key is bound to what stands there."""
    async with product(tmp_path, agents=1, beads=False) as p:
        services = p.app.services
        pane = services.watch.view("w1").agent.pane
        assert pane
        for number in range(5):
            await asks(p, "w1", f"make run{number}")
            card = await p.message(is_ask(f"make run{number}"))
            assert await services.panes.keys(pane, "Escape")
            answer = await p.client.press(card["message_id"], "Yes")
            assert "✅" not in (await p.becomes(card["message_id"], lambda m: not m["buttons"]))["text"], answer
            await until(lambda: state(p, "w1") == "idle", what="idle")
            view = await services.watch.fresh("w1")
            assert view.draft is None, "a digit was typed into the composer"
        result = await services.panes.press(pane, "1", shows=("1. Yes", "make run"))
        assert (result.ok, result.why) == (False, "changed")


async def test_a_lasting_grant_needs_an_owner_and_a_second_tap(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        otto = await p.person("Otto", "operator")
        group = await p.group(otto)
        await asks(p, "w1", "cargo build")
        card = await p.message(is_ask("cargo build"))
        shared = p.app.services.permissions.open()[0].card
        async with p.app.services.store.begin() as tx:
            await post(tx, "permission", {"card": shared}, chat_id=group, key=card_key(shared))
        there = await p.message(is_ask("cargo build"), group)
        answer = await p.client.press(there["message_id"], button(there, "don't ask again"), who=otto, chat=group)
        await p.told("Only an owner may grant this for good", answer, chat=group)
        await p.client.press(card["message_id"], button(card, "don't ask again"))
        sure = await p.becomes(card["message_id"], lambda m: "Sure?" in m["text"])
        assert state(p, "w1") == "waiting"
        await p.client.press(card["message_id"], "Back")
        await p.becomes(card["message_id"], lambda m: "Sure?" not in m["text"])
        await p.client.press(card["message_id"], button(card, "don't ask again"))
        await p.becomes(card["message_id"], lambda m: "Sure?" in m["text"])
        await p.client.press(card["message_id"], button(sure, "✔"))
        await p.becomes(card["message_id"], lambda m: "✅ w1: Yes, and don't ask again" in m["text"])


async def test_the_same_question_of_three_agents_is_one_card_unless_it_is_asked_elsewhere(tmp_path: Path) -> None:
    async with product(tmp_path, agents=4, beads=False) as p:
        other = tmp_path / "shop-w4"
        other.mkdir()
        await p.app.services.registry.update("w4", workdir=other)
        for agent in p.agents:
            await asks(p, agent, "ls -la")
        card = await p.message(lambda m: "w1, w2, w3 want to run" in m["text"])
        await p.message(lambda m: "w4 wants to run" in m["text"] and f"in {other}" in m["text"])
        await p.client.press(card["message_id"], button(card, "Yes for 3 agents"))
        done = await p.becomes(card["message_id"], lambda m: m["text"].count("✅") == 3)
        assert not done["buttons"]
        for agent in p.agents[:3]:
            await until(is_idle(p, agent), what="idle")
        assert state(p, "w4") == "waiting"


async def test_dangerous_questions_stand_alone_and_a_shared_card_can_be_split(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2, beads=False) as p:
        for agent in p.agents:
            await asks(p, agent, "rm -rf build")
        for agent in p.agents:
            card = await p.message(wants(agent, "rm -rf build"))
            assert "deletes" in card["text"]
            await p.client.press(card["message_id"], "No")
            await p.becomes(card["message_id"], lambda m: "✖" in m["text"])
        for agent in p.agents:
            await asks(p, agent, "git log -1")
        card = await p.message(lambda m: "w1, w2 want to run" in m["text"])
        await p.client.press(card["message_id"], "Look at each")
        await p.becomes(card["message_id"], lambda m: "one by one" in m["text"])
        one = await p.message(lambda m: "w2 wants to run" in m["text"] and "git log -1" in m["text"])
        await p.client.press(one["message_id"], "Yes")
        await p.becomes(one["message_id"], lambda m: "✅ w2" in m["text"])
        assert state(p, "w1") == "waiting"


async def test_no_and_words_for_the_agent(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        await asks(p, "w1", "npm publish")
        card = await p.message(is_ask("npm publish"))
        await p.client.press(card["message_id"], button(card, "No, and tell"))
        question = await p.message(lambda m: "Reply to this message" in m["text"])
        assert state(p, "w1") == "waiting"  # nothing is decided before the words are there
        await p.client.say("Publish to the test registry only", reply_to=question["message_id"])
        await p.becomes(card["message_id"], lambda m: "✖ w1: No: Publish to the test" in m["text"])
        await until(lambda: any("test registry only" in text for text in p.prompts("w1")), what="the words")
        assert p.prompts("w1")[-1].count("Publish to the test registry only") == 1


async def test_one_reminder_then_one_digest_and_then_silence(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2, beads=False) as p:
        permissions = p.app.services.permissions
        reminding = permissions.reminding
        for agent, command in (("w1", "ls .."), ("w2", "make all")):
            await asks(p, agent, command)
            await p.message(is_ask(command))
        await reminding.run()
        assert [ask.reminded_at for ask in permissions.open()] == [None, None]  # not late yet
        reminding._clock = Ahead(timedelta(minutes=11))
        await reminding.run()
        await reminding.run()
        await until(lambda: told(p, "still waits for you", 2), what="a reminder of each")
        reminding._clock = Ahead(timedelta(minutes=80))
        await reminding.run()
        await reminding.run()
        digest = await p.message(lambda m: "2 questions still wait for you" in m["text"])
        assert "w1" in digest["text"]
        assert "ls .." in digest["text"]
        assert "make all" in digest["text"]
        reminding._clock = Ahead(timedelta(hours=9))
        await reminding.run()  # the same two: it was said
        await p.client.press(digest["message_id"], "✋ w2")
        again = await p.message(lambda m: m["message_id"] > digest["message_id"] and is_ask("make all")(m))
        await p.client.press(digest["message_id"], "✋ w2")
        below = await p.message(lambda m: m["message_id"] > again["message_id"] and is_ask("make all")(m))
        await p.client.press(below["message_id"], "No")
        for card in (again, below):
            await p.becomes(card["message_id"], lambda m: "✖ w2: No" in m["text"] and not m["buttons"])
        late = await p.client.press(digest["message_id"], "✋ w2")
        await p.told("answered meanwhile", late)
        assert sum("still wait" in m["text"] for m in await p.all()) == 3


async def test_a_screen_that_no_rule_knows_is_shown_as_a_picture_with_keys(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        pane = p.app.services.watch.view("w1").agent.pane
        assert pane
        await p.app.services.panes.keys(pane, "/menu", literal=True)
        await p.app.services.panes.keys(pane, "Enter")
        card = await p.message(lambda m: "something that I do not know" in m["text"] and bool(m["buttons"]))
        assert card["photo"]
        labels = [b["label"] for row in card["buttons"] for b in row]
        assert labels[:4] == ["↑", "↓", "⏎ Enter", "⎋ Esc"]
        # Only an owner, for nobody knows what it grants.
        (ask,) = p.app.services.permissions.open()
        guest = await p.person("Ann", "supervisor")
        group = await p.group(guest)
        async with p.app.services.store.begin() as tx:
            await post(tx, "permission", {"card": ask.card}, chat_id=group, key=card_key(ask.card))
        theirs = await p.message(lambda m: "do not know" in m["text"] and bool(m["buttons"]), chat=group)
        answer = await p.client.press(theirs["message_id"], "↓", chat=group, who=guest)
        await p.told("owner", answer, chat=group)
        assert p.app.services.permissions.open()[0].command == ask.command
        await p.client.press(card["message_id"], "↓")
        await until(lambda: ">> green" in p.app.services.permissions.open()[0].command, "the mark on the card")
        assert [one.id for one in p.app.services.permissions.open()] == [ask.id]
        # A tap on what the card showed before does nothing.
        stale = next(b["data"] for row in card["buttons"] for b in row if b["label"] == "⏎ Enter")
        await p.client.press(card["message_id"], stale)
        assert p.app.services.permissions.open()
        now = await p.becomes(card["message_id"], lambda m: bool(m["buttons"]) and m["edits"] > card["edits"])
        await p.client.press(card["message_id"], button(now, "⏎ Enter"))
        sure = await p.becomes(card["message_id"], lambda m: "Nobody knows what this does" in m["text"])
        await p.client.press(card["message_id"], button(sure, "✔"))
        await p.becomes(card["message_id"], lambda m: "✅ w1: ⏎ Enter – Olga" in m["text"])
        screen = (await p.app.call("agent.capture", {"id": "w1"}))["text"]
        assert "Colour: green" in screen


async def test_a_screen_that_moves_or_is_at_work_gets_no_card(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        pane = p.app.services.watch.view("w1").agent.pane
        assert pane
        await p.app.services.panes.keys(pane, "/menu", literal=True)
        await p.app.services.panes.keys(pane, "Enter")
        for _ in range(8):  # somebody at the pane who chooses
            await asyncio.sleep(0.6)
            await p.app.services.panes.keys(pane, "Down")
            assert not p.app.services.permissions.open()
        await p.app.services.panes.keys(pane, "Escape")
        await until(is_idle(p, "w1"))
        assert not p.app.services.permissions.open()

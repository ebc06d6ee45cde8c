"""Presses on buttons: each is answered and does once what it says; what no button of ours carries does nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiogram.types import CallbackQuery, Update

from bot.errors import Refused
from bot.telegram.access import Role
from bot.telegram.people import Person
from handlers.middlewares import Answers
from handlers.say import Say, Tap
from tests.flow.product import Product, button, product, until
from tests.patience import PATIENCE_S

ANSWER = "answerCallbackQuery"
OLD = {"message_id": 7, "date": 0}  # Bot API: an InaccessibleMessage has the date 0


async def test_a_press_under_a_message_that_is_too_old_is_answered(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        await until(lambda: p.app.chat is not None)
        assert p.app.chat is not None
        for number, user in enumerate((p.client.sandbox.owner, 4242)):
            person = {"id": user, "is_bot": False, "first_name": "A"}
            message = {**OLD, "chat": {"id": user, "type": "private"}}
            press = {"id": f"q{number}", "from": person, "chat_instance": "c", "data": "x:1", "message": message}
            update = {"update_id": 900 + number, "callback_query": press}
            await p.app.chat.dispatcher.feed_update(p.app.chat.bot, Update.model_validate(update))
        told = [call["parameters"] for call in await p.client.calls(ANSWER)]
        assert [(t["callback_query_id"], "too old" in t.get("text", "")) for t in told] == [("q0", True), ("q1", False)]


async def _tap(p: Product, handler: Callable[[Tap], Awaitable[None]]) -> None:
    """A press of the owner's on a button behind which is this handler; Telegram finds it too old to be answered."""
    assert p.app.chat is not None
    bot, owner = p.app.chat.bot, p.client.sandbox.owner
    you = {"id": owner, "is_bot": False, "first_name": "You"}
    press = CallbackQuery.model_validate({"id": "q", "from": you, "chat_instance": "c", "data": "x:1"})

    async def handle(_event: object, data: dict[str, Any]) -> None:
        await handler(data["tap"])

    data = {"say": Say(p.app.services.store, owner), "person": Person(owner, "Olga", Role.OWNER), "bot": bot}
    await Answers()(handle, press.as_(bot), data)


async def test_a_refusal_that_no_alert_can_show_is_said_in_the_chat(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        await until(lambda: p.app.chat is not None)
        for number, why in enumerate(("This draft changed. " * 12, "Ask " + "🦊" * 100, "Too late.")):
            hint = f"The new one: {number}."

            async def refuse(_tap: Tap, why: str = why, hint: str = hint) -> None:
                raise Refused(why, hint=hint)

            await _tap(p, refuse)
            await p.message(lambda m, hint=hint: m["text"].endswith(hint))  # type: ignore[misc]
        shown = [call["parameters"].get("text") for call in await p.client.calls(ANSWER)]
        assert shown == [None, None, "Too late.\nThe new one: 2."]  # said once, and whole


async def test_a_press_that_cannot_be_answered_is_done_all_the_same(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        await until(lambda: p.app.chat is not None)
        done = []

        async def work(tap: Tap) -> None:
            done.append(await tap.answer("Sending 3."))
            await tap.tell("w1 has stopped.", Say(p.app.services.store, p.client.sandbox.owner))

        await _tap(p, work)
        await p.client.say("/help")
        await p.message(lambda m: "You are an owner" in m["text"])
        assert done == [False]
        assert "w1 has stopped." in [m["text"] for m in await p.all()]  # what stands nowhere else is not lost
        assert [m["text"] for m in await p.all() if "went wrong" in m["text"]] == []


async def test_what_no_button_of_ours_carries_does_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Telegram app can be made to send any callback_data."""
    monkeypatch.setattr("handlers.middlewares.ANSWER_WITHIN_S", PATIENCE_S)  # however slow, with its words
    async with product(tmp_path, agents=1) as p:
        draft = await p.draft()
        assert p.app.chat is not None
        owner, dispatcher = p.client.sandbox.owner, p.app.chat.dispatcher
        name = draft["text"].split()[2]
        forged = [
            *("", "x", "☃" * 21, "d:" + "a" * 62, "\udc80", f"d:{name}:1:burn", f"d:{name}:one:send", "a:w1:burn"),
            *("d::1:send", "r::retry", f"i:{name}:1:-1:send", f"i:{name}:1:-1:show", f"i:{name}:1:9:show"),
            *(f"s:{name}:1:0:nobody", "y:none:enter", "y::resend", "a:nobody:stop", "a::stop", "k:nobody:use"),
            *("q:nobody:rotate:", "c:none:yes", "p:none:x:o0", "p:none:x:o²", "g:burn:0"),
        ]
        person = {"id": owner, "is_bot": False, "first_name": "A"}
        message = {"message_id": draft["message_id"], "date": 1, "chat": {"id": owner, "type": "private"}}
        for number, data in enumerate(forged):
            press = {"id": f"q{number}", "from": person, "chat_instance": "c", "data": data, "message": message}
            update = {"update_id": 900 + number, "callback_query": press}
            await dispatcher.feed_update(p.app.chat.bot, Update.model_validate(update))
        answers = {c["parameters"]["callback_query_id"]: c["parameters"] for c in await p.client.calls(ANSWER)}
        silent = [data for number, data in enumerate(forged) if not answers.get(f"q{number}", {}).get("text")]
        assert silent == []
        assert p.prompts("w1") == []
        now = await p.status(name)
        assert (now["status"], now["version"], now["items"][0]["status"]) == ("pending", 1, "drafted")


async def test_of_many_taps_on_one_button_the_first_counts_and_the_rest_are_told_once(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        draft = await p.draft()
        mid, label = draft["message_id"], button(draft, "Send 1")
        assert p.app.chat is not None
        free, turns, owner = asyncio.Event(), p.app.chat._turns, p.client.sandbox.owner

        async def long_work(_before: object) -> None:
            await free.wait()

        turns.give((owner, owner), long_work)
        await asyncio.gather(*(p.client.press(mid, label) for _ in range(30)))  # all are answered before they are done
        free.set()
        await p.becomes(mid, lambda m: "1 of 1 taken" in m["text"])
        await until(lambda: not turns.tasks)
        await p.client.say("/help")
        await p.message(lambda m: m["message_id"] > mid and "/broadcast" in m["text"] and m["from"]["is_bot"])
        said = [m["text"] for m in await p.all() if "sent draft" in m["text"]]
        assert len(said) == 1, said
        assert len(p.prompts("w1")) == 1


async def test_a_press_that_has_to_wait_for_its_turn_is_answered_first(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        owner = p.client.sandbox.owner
        await p.client.say("/agents")
        board = await p.message(lambda m: bool(m["buttons"]))
        assert p.app.chat is not None
        free = asyncio.Event()

        async def long_work(_before: object) -> None:
            await free.wait()

        p.app.chat._turns.give((owner, owner), long_work)
        label = board["buttons"][0][0]["label"]
        answer = await p.client.press(board["message_id"], label)
        assert answer["answer"] is not None
        free.set()
        await until(lambda: p.app.chat is not None and not p.app.chat._turns.tasks)

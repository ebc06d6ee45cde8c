"""How updates are taken: in the order of asking, each press answered, and a word when Telegram is out of reach."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiogram.types import CallbackQuery, Update
from sqlalchemy import text

from bot.cli.running import started
from bot.errors import Refused
from bot.home import Home
from bot.remote.server import Server
from bot.store.tables import UpdateRow
from bot.telegram.access import Role
from bot.telegram.people import Person
from handlers.middlewares import Answers
from handlers.say import Say, Tap
from tests.flow.product import Product, button, crew, product, until
from tests.integration.sandbox_client import running
from tests.integration.shop import MAF, Shop
from tests.patience import PATIENCE_S

ANSWER = "answerCallbackQuery"
OLD = {"message_id": 7, "date": 0}  # Bot API: an InaccessibleMessage has the date 0


async def test_quick_messages_of_one_person_are_answered_in_order(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        # Reading the logs takes a thread; a word that is no command is answered at once.
        p.home.logs.mkdir(exist_ok=True)
        (p.home.logs / "maf.log").write_text("a line\n", "utf8")
        asked = [f"/zz{n}" if n % 2 else "/logs" for n in range(10)]
        for one in asked:
            await p.client.say(one)

        async def answers() -> list[str]:
            texts = [m["text"] for m in await p.all() if m["from"]["is_bot"]]
            return [next((a for a in asked if f" {a}." in t), "/logs") for t in texts if "🧾" in t or "/zz" in t]

        async def all_there() -> bool:
            return len(await answers()) == len(asked)

        await until(all_there)
        assert await answers() == asked


async def test_the_menu_is_published_also_where_the_first_try_fails(tmp_path: Path) -> None:
    async with running() as client:
        await client.fault("500", method="setMyCommands")
        sandbox = client.sandbox
        async with crew(tmp_path, server=sandbox.origin, token=sandbox.token, agents=0, beads=False):

            async def published() -> bool:
                return bool(await client.get(f"/sandbox/commands?chat={sandbox.owner}"))

            await until(published)


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


async def test_what_is_no_text_is_answered_and_what_telegram_writes_is_not(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        await until(lambda: p.app.chat is not None)
        assert p.app.chat is not None
        owner = p.client.sandbox.owner
        common = {
            "date": 1,
            "from": {"id": owner, "is_bot": False, "first_name": "You"},
            "chat": {"id": owner, "type": "private", "first_name": "You"},
        }
        photo = {"photo": [{"file_id": "f", "file_unique_id": "f", "width": 1, "height": 1}], "caption": "/send w1 hi"}
        pinned = {"pinned_message": {**common, "message_id": 3, "text": "x"}}
        for number, content in enumerate((pinned, photo)):
            message = {**common, "message_id": 900 + number, **content}
            update = Update.model_validate({"update_id": 900 + number, "message": message})
            await p.app.chat.dispatcher.feed_update(p.app.chat.bot, update)
        await p.message(lambda m: "I read text only" in m["text"])
        assert len([m for m in await p.all() if m["from"]["is_bot"]]) == 1


async def test_a_command_that_was_forwarded_is_nobody_s_wish_but_a_pair_code_is_there_to_be_handed_on(
    tmp_path: Path,
) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        await until(lambda: p.app.chat is not None)
        assert p.app.chat is not None
        written = {"type": "hidden_user", "sender_user_name": "Mallory", "date": 1}
        code = (await p.app.call("pair.create", {"role": "viewer"}))["code"]
        owner = p.client.sandbox.owner
        for number, (text, user) in enumerate({"/broadcast_pack release": owner, f"/pair {code}": 4242}.items()):
            person = {"id": user, "is_bot": False, "first_name": "You"}
            chat = {"id": user, "type": "private", "first_name": "You"}
            message = {
                "message_id": 900,
                "date": 1,
                "from": person,
                "chat": chat,
                "forward_origin": written,
                "text": text,
            }
            update = Update.model_validate({"update_id": 900 + number, "message": message})
            await p.app.chat.dispatcher.feed_update(p.app.chat.bot, update)
        await p.message(lambda m: "I do not act on a forwarded command" in m["text"])
        assert [one["id"] for one in await p.app.call("pack.list", {}) if one["active"]] == ["general"]
        assert [one["role"] for one in await p.app.call("people.list", {})] == ["owner", "viewer"]


async def test_in_a_group_a_word_with_our_name_is_answered_and_one_without_is_another_bot_s(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        group = await p.group()
        for text in ("/burn", "/burn@other_bot", "/burnt@maf_sandbox_bot"):
            await p.client.say(text, chat=group)
        await p.message(lambda m: m["text"].startswith("There is no command /burnt"), chat=group)
        assert len([m for m in await p.all(group) if m["from"]["is_bot"]]) == 1


async def test_a_database_that_fails_for_a_while_ends_nothing_and_loses_nothing(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        table = UpdateRow.__tablename__

        async def rename(old: str, new: str) -> None:
            async with p.app.services.store.begin() as tx:
                await tx.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

        await rename(table, "away")
        await p.client.say("/help")
        asked = len(await p.client.calls("getUpdates"))
        await until(lambda: _asked(p, asked + 2))
        assert not p.bot.done()
        await rename("away", table)
        await p.message(lambda m: "You are an owner" in m["text"])


async def _asked(p: Product, times: int) -> bool:
    return len(await p.client.calls("getUpdates")) >= times


async def test_a_group_that_takes_the_bot_in_again_gets_what_it_missed(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        group = await p.group()
        block = f"/sandbox/chats/{group}/block"
        await p.client.post(block, {"from": p.client.sandbox.owner, "blocked": True})
        await p.client.say("/help", chat=group)
        await until(lambda: _said(p, "Forbidden: bot was kicked from the group chat"))
        await p.client.post(block, {"from": p.client.sandbox.owner, "blocked": False})
        await p.message(lambda m: "You are an owner" in m["text"], chat=group)
        assert len([m for m in await p.all(group) if m["from"]["is_bot"]]) == 1


async def _said(p: Product, words: str) -> bool:
    """Whether a call was answered with these words, and the outbox knows."""
    assert p.app.chat is not None
    calls = [c for c in await p.client.calls("sendMessage") if c["answer"]]
    health = await p.app.call("health", {})
    return bool(health["messages_failed"]) and any(words == c["answer"].get("description") for c in calls)


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


def test_the_terminal_says_when_telegram_cannot_be_reached(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.maf("init")
    with socket.socket() as taken:  # bound and not listening: whoever connects is refused
        taken.bind(("127.0.0.1", 0))
        env = {
            **shop.env,
            "MAF_BOT_TOKEN": "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "MAF_TELEGRAM_API": f"http://127.0.0.1:{taken.getsockname()[1]}",
        }
        with subprocess.Popen([*MAF, "up"], cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) as bot:
            assert bot.stderr is not None
            try:
                lines = iter(bot.stderr.readline, "")
                line = next(line for line in lines if "cannot be reached" in line)
                assert line.startswith("Telegram cannot be reached (")
                assert line.endswith("); trying again.\n")
                assert "AAAAAAA" not in line
                health = json.loads(shop.maf("health", "--json").stdout)
                assert health["telegram"].startswith("cannot be reached (")
            finally:
                bot.terminate()
                bot.wait(timeout=PATIENCE_S)
                shop.end()


async def test_a_socket_that_a_killed_bot_left_is_no_sign_of_life(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.socket.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(home.socket))
    leaving = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.2, leaving.set_result, None)
    assert not await started(home, leaving)
    server = Server(home.socket, nothing, nothing)
    await server.start()
    try:
        assert await started(home, asyncio.get_running_loop().create_future())
    finally:
        await server.stop()


async def nothing(*_: object) -> None:
    """Neither operations nor hooks are called here."""

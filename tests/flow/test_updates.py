"""How updates are taken: in the order of asking, and a word when Telegram is out of reach."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from pathlib import Path

from aiogram.types import Update
from sqlalchemy import text

from bot.cli.running import started
from bot.home import Home
from bot.remote.server import Server
from bot.store.tables import UpdateRow
from tests.flow.product import Product, crew, product, until
from tests.integration.sandbox_client import running
from tests.integration.shop import MAF, Shop
from tests.patience import PATIENCE_S


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
            assert len(await client.calls("setMyCommands")) >= 2


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


async def test_words_of_others_are_nobody_s_wish_but_a_pair_code_is_there_to_be_handed_on(tmp_path: Path) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        await until(lambda: p.app.chat is not None)
        assert p.app.chat is not None
        owner = p.client.sandbox.owner
        you = {"id": owner, "is_bot": False, "first_name": "You"}
        inline = {"id": 77, "is_bot": True, "first_name": "Inline"}
        question = {"message_id": 8, "date": 1, "chat": {"id": owner, "type": "private"}, "from": inline, "text": "?"}
        code = (await p.app.call("pair.create", {"role": "viewer"}))["code"]
        by_another = [
            {"forward_origin": {"type": "hidden_user", "sender_user_name": "Mallory", "date": 1}},
            {"via_bot": inline},
        ]
        not_asked = [{"text": "/broadcast_pack release"}, {"text": "yes", "reply_to_message": question}]
        sent = [(you, words | origin) for words in not_asked for origin in by_another]
        sent.append(({**you, "id": 4242}, {"text": f"/pair {code}"} | by_another[0]))
        for number, (person, content) in enumerate(sent):
            chat = {"id": person["id"], "type": "private", "first_name": "You"}
            message = {"message_id": 900, "date": 1, "from": person, "chat": chat, **content}
            update = Update.model_validate({"update_id": 900 + number, "message": message})
            await p.app.chat.dispatcher.feed_update(p.app.chat.bot, update)
        refused = "I do not act on words that another wrote"
        await p.client.until(lambda ms: sum(refused in m["text"] for m in ms) == len(sent) - 1)
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

        await until(lambda: _asked(p, 1))  # it has begun: what it reads when it starts is not meant here
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
    return bool(health["closed_chats"]) and any(words == c["answer"].get("description") for c in calls)


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
    server = Server(home.socket, nothing, nothing, nothing)
    await server.start()
    try:
        assert await started(home, asyncio.get_running_loop().create_future())
    finally:
        await server.stop()


async def nothing(*_: object) -> None:
    """Neither operations nor hooks are called here."""

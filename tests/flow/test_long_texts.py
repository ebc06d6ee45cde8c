"""Texts that an app cuts in several messages, files that stand for a prompt, albums and edits, over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from bot.store.tables import OutboxRow, UpdateRow
from tests.flow.product import Product, button, product, prompts_of, until
from tests.flow.test_kill import Scene, scene


def prose(characters: int, between: str = "\n") -> str:
    """Sentences, each of another number, as long as that or a little shorter."""
    text = ""
    for number in range(10_000):
        sentence = f"Sentence {number} says what to do about it.{between}"
        if len(text) + len(sentence) > characters:
            break
        text += sentence
    return text.strip()


def cut(text: str) -> list[str]:
    """As Telegram for iOS does: after the last dot or line that fits into a message."""
    pieces = []
    while len(text) > 4096:
        end = max(text.rfind(".", 0, 4096), text.rfind("\n", 0, 4096)) + 1 or 4096
        pieces, text = [*pieces, text[:end].strip()], text[end:].strip()
    return [*pieces, text]


async def send_cut(p: Product, text: str, **more: Any) -> None:
    for piece in cut(text):
        await p.client.say(piece, **more)


async def took(p: Product, agent: str, text: str) -> None:
    """The agent got that very text, once."""

    def prompted() -> bool:
        return bool(p.prompts(agent))

    await until(prompted, f"a prompt for {agent}")
    assert p.prompts(agent)[0].rsplit("\nref: ", 1)[0] == text
    assert len(p.prompts(agent)) == 1


async def test_a_cut_prompt_is_sent_whole_by_command_and_by_reply(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2, beads=False) as p:
        text = prose(10_000)
        await send_cut(p, f"/send w1 {text}")
        await took(p, "w1", text)
        await p.client.say("/w2")
        card = await p.message(lambda m: m["text"].startswith("🟢 w2"))
        await p.client.press(card["message_id"], "✉️ Send")
        ask = await p.message(lambda m: "w2" in m["text"] and m["message_id"] > card["message_id"])
        first, rest = cut(prose(6_000, between=" "))
        await p.client.say(first, reply_to=ask["message_id"])
        await p.client.say(rest)
        await took(p, "w2", prose(6_000, between=" "))
        assert not any("I did nothing" in m["text"] or "Is that all" in m["text"] for m in await p.all())


async def test_a_cut_text_is_whole_on_a_draft_and_in_its_edit(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        await send_cut(p, f"/broadcast {prose(5_000)}")
        draft = await p.message(lambda m: "📝 Draft" in m["text"])
        assert (await p.status())["items"][0]["prompt"] == prose(5_000)
        await p.client.press(draft["message_id"], button(draft, "Look at each"))
        page = await p.becomes(draft["message_id"], lambda m: m["text"].startswith("1/1 · w1"))
        await p.client.press(page["message_id"], button(page, "Edit"))
        ask = await p.message(lambda m: "Reply to this message with the new prompt for w1" in m["text"])
        await send_cut(p, prose(9_000), reply_to=ask["message_id"])
        await p.message(lambda m: f"w1 gets your text in draft {draft['text'].split()[2]}" in m["text"])
        assert (await p.status())["items"][0]["prompt"] == prose(9_000)


async def test_of_a_text_as_long_as_a_message_it_is_asked_whether_it_is_all(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2, beads=False) as p:
        text = "- one\n" * 600 + "x" * 487  # with the command in front as many as a message holds
        await p.client.say(f"/send w1 {text}")
        ask = await p.message(lambda m: "Is that all of your text? It has 4,096 characters." in m["text"])
        assert p.prompts("w1") == []
        sam = await p.person("Sam", "owner")
        await p.client.say("/agents")  # other things go on meanwhile
        await p.message(lambda m: m["text"].startswith("🗂"))
        taps = await asyncio.gather(*(p.client.press(ask["message_id"], "✅ That is all") for _ in range(2)))
        assert sam
        await p.becomes(ask["message_id"], lambda m: m["text"].startswith("✂️ Taken as it is") and not m["buttons"])
        await took(p, "w1", text)
        await p.told("does not wait any more", *taps)
        await p.client.say(f"/send w2 {text}")
        ask = await p.message(lambda m: "Is that all" in m["text"])
        await p.client.press(ask["message_id"], "✖ Drop it")
        await p.becomes(ask["message_id"], lambda m: "Dropped" in m["text"])
        await p.client.say(f"/send w2 {text}")
        ask = await p.message(lambda m: "Is that all" in m["text"] and m["buttons"])
        await p.client.say("and the rest of it", reply_to=ask["message_id"])
        await took(p, "w2", f"{text}and the rest of it")


async def test_in_a_group_only_who_wrote_a_text_says_that_it_is_all(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        vera = await p.person("Vera", "viewer")
        group = await p.group(vera)
        await p.client.say(f"/send w1 {'x' * 4087}", chat=group)
        ask = await p.message(lambda m: "Is that all" in m["text"], chat=group)
        tap = await p.client.press(ask["message_id"], "✅ That is all", chat=group, who=vera)
        await p.told("Somebody else wrote that", tap, chat=group)
        assert p.prompts("w1") == []
        stranger = await p.client.post("/sandbox/users", {"name": "Mallory"})
        before = len(await p.client.calls("sendMessage"))
        await p.client.say(f"/send w1 {'x' * 4087}", chat=stranger["id"], who=stranger["id"])
        await p.client.say("/agents")
        await p.message(lambda m: m["text"].startswith("🗂"))
        to_them = [
            c for c in (await p.client.calls("sendMessage"))[before:] if c["parameters"]["chat_id"] == stranger["id"]
        ]
        assert to_them == []


async def test_a_file_is_a_prompt_for_the_agent_it_answers_else_it_is_asked_whom_it_is_for(tmp_path: Path) -> None:
    async with product(tmp_path, agents=3, beads=False) as p:
        text = "The plan:\n" + prose(60_000)
        await p.client.say("/w1")
        card = await p.message(lambda m: m["text"].startswith("🟢 w1"))
        await file(p, "plan.md", text, reply_to=card["message_id"])
        await took(p, "w1", text)
        await file(p, "notes.TXT", f"\ufeff/stop w1\n{text}")
        ask = await p.message(lambda m: "To whom?" in m["text"])
        assert ask["text"].startswith(f"📄 notes.TXT · {len(text) + 9:,} characters")
        taps = await asyncio.gather(*(p.client.press(ask["message_id"], button(ask, one)) for one in ("w2", "w3")))
        await until(lambda: bool(p.prompts("w2") or p.prompts("w3")), "the prompt")
        assert [len(p.prompts(agent)) for agent in ("w1", "w2", "w3")] in ([1, 1, 0], [1, 0, 1])
        assert taps
        assert "stopped" not in {a["state"] for a in await p.app.call("agent.list", {})}
        await p.becomes(ask["message_id"], lambda m: "prompt started" in m["text"])
        await file(p, "all.md", "Say hello.")
        ask = await p.message(lambda m: "all.md" in m["text"])
        await p.client.press(ask["message_id"], "📢 All, after asking")
        draft = await p.message(lambda m: "📝 Draft" in m["text"] and "Say hello." in m["text"])
        assert "3 prompts" in draft["text"]


async def file(p: Product, name: str, text: str, **more: Any) -> None:
    owner = p.client.sandbox.owner
    body = {"from": owner, "document": {"name": name, "text": text}, **more}
    await p.client.post(f"/sandbox/chats/{owner}/messages", body)


async def test_a_file_that_is_no_prompt_says_why(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        owner = p.client.sandbox.owner
        await file(p, "big.md", "x" * (100 * 1024 + 1))
        await p.message(lambda m: "at most 100 KB can be sent" in m["text"])
        await file(p, "blank.txt", " \n ")
        await p.message(lambda m: "the text is empty" in m["text"])
        body = {"from": owner, "document": {"name": "latin.txt", "base64": "6Q=="}}
        await p.client.post(f"/sandbox/chats/{owner}/messages", body)
        await p.message(lambda m: "latin.txt is no text in UTF-8" in m["text"])
        for name, more in (("plan.md", {"caption": "/send w1"}), ("plan.pdf", {})):
            said = len(await p.all())
            await file(p, name, "do it", **more)
            await p.message(lambda m, said=said: "I read text only" in m["text"] and m["message_id"] > said)  # type: ignore[misc]
        await p.client.fault("500", method="getFile")
        await file(p, "lost.md", "do it")
        await p.message(lambda m: "lost.md cannot be fetched from Telegram" in m["text"])
        assert p.prompts("w1") == []


async def test_a_file_is_the_new_prompt_where_one_is_asked_for(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as p:
        draft = await p.draft()
        await p.client.press(draft["message_id"], button(draft, "Look at each"))
        page = await p.becomes(draft["message_id"], lambda m: m["text"].startswith("1/1 · w1"))
        await file(p, "prompt.md", prose(8_000), reply_to=page["message_id"])
        await p.message(lambda m: "w1 gets your text" in m["text"])
        assert (await p.status())["items"][0]["prompt"] == prose(8_000)


async def test_an_album_gets_one_answer_and_an_edit_is_answered_once(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        owner = p.client.sandbox.owner
        path = f"/sandbox/chats/{owner}/messages"
        for name in ("a.md", "b.md", "c.md"):
            await file(p, name, "do it", media_group="12")
        said = await p.client.say("/agents")
        await p.message(lambda m: m["text"].startswith("🗂"))
        assert len([m for m in await p.all() if "I did nothing" in m["text"]]) == 1
        for text in ("/freeze all", "/stop w1"):
            await p.client.post(f"{path}/{said['message_id']}/edit", {"from": owner, "text": text})
        plain = await p.client.say("hello")
        await p.client.post(f"{path}/{plain['message_id']}/edit", {"from": owner, "text": "hello there"})
        await p.message(lambda m: "I do not follow edits" in m["text"])
        await p.client.say("/help")
        await p.message(lambda m: "You are an owner" in m["text"])
        assert len([m for m in await p.all() if "I do not follow edits" in m["text"]]) == 1
        assert (await p.app.call("agent.show", {"id": "w1"}))["state"] == "idle"


async def killed_with(s: Scene, text: str) -> None:
    """The bot is killed as soon as this text stands in its store."""
    await s.client.say(text)

    async def recorded() -> bool:
        async with s.store.begin() as tx:
            rows = await tx.scalars(select(UpdateRow).where(UpdateRow.piece_of.is_not(None)))
            return any(row.payload["message"]["text"] == text for row in rows)

    await until(recorded, "the row of the text")
    await s.kill()


def prompts(s: Scene, agent: str) -> list[str]:
    return [text.rsplit("\nref: ", 1)[0] for text in prompts_of(s.home, agent)]


async def test_the_rest_that_comes_after_a_kill_is_put_to_the_half_that_came_before_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        await s.start()
        text = prose(10_000)
        first, *rest = cut(f"/send {s.agents[0]} {text}")
        await killed_with(s, first)
        for piece in rest:
            await s.client.say(piece)
        await s.start()
        await until(lambda: prompts(s, s.agents[0]) == [text], "the whole prompt")
        assert not any("I was restarted" in m["text"] for m in (await s.client.messages())["messages"])
        # And a half whose rest never comes waits for an answer, over any number of kills.
        half = cut(f"/send {s.agents[1]} {text}")[0]
        await killed_with(s, half)
        for _ in range(2):
            await s.start()
            await until(lambda: asked(s), "the question")
            await s.kill()
        await s.start()
        (ask,) = [m for m in (await s.client.messages())["messages"] if "Is that all of your text?" in m["text"]]
        assert prompts(s, s.agents[1]) == []
        await s.client.press(ask["message_id"], "✅ That is all")
        await until(lambda: prompts(s, s.agents[1]) == [half.split(maxsplit=2)[2]], "what was said to be all")


async def asked(s: Scene) -> bool:
    """Whether the question stands in the chat, and the outbox knows."""
    async with s.store.begin() as tx:
        return "sent" in list(await tx.scalars(select(OutboxRow.status).where(OutboxRow.kind == "rest")))


async def test_a_text_that_waited_long_over_a_restart_is_not_sent_without_asking(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        await s.start()
        text = prose(3_000)
        await killed_with(s, f"/send {s.agents[0]} {text}")
        async with s.store.begin() as tx:
            before = UpdateRow.received_at
            await tx.execute(
                update(UpdateRow).where(UpdateRow.piece_of.is_not(None)).values(received_at=await ago(tx, before))
            )
        await s.start()
        ask = (await s.client.until(lambda ms: any("Shall I still act on your text?" in m["text"] for m in ms)))[-1]
        assert prompts(s, s.agents[0]) == []
        await s.client.press(ask["message_id"], "✅ Go on")
        await until(lambda: prompts(s, s.agents[0]) == [text], "the prompt")
        await killed_with(s, f"/send {s.agents[1]} {text}")
        await s.start()
        await until(lambda: prompts(s, s.agents[1]) == [text], "what was asked a moment ago")


async def ago(tx: Any, column: Any) -> Any:
    return (await tx.scalar(select(column).where(UpdateRow.piece_of.is_not(None)))) - timedelta(minutes=10)

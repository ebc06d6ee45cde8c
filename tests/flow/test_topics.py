"""Groups with topics: each agent has its own, and who asks in one is answered there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.flow.product import Product, product


async def threads(made: Product, chat: int) -> dict[str, int | None]:
    """The topic of each new message in that chat, by its first two words."""
    found: dict[str, int | None] = {}
    for call in await made.client.calls("sendMessage"):
        sent = call["parameters"]
        if int(sent["chat_id"]) == chat:
            thread = sent.get("message_thread_id")
            found[" ".join(sent["text"].split()[:2])] = int(thread) if thread else None
    return found


async def test_in_a_forum_each_agent_has_its_topic(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as made:
        owner = made.client.sandbox.owner
        forum = await made.group(forum=True)
        for word in ("/w1", "/w2", "/capture w1", "/agents"):
            await made.client.say(word, chat=forum, who=owner)
            await asyncio.sleep(0.3)  # so that the answers come in the order of the questions
        await made.message(lambda m: "🗂 2 agents" in m["text"], chat=forum)
        await made.message(lambda m: "👁 w1" in m["text"], chat=forum)
        topics = {c["parameters"]["name"]: c["answer"]["result"] for c in await made.client.calls("createForumTopic")}
        assert set(topics) == {"w1", "w2"}
        assert await threads(made, forum) == {
            "🟢 w1": topics["w1"]["message_thread_id"],
            "🟢 w2": topics["w2"]["message_thread_id"],
            "👁 w1": topics["w1"]["message_thread_id"],
            "🗂 2": None,
        }


async def test_who_asks_in_a_topic_is_answered_there(tmp_path: Path) -> None:
    async with product(tmp_path, agents=2) as made:
        owner = made.client.sandbox.owner
        forum = await made.group(forum=True)
        await made.client.say("/w1", chat=forum, who=owner)
        card = await made.message(lambda m: m["text"].startswith("🟢 w1"), chat=forum)
        for word, said in (("/agents", "🗂 2 agents"), ("/capture w9", "No agent named w9"), ("/capture w2", "👁 w2")):
            await made.client.say(word, chat=forum, who=owner, reply_to=card["message_id"])
            answer = await made.message(lambda m, said=said: said in m["text"], chat=forum)
            assert answer["topic"] == "w1"
        await made.client.press(card["message_id"], "✉️ Send", chat=forum, who=owner)
        assert (await made.message(lambda m: "Reply to this" in m["text"], chat=forum))["topic"] == "w1"
        # A draft belongs to the whole chat.
        await made.client.say("/broadcast_targeted", chat=forum, who=owner, reply_to=card["message_id"])
        draft = await made.message(lambda m: m["text"].startswith("📝 Draft"), chat=forum)
        where = await made.message(lambda m: "stands in the general topic" in m["text"], chat=forum)
        assert (draft["topic"], where["topic"]) == (None, "w1")
        # The topic goes while its answer is on its way: it is said to the whole chat.
        made.client.sandbox.world.chats[forum].topics.clear()
        await made.client.say("/tasks", chat=forum, who=owner, reply_to=card["message_id"])
        assert (await made.message(lambda m: "📋" in m["text"], chat=forum))["topic"] is None


async def test_a_topic_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        owner = made.client.sandbox.owner
        forum = await made.group(forum=True)
        await made.client.say("/w1", chat=forum, who=owner)
        await made.message(lambda m: "🟢 w1" in m["text"], chat=forum)
        made.client.sandbox.world.chats[forum].topics.clear()
        await made.client.say("/capture w1", chat=forum, who=owner)
        await made.message(lambda m: "👁 w1" in m["text"], chat=forum)
        assert len(await made.client.calls("createForumTopic")) == 2


async def test_what_belongs_into_a_topic_that_was_closed_is_said_to_the_whole_chat(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        owner = made.client.sandbox.owner
        forum = await made.group(forum=True)
        await made.client.say("/w1", chat=forum, who=owner)
        await made.message(lambda m: "🟢 w1" in m["text"], chat=forum)
        for topic in made.client.sandbox.world.chats[forum].topics.values():
            topic["open"] = False
        await made.client.say("/capture w1", chat=forum, who=owner)
        assert (await made.message(lambda m: "👁 w1" in m["text"], chat=forum))["topic"] is None
        assert len(await made.client.calls("createForumTopic")) == 1, "somebody closed it, and wants no other"


async def test_a_group_without_topics_is_written_to_as_ever(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1) as made:
        group = await made.group()
        await made.client.say("/w1", chat=group)
        await made.message(lambda m: "🟢 w1" in m["text"], chat=group)
        assert not await made.client.calls("createForumTopic")

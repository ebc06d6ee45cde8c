"""Who is shut out or given less: what they had begun has ended, at once and for good."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.telegram.lane import ENDED
from handlers.middlewares import OVER
from tests.flow.product import Product, answered, button, product, started_anew
from tests.flow.test_permissions import asks, is_ask

LOST = ["remove", "viewer"]
# Longer than the rounds in which live messages are looked at (3 s) and edited (3 s).
ROUNDS_S = 8.0


async def lose(p: Product, user: int, what: str) -> None:
    """The person is shut out, or becomes a viewer."""
    if what == "remove":
        await p.app.call("people.remove", {"id": user})
    else:
        await p.app.call("people.role", {"id": user, "role": what})


async def come_back(p: Product, user: int, role: str, *, chat: int) -> None:
    code = (await p.app.call("pair.create", {"role": role}))["code"]
    said = len(await p.all(chat))
    await p.client.say(f"/pair {code}", who=user, chat=chat)
    await p.client.until(lambda ms: any("Welcome" in m["text"] for m in ms[said:]), chat=chat)


async def edits(p: Product, message: dict[str, Any], chat: int) -> int:
    return next(int(m["edits"]) for m in await p.all(chat) if m["message_id"] == message["message_id"])


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("in_group", [False, True])
async def test_boards_and_watches_end_with_the_role_and_do_not_come_back(
    tmp_path: Path, lost: str, in_group: bool
) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        otto = await p.person("Otto", "operator")
        chat = await p.group(otto) if in_group else otto
        await p.client.say("/watch w1", who=otto, chat=chat)
        watch = await p.message(lambda m: m["text"].startswith("📺 w1"), chat)
        await p.client.say("/agents", who=otto, chat=chat)
        pinned = await p.message(lambda m: "🗂 1 agent" in m["text"], chat)
        tap = await p.client.press(pinned["message_id"], button(pinned, "📌"), who=otto, chat=chat)
        assert answered(tap, "Pinned")
        await p.client.say("/agents", who=otto, chat=chat)
        board = await p.message(lambda m: m["message_id"] > pinned["message_id"] and "🗂 1" in m["text"], chat)
        live = [watch, pinned, board]

        await lose(p, otto, lost)
        await p.app.call("agent.send", {"id": "w1", "text": "SHELL `touch a.txt`", "wait": 10})
        if lost == "remove" and not in_group:  # a stranger's chat: not one word
            before = [await edits(p, one, chat) for one in live]
            await asyncio.sleep(ROUNDS_S)
            assert [await edits(p, one, chat) for one in live] == before
        else:
            for one in live:
                over = await p.becomes(one["message_id"], lambda m: ENDED in m["text"], chat)
                assert not over["buttons"]
        ended = [await edits(p, one, chat) for one in live]

        async with started_anew(p) as again:
            await come_back(again, otto, "operator", chat=otto)
            view = await again.app.services.watch.fresh("w1")
            assert view.agent.pane and await again.app.services.panes.keys(view.agent.pane, "Escape")
            await asyncio.sleep(ROUNDS_S)
            assert [await edits(again, one, chat) for one in live] == ended
            assert not again.app.services.live.followed
            tap = await again.client.press(board["message_id"], button(board, "↻"), who=otto, chat=chat)
            assert answered(tap, OVER), tap


@pytest.mark.parametrize("lost", LOST)
async def test_a_question_that_waits_for_a_reply_ends(tmp_path: Path, lost: str) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        otto = await p.person("Otto", "operator")
        await p.client.say("/w1", who=otto, chat=otto)
        card = await p.message(lambda m: m["text"].startswith("🟢 w1"), otto)
        await p.client.press(card["message_id"], "✉️ Send", who=otto, chat=otto)
        question = await p.message(lambda m: "Reply to this message" in m["text"], otto)
        await lose(p, otto, lost)
        await p.client.say("what was asked of another", who=otto, chat=otto, reply_to=question["message_id"])
        async with started_anew(p) as again:
            await come_back(again, otto, "operator", chat=otto)
            await again.client.say("and once more", who=otto, chat=otto, reply_to=question["message_id"])
            await again.client.say("/send w1 this one", who=otto, chat=otto)
            await again.message(lambda m: "started" in m["text"], otto)
            assert [text for text in again.prompts("w1") if "this one" not in text] == []


@pytest.mark.parametrize("lost", LOST)
async def test_a_grant_that_was_tapped_once_is_not_to_be_had_with_the_second_tap(tmp_path: Path, lost: str) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        anna = await p.person("Anna", "owner")
        group = await p.group(anna)
        code = (await p.app.call("pair.create", {"role": "owner"}))["code"]
        await p.client.say(f"/pair {code}", chat=group)
        await p.message(lambda m: "What agents need comes here" in m["text"], group)
        await asks(p, "w1", "cargo build")
        card = await p.message(is_ask("cargo build"), group)
        await p.client.press(card["message_id"], button(card, "don't ask again"), who=anna, chat=group)
        sure = await p.becomes(card["message_id"], lambda m: "Sure?" in m["text"], group)
        second = button(sure, "✔")
        await lose(p, anna, lost)
        async with started_anew(p) as again:
            for who in (anna, again.client.sandbox.owner):
                await again.client.press(card["message_id"], second, who=who, chat=group)
            await again.all_handled()
            assert [ask.status for ask in again.app.services.permissions.open()] == ["open"]


async def test_the_second_tap_for_the_end_of_an_agent_ends_too(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        otto = await p.person("Otto", "supervisor")
        group = await p.group(otto)
        await asks(p, "w1", "cargo build")
        await p.client.say("/stop w1", who=otto, chat=group)
        sure = await p.message(lambda m: "That ends now" in m["text"], group)
        await lose(p, otto, "remove")
        await come_back(p, otto, "supervisor", chat=otto)
        tap = await p.client.press(sure["message_id"], button(sure, "Stop"), who=otto, chat=group)
        assert answered(tap, OVER), tap
        assert p.app.services.watch.view("w1").agent.desired == "running"


@pytest.mark.parametrize("lost", LOST)
async def test_an_open_page_of_a_draft_is_over(tmp_path: Path, lost: str) -> None:
    async with product(tmp_path, agents=2) as p:
        sue = await p.person("Sue", "supervisor")
        draft = await p.draft(chat=sue, who=sue)
        await p.client.press(draft["message_id"], button(draft, "Look at each"), who=sue, chat=sue)
        page = await p.becomes(draft["message_id"], lambda m: m["text"].startswith("1/2"), sue)
        await lose(p, sue, lost)
        await come_back(p, sue, "supervisor", chat=sue)
        for label in ("Send", "▶"):
            tap = await p.client.press(page["message_id"], button(page, label), who=sue, chat=sue)
            assert answered(tap, OVER), tap
        assert [p.prompts(agent) for agent in p.agents] == [[], []]

"""Chats that cannot be written to now: what is due there waits, is shown where somebody looks, and goes out at last."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.cli.checks import Check, chats
from bot.cli.running import tell_closed
from bot.cli.terminal import Terminal
from bot.notices import post
from tests.flow.product import Product, product, started_anew, until
from tests.flow.test_permissions import asks, is_ask


async def supervisors_group(p: Product, *, forum: bool = False) -> int:
    """The owner pairs in a group: what agents need comes there."""
    group = await p.group(forum=forum)
    code = (await p.app.call("pair.create", {"role": "owner"}))["code"]
    await p.client.say(f"/pair {code}", chat=group)
    await p.message(lambda m: "What agents need comes here" in m["text"], group)
    return group


async def forbid(p: Product, chat: int, what: str) -> None:
    await p.client.post(f"/sandbox/chats/{chat}/restrict", {"from": p.client.sandbox.owner, "forbids": what})


async def closed(p: Product) -> list[dict[str, Any]]:
    return list(await p.app.call("chats.closed", {}))


async def until_closed(p: Product, *, for_you: int) -> None:
    async def so() -> bool:
        return [one["for_you"] for one in await closed(p)] == [for_you]

    await until(so, "a closed chat")


async def test_what_agents_need_waits_for_a_group_that_muted_the_bot_and_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        group = await supervisors_group(p)
        await forbid(p, group, "text messages")
        await asks(p, "w1", "git push origin b0")
        await until_closed(p, for_you=1)
        (found,) = await doctor_on_chats(p)
        assert (found.status, "not enough rights" in found.detail) == ("failure", True)
        terminal = Terminal(str(p.home.root))
        told = await tell_closed(terminal, p.app, "")
        assert await tell_closed(terminal, p.app, told) == told
        assert capsys.readouterr().err.count("waits for the supervisors' chat") == 1
        await p.client.say("/health")  # in the private chat of the owner, which is open
        said = await p.message(lambda m: m["text"].startswith("🩺"))
        assert "1 message waits for the supervisors' chat" in said["text"]
        await forbid(p, group, "")
        await p.message(is_ask("git push origin b0"), group)
        await until_open(p)
        (found,) = await doctor_on_chats(p)
        assert found.status == "ok"
        assert await tell_closed(terminal, p.app, told) == ""
        assert "can be written to" in capsys.readouterr().err


async def test_a_message_in_the_chat_is_a_sign_that_it_may_be_open(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        group = await supervisors_group(p, forum=True)
        await forbid(p, group, "General")
        async with p.app.services.store.begin() as tx:
            await post(tx, "text", {"text": "for everybody"})
        await until_closed(p, for_you=1)
        await p.app.call("agent.send", {"id": "w1", "text": "SHELL `make`", "wait": 10})
        card = await p.message(is_ask("make"), group)
        assert card["topic"] == "w1", "the topics of agents are open"
        await forbid(p, group, "")  # of which the bot is not told
        await p.client.say("it is open again", chat=group)
        await p.message(lambda m: m["text"] == "for everybody", group)
        await until_open(p)


async def until_open(p: Product) -> None:
    async def so() -> bool:
        return not await closed(p)

    await until(so, "an open chat")


@pytest.mark.parametrize("what", ["blocked", "text messages"])
async def test_what_waited_goes_out_after_a_restart(tmp_path: Path, what: str) -> None:
    async with product(tmp_path, agents=0, beads=False) as p:
        group = await supervisors_group(p)
        block = f"/sandbox/chats/{group}/block"
        if what == "blocked":
            await p.client.post(block, {"from": p.client.sandbox.owner, "blocked": True})
        else:
            await forbid(p, group, what)
        async with p.app.services.store.begin() as tx:
            await post(tx, "text", {"text": "for everybody"})
        await until_closed(p, for_you=1)
        p.client.sandbox.world.chats[group].blocked = False  # while no bot heard of it
        p.client.sandbox.world.chats[group].forbids = []
        async with started_anew(p) as again:
            await again.message(lambda m: m["text"] == "for everybody", group)


async def doctor_on_chats(p: Product) -> list[Check]:
    """In a thread of its own: it waits for the bot's answer."""
    return await asyncio.to_thread(lambda: list(chats(p.home)))

"""Our hooks in a home that was the person's before: asked once in the chat, an owner's yes or no, and then kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bot.agents.environment import ProfileSetup
from bot.agents.model import Agent
from bot.clis.hooks import EVENTS, installed
from bot.notices import post
from tests.flow.product import Product, product

SETTINGS = '{\n    "model": "opus",\n    "hooks": {}\n}\n'


@asynccontextmanager
async def with_own_home(tmp_path: Path) -> AsyncIterator[tuple[Product, Path, Agent]]:
    """A home that the person had before, and an agent that is about to start there."""
    theirs = tmp_path / "dot claude"
    theirs.mkdir()
    (theirs / "settings.json").write_text(SETTINGS)
    async with product(tmp_path, agents=1, beads=False) as p:
        setup = p.app.services.hook_setup
        setup._profiles = lambda _agent: ProfileSetup(theirs)
        agent = replace(await p.app.services.registry.get("w1"), kind="claude")
        await setup.before_start(agent)
        yield p, theirs, agent


def asks(message: dict[str, object]) -> bool:
    return "May I add my hooks" in str(message["text"])


async def count(p: Product) -> int:
    return sum("hooks" in m["text"] for m in await p.all())


async def test_an_owner_says_yes(tmp_path: Path) -> None:
    async with with_own_home(tmp_path) as (p, theirs, agent):
        card = await p.message(asks)
        assert "dot claude" in card["text"]
        assert (theirs / "settings.json").read_text() == SETTINGS  # nothing before the yes
        await p.app.services.hook_setup.before_start(agent)  # asked once
        otto = await p.person("Otto", "supervisor")
        group = await p.group(otto)
        async with p.app.services.store.begin() as tx:
            await post(tx, "hooks_question", {"id": button_id(card)}, chat_id=group)
        there = await p.message(asks, group)
        refused = await p.client.press(there["message_id"], "Yes, add them", who=otto, chat=group)
        await p.told("Only an owner", refused, chat=group)
        assert not installed(theirs, "claude").any
        await p.client.press(card["message_id"], "Yes, add them")
        done = await p.becomes(card["message_id"], lambda m: "My hooks stand in" in m["text"])
        assert not done["buttons"]
        assert set(installed(theirs, "claude").events) == set(EVENTS["claude"])
        late = await p.client.press(card["message_id"], "No")
        await p.told("answered already", late)
        assert installed(theirs, "claude").any
        assert await count(p) == 1


async def test_no_is_remembered_and_can_be_changed_on_the_machine(tmp_path: Path) -> None:
    async with with_own_home(tmp_path) as (p, theirs, agent):
        card = await p.message(asks)
        await p.client.press(card["message_id"], "No")
        done = await p.becomes(card["message_id"], lambda m: "No hooks in" in m["text"])
        assert f"maf hooks install --path '{theirs}' --kind claude" in done["text"]
        await p.app.services.hook_setup.before_start(agent)
        assert (theirs / "settings.json").read_text() == SETTINGS
        assert await count(p) == 1
        await p.app.call("hooks.install", {"path": str(theirs), "kind": "claude"})
        assert installed(theirs, "claude").any
        await p.becomes(card["message_id"], lambda m: "My hooks stand in" in m["text"])
        # Taken out again on the machine: that is a no, and nobody asks.
        await p.app.call("hooks.remove", {"path": str(theirs), "kind": "claude"})
        await p.app.services.hook_setup.before_start(agent)
        await p.becomes(card["message_id"], lambda m: "No hooks in" in m["text"])
        assert not installed(theirs, "claude").any
        assert await count(p) == 1


async def test_what_the_bot_writes_into_a_home_of_ours_by_itself_is_in_the_trail_once(tmp_path: Path) -> None:
    async with product(tmp_path, agents=1, beads=False) as p:
        services = p.app.services
        ours = services.home.profile("main")
        services.hook_setup._profiles = lambda _agent: ProfileSetup(ours)
        agent = replace(await services.registry.get("w1"), kind="codex")

        async def trail() -> list[tuple[object, ...]]:
            rows = [row for row in await services.audit.recent() if row.action == "hooks.install"]
            return [(row.actor, row.target, row.detail, row.outcome) for row in rows]

        await services.hook_setup.before_start(agent)
        once = ("bot", str(ours), {"kind": "codex", "agent": "w1"}, "done")
        assert set(installed(ours, "codex").events) == set(EVENTS["codex"])
        assert await trail() == [once]
        await services.hook_setup.before_start(agent)  # nothing to write
        assert await trail() == [once]
        config = ours / "config.toml"
        config.write_text("{")
        await services.hook_setup.before_start(agent)  # nor what cannot be written
        config.write_text("")
        await services.hook_setup.before_start(agent)
        assert await trail() == [once, once]


def button_id(card: dict[str, object]) -> str:
    """The row that its buttons name."""
    rows = card["buttons"]
    assert isinstance(rows, list)
    return str(rows[0][0]["data"]).split(":")[1]
